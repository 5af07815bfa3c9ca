/* SPDX-License-Identifier: MIT */
/*
 * The descriptors of the published root, from layout/fields.def and
 * layout/tunables.def.
 */
#include "api/root.h"

#include "base/tunables.h"
#include "slab/object_cache.h"

_Static_assert(sizeof(struct heap) < UINT32_MAX &&
                   (int)TYPE_ID_COUNT < TYPE_ID_NONE,
               "the descriptors' integers are wide enough");

struct type_descriptor root_types[TYPE_ID_COUNT] = {
#define TYPE(s)         [TYPE_ID_##s] = {#s, sizeof(struct s)},
#define PRIVATE_TYPE(s) TYPE(s)
#define FIELD(s, f, enc, to)
#define ARRAY(s, f, enc, to)
#define PRIVATE_FIELD(s, f, enc, to)
#define PRIVATE_ARRAY(s, f, enc, to)
#include "layout/fields.def"
};

#define ROW(s, f, enc, to, bytes, elements) \
    {                                       \
        .name = #f,                         \
        .offset = offsetof(struct s, f),    \
        .width = (bytes),                   \
        .count = (elements),                \
        .type = TYPE_ID_##s,                \
        .target = TYPE_ID_##to,             \
        .encoding = ENC_##enc,              \
    },
#define TYPE(s)
#define PRIVATE_TYPE(s)
#define SCALAR(s, f, enc, to) ROW(s, f, enc, to, FIELD_SIZE(s, f), 1)
#define ELEMENTS(s, f, enc, to)             \
    ROW(s, f, enc, to, FIELD_ELEMENT(s, f), \
        FIELD_SIZE(s, f) / FIELD_ELEMENT(s, f))
#define FIELD(s, f, enc, to)         SCALAR(s, f, enc, to)
#define ARRAY(s, f, enc, to)         ELEMENTS(s, f, enc, to)
#define PRIVATE_FIELD(s, f, enc, to) SCALAR(s, f, enc, to)
#define PRIVATE_ARRAY(s, f, enc, to) ELEMENTS(s, f, enc, to)
struct field_descriptor root_fields[] = {
#include "layout/fields.def"
#define T(name, kind, def, min, max, unit, help) \
    SCALAR(tunables, name, PLAIN, void)
#define R(name, kind, def, min, max, unit, help) T(name, , , , , , )
#include "layout/tunables.def"
};
const uint32_t root_nfields = ARRAY_SIZE(root_fields);

/* The index of each field, in the order of root_fields. */
enum field_id {
#define FIELD(s, f, enc, to)         FIELD_ID_##s##_##f,
#define ARRAY(s, f, enc, to)         FIELD_ID_##s##_##f,
#define PRIVATE_FIELD(s, f, enc, to) FIELD_ID_##s##_##f,
#define PRIVATE_ARRAY(s, f, enc, to) FIELD_ID_##s##_##f,
#define TYPE(s)
#define PRIVATE_TYPE(s)
#include "layout/fields.def"
};

#define RULE(label, s, from, to, bits)                            \
    {                                                             \
        label, FIELD_ID_##s##_##from, FIELD_ID_##s##_##to, (bits) \
    }
struct region_rule root_regions[] = {
    RULE("zone", zone, base, npages, PAGE_BYTES * 8),
    RULE("owner tags", zone, tags, npages, 32),
    RULE("page descriptors", zone, pages, npages, sizeof(struct page) * 8),
    RULE("dirty bits", zone, dirty, npages, 1),
    RULE("bits of segments", zone, starts, npages, 1),
    RULE("bits of pageblocks", zone, small_blocks, npages, 1),
    RULE("brk arena", segment, start, end, 0),
    RULE("mmapped chunk", mmap_record, start, size, 8),
    RULE("mmap kept", mmap_kept, start, size, 8),
    RULE("guarded samples", guarded, base, span, 8),
    RULE("profile samples", prof, samples, nsamples,
         sizeof(struct prof_sample) * 8),
    RULE("profile stacks", prof, stacks, nstacks,
         sizeof(struct prof_stack) * 8),
    RULE("profile frames", prof, frames, nframes, sizeof(uintptr_t) * 8),
    RULE("profile modules", prof, modules, nmodules,
         sizeof(struct prof_module) * 8),
    RULE("profile names", prof, names, nnames, 8),
    RULE("profile buckets", prof, buckets, nbuckets, 32),
};
const uint32_t root_nregions = ARRAY_SIZE(root_regions);
