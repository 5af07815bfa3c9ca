/* SPDX-License-Identifier: MIT */
/* The allocator's own structures outside of the memory that it manages. */
#include "snapshot/internal.h"

#include <string.h>

enum {
    TEXT_SIZE = 32, /* of a tunable's name or unit */
    TUNABLES_MAX = 256,
};

struct each {
    metadata_fn *take;
    void *data;
};

static void tell(const struct each *each, uintptr_t start, uint64_t size)
{
    if (start != 0 && size != 0 && size <= (uint64_t)1 << 32)
        each->take(each->data, start, (size_t)size);
}

static void tell_table(const struct each *each, const struct root_table *table)
{
    tell(each, FAR_ADDRESS(table->start),
         (uint64_t)table->count * table->stride);
}

/* Names and units of the tunables: texts that the table points to. */
static void tell_texts(const struct each *each, struct target *target)
{
    static const char *const fields[] = {"name", "unit"};
    const struct root_table *table = &target_root(target)->tunable_table;
    struct field_descriptor field;
    char text[TEXT_SIZE];
    uintptr_t at;

    for (size_t f = 0; f < 2; f++) {
        if (!far_field(target, "tunable", fields[f], &field))
            continue;
        for (uint32_t i = 0; i < table->count && i < TUNABLES_MAX; i++) {
            uintptr_t row =
                FAR_ADDRESS(table->start) + (uintptr_t)i * table->stride;
            if (far_read(target, row + field.offset, &at, sizeof at) &&
                far_read(target, at, text, sizeof text))
                tell(each, at, strnlen(text, sizeof text - 1) + 1);
        }
    }
}

static void tell_root(const struct each *each, struct target *target)
{
    const struct heap_root *root = target_root(target);

    tell(each, target_root_address(target), root->size);
    tell_table(each, &root->types);
    tell_table(each, &root->fields);
    tell_table(each, &root->regions);
    tell_table(each, &root->zones);
    tell_table(each, &root->heaps);
    tell_table(each, &root->tunable_table);
    tell(each, FAR_ADDRESS(root->zone_count), sizeof(uint32_t));
    tell(each, FAR_ADDRESS(root->heap_count), sizeof(uint32_t));
    tell(each, FAR_ADDRESS(root->mmap_table),
         far_sizeof(target, TYPE_ID_mmap_table));
    tell(each, FAR_ADDRESS(root->object_caches), sizeof(struct list_head));
    tell(each, FAR_ADDRESS(root->tunables),
         far_sizeof(target, TYPE_ID_tunables));
    tell(each, FAR_ADDRESS(root->chunk_secret), sizeof(uint64_t));
    tell(each, FAR_ADDRESS(root->object_secret), sizeof(uintptr_t));
    tell(each, FAR_ADDRESS(root->link_secret), sizeof(uintptr_t));
    tell(each, FAR_ADDRESS(root->canary_secret), sizeof(uintptr_t));
    tell(each, FAR_ADDRESS(root->guarded), far_sizeof(target, TYPE_ID_guarded));
    tell_texts(each, target);
}

/* The used parts of the profile's tables. */
static void tell_profile(const struct each *each, struct target *target)
{
    uintptr_t at = FAR_ADDRESS(target_root(target)->prof);
    struct prof prof;

    if (at == 0 || !far_struct(target, TYPE_ID_prof, at, &prof))
        return;
    tell(each, at, far_sizeof(target, TYPE_ID_prof));
    tell(each, FAR_ADDRESS(prof.samples),
         prof.nsamples * far_sizeof(target, TYPE_ID_prof_sample));
    tell(each, FAR_ADDRESS(prof.stacks),
         prof.nstacks * far_sizeof(target, TYPE_ID_prof_stack));
    tell(each, FAR_ADDRESS(prof.frames), prof.nframes * sizeof(uintptr_t));
    tell(each, FAR_ADDRESS(prof.modules),
         prof.nmodules * far_sizeof(target, TYPE_ID_prof_module));
    tell(each, FAR_ADDRESS(prof.names), prof.nnames);
    tell(each, FAR_ADDRESS(prof.buckets), prof.nbuckets * sizeof(uint32_t));
}

/* What the model copied of the page map, and no more. */
static void tell_zone(const struct each *each, const struct model_zone *found)
{
    size_t first = found->first;
    size_t count = found->npages > first ? found->npages - first : 0;
    uintptr_t tags = FAR_ADDRESS(found->zone.tags);
    uintptr_t dirty = FAR_ADDRESS(found->zone.dirty);

    tell(each, tags, found->brk_end * sizeof(uint32_t));
    tell(each, tags + first * sizeof(uint32_t), count * sizeof(uint32_t));
    tell(each, zone_page_address(found, first), count * sizeof(struct page));
    if (dirty != 0 && count > 0) {
        tell(each, dirty + first / 64 * 8,
             ((found->npages - 1) / 64 + 1 - first / 64) * 8);
    }
}

void metadata_each(const struct model *model, metadata_fn *take, void *data)
{
    const struct each each = {take, data};
    struct target *target = model->target;

    tell_root(&each, target);
    tell_profile(&each, target);
    for (size_t i = 0; i < model->nzones; i++)
        tell_zone(&each, &model->zones[i]);
    for (size_t i = 0; i < model->nheaps; i++) {
        tell(&each, model->heaps[i].address, far_sizeof(target, TYPE_ID_heap));
        tell(&each, FAR_ADDRESS(model->heaps[i].heap.quarantine),
             far_sizeof(target, TYPE_ID_quarantine));
    }
    for (size_t i = 0; i < model->nrecords; i++) {
        tell(&each, model->records[i], far_sizeof(target, TYPE_ID_mmap_record));
    }
    for (size_t i = 0; i < model->ncaches; i++) {
        tell(&each, model->caches[i].address,
             far_sizeof(target, TYPE_ID_object_cache));
    }
}
