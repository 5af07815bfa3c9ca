/* SPDX-License-Identifier: MIT */
/*
 * Structs of the target by its own descriptors: from another minor version of
 * the layout they arrive field by field, by name.
 */
#include "target/backend.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    STRUCT_MAX = 1 << 20,
};

/* Our own declarations, from the same table as the target's. */
static const struct {
    const char *name;
    size_t size;
} our_types[TYPE_ID_COUNT] = {
#define TYPE(s)         [TYPE_ID_##s] = {#s, sizeof(struct s)},
#define PRIVATE_TYPE(s) [TYPE_ID_##s] = {#s, 0},
#define FIELD(s, f, enc, to)
#define ARRAY(s, f, enc, to)
#define PRIVATE_FIELD(s, f, enc, to)
#define PRIVATE_ARRAY(s, f, enc, to)
#include "layout/fields.def"
};

struct our_field {
    enum type_id type;
    enum type_id inner; /* of a struct in place; else TYPE_ID_void */
    const char *name;
    size_t offset;
    size_t width; /* of one element */
    size_t count;
};

/* What ENC_STRUCT and the links embed; other targets are pointed to. */
#define INNER(enc, to)                                                    \
    (ENC_##enc == ENC_STRUCT                          ? TYPE_ID_##to      \
     : ENC_##enc == ENC_LIST || ENC_##enc == ENC_LINK ? TYPE_ID_list_head \
                                                      : TYPE_ID_void)
static const struct our_field our_fields[] = {
#define TYPE(s)
#define PRIVATE_TYPE(s)
#define FIELD(s, f, enc, to)                      \
    {TYPE_ID_##s,           INNER(enc, to),   #f, \
     offsetof(struct s, f), FIELD_SIZE(s, f), 1},
#define ARRAY(s, f, enc, to) \
    {TYPE_ID_##s,            \
     INNER(enc, to),         \
     #f,                     \
     offsetof(struct s, f),  \
     FIELD_ELEMENT(s, f),    \
     FIELD_SIZE(s, f) / FIELD_ELEMENT(s, f)},
#define PRIVATE_FIELD(s, f, enc, to)
#define PRIVATE_ARRAY(s, f, enc, to)
#include "layout/fields.def"
};

/* The target's descriptor of a type; NULL: it has none. */
static const struct type_descriptor *find_type(const struct target *target,
                                               const char *name, size_t *index)
{
    for (size_t i = 0; i < target->ntypes; i++) {
        if (strncmp(target->types[i].name, name, ROOT_NAME) == 0) {
            *index = i;
            return &target->types[i];
        }
    }
    return NULL;
}

static bool find_field(const struct target *target, const char *type,
                       const char *field, struct field_descriptor *out)
{
    size_t index;
    const struct type_descriptor *found = find_type(target, type, &index);

    for (size_t i = 0; found != NULL && i < target->nfields; i++) {
        const struct field_descriptor *at = &target->fields[i];
        if (at->type != index || strncmp(at->name, field, ROOT_NAME) != 0)
            continue;
        *out = *at;
        return (uint64_t)at->offset + (uint64_t)at->width * at->count <=
               found->size;
    }
    return false;
}

bool far_field(struct target *target, const char *type, const char *field,
               struct field_descriptor *out)
{
    return find_field(target, type, field, out);
}

size_t far_sizeof(struct target *target, enum type_id type)
{
    size_t index;

    if ((size_t)type >= TYPE_ID_COUNT)
        return 0;
    const struct type_descriptor *found =
        find_type(target, our_types[type].name, &index);
    if (found != NULL)
        return found->size;
    return target->same_layout ? our_types[type].size : 0;
}

static void convert(const struct target *target, enum type_id type,
                    const uint8_t *from, size_t from_size, uint8_t *to);

/* The target's descriptors of our fields, looked up once: name by name. */
static void match_fields(struct target *target)
{
    if (target->matched != NULL)
        return;
    target->matched = xcalloc(sizeof our_fields / sizeof *our_fields,
                              sizeof *target->matched);
    for (size_t i = 0; i < sizeof our_fields / sizeof *our_fields; i++) {
        const struct our_field *field = &our_fields[i];
        struct field_descriptor *found = &target->matched[i];
        if (!find_field(target, our_types[field->type].name, field->name,
                        found))
            found->width = 0;
    }
}

/* Little endian: the lower bytes of a number that changed its width. */
static void convert_field(const struct target *target, /* NOLINT */
                          const struct our_field *field,
                          const struct field_descriptor *theirs,
                          const uint8_t *from, uint8_t *to)
{
    size_t count = theirs->count < field->count ? theirs->count : field->count;
    size_t width = theirs->width < field->width ? theirs->width : field->width;

    for (size_t i = 0; i < count; i++) {
        const uint8_t *source = from + theirs->offset + i * theirs->width;
        uint8_t *sink = to + field->offset + i * field->width;
        if (field->inner != TYPE_ID_void) {
            convert(target, field->inner, source, theirs->width, sink);
        } else {
            memcpy(sink, source, width);
        }
    }
}

/* Structs nest to the depth of fields.def, which is ours and has no cycle. */
static void convert(const struct target *target, enum type_id type, /* NOLINT */
                    const uint8_t *from, size_t from_size, uint8_t *to)
{
    const struct field_descriptor *matched = target->matched;

    for (size_t i = 0; i < sizeof our_fields / sizeof *our_fields; i++) {
        const struct our_field *field = &our_fields[i];
        const struct field_descriptor *theirs = &matched[i];
        if (field->type == type && theirs->width != 0 &&
            (uint64_t)theirs->offset +
                    (uint64_t)theirs->width * theirs->count <=
                from_size)
            convert_field(target, field, theirs, from, to);
    }
}

bool far_struct(struct target *target, enum type_id type, uintptr_t address,
                void *out)
{
    if ((size_t)type >= TYPE_ID_COUNT || our_types[type].size == 0)
        return false;
    /* What is larger than a page lies in memory that began as zeros. */
    if (target->same_layout && our_types[type].size > target->page_size)
        return far_copy(target, address, out, our_types[type].size);
    if (target->same_layout)
        return far_read(target, address, out, our_types[type].size);
    size_t size = far_sizeof(target, type);
    if (size == 0 || size > STRUCT_MAX)
        return false;
    uint8_t *copy = xcalloc(1, size);
    memset(out, 0, our_types[type].size);
    bool read = far_read(target, address, copy, size);
    match_fields(target);
    if (read)
        convert(target, type, copy, size, out);
    free(copy);
    return read;
}
