/* SPDX-License-Identifier: MIT */
#include "leak/guess.h"

#include "memory.h"
#include "symbol/internal.h" /* demangle() */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROOM_MIN = 256,
    TYPES_MAX = 1 << 20,
    TEXT_LEAST = 4,
    OFFSET_MOST = 1 << 20, /* from a base to the whole object */
};

struct type_name {
    uintptr_t vptr; /* 0: an empty place */
    char *name;     /* NULL: it is none */
};

const char *const guess_names[NGUESSES] = {
    [GUESS_OBJECT] = "object",     [GUESS_TEXT] = "text", [GUESS_ZERO] = "zero",
    [GUESS_POINTERS] = "pointers", [GUESS_DATA] = "data",
};

void guesser_begin(struct guesser *guesser, const struct model *model)
{
    guesser->model = model;
    guesser->room = ROOM_MIN;
    guesser->count = 0;
    guesser->types = xcalloc(ROOM_MIN, sizeof *guesser->types);
    guesser->heap_start = UINTPTR_MAX;
    guesser->heap_end = 0;
    for (size_t i = 0; i < model->nzones; i++) {
        uintptr_t start = model->zones[i].zone.base;
        uintptr_t end = start + (model->zones[i].npages << PAGE_SHIFT);
        if (start < guesser->heap_start)
            guesser->heap_start = start;
        if (end > guesser->heap_end)
            guesser->heap_end = end;
    }
}

void guesser_end(struct guesser *guesser)
{
    for (size_t i = 0; i < guesser->room; i++)
        free(guesser->types[i].name);
    free(guesser->types);
}

/* In the image of a program or library. */
static bool is_in_image(const struct guesser *guesser, uintptr_t address)
{
    const struct vma *vma = target_vma_at(guesser->model->target, address);

    return address % sizeof(uintptr_t) == 0 && vma != NULL &&
           vma->name[0] == '/';
}

/* The name in a typeinfo, as in `_ZTI` + name; false: there is none. */
static bool read_name(struct target *target, uintptr_t at, char *name)
{
    size_t size = GUESS_NAME;

    if (!far_read(target, at, name, size)) {
        /* It may end right before an unreadable page. */
        size = 4096 - (at & 4095);
        size = size < GUESS_NAME ? size : GUESS_NAME;
        if (!far_read(target, at, name, size))
            return false;
    }
    size_t length = strnlen(name, size);
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]) && name[i] != '_' &&
            !(i == 0 && name[i] == '*'))
            return false;
    }
    return length > 1 && length < size;
}

/* The class whose vtable this is, allocated; NULL: it is none. */
static char *class_of(const struct guesser *guesser, uintptr_t vptr)
{
    struct target *target = guesser->model->target;
    intptr_t head[2]; /* offset to top, typeinfo */
    uintptr_t info[2];
    char mangled[GUESS_NAME + 4] = "_ZTI";
    char name[GUESS_NAME];

    if (!is_in_image(guesser, vptr) ||
        !is_in_image(guesser, vptr - sizeof head) ||
        !far_read(target, vptr - sizeof head, head, sizeof head) ||
        head[0] > 0 || head[0] < -OFFSET_MOST ||
        !is_in_image(guesser, (uintptr_t)head[1]) ||
        !far_read(target, (uintptr_t)head[1], info, sizeof info) ||
        !is_in_image(guesser, info[0]) || !read_name(target, info[1], name))
        return NULL;
    (void)snprintf(mangled + 4, sizeof mangled - 4, "%s",
                   name + (name[0] == '*'));
    static const char prefix[] = "typeinfo for ";
    char *plain = demangle(mangled);
    if (plain == NULL || strncmp(plain, prefix, sizeof prefix - 1) != 0) {
        free(plain);
        return NULL;
    }
    memmove(plain, plain + sizeof prefix - 1,
            strlen(plain + sizeof prefix - 1) + 1);
    return plain;
}

static struct type_name *place_of(struct type_name *types, size_t room,
                                  uintptr_t vptr)
{
    size_t i = (size_t)((vptr >> 3) * 0x9e3779b97f4a7c15u >> 32) & (room - 1);

    while (types[i].vptr != 0 && types[i].vptr != vptr)
        i = (i + 1) & (room - 1);
    return &types[i];
}

static void make_room(struct guesser *guesser)
{
    size_t room = guesser->room * 2;
    struct type_name *types = xcalloc(room, sizeof *types);

    for (size_t i = 0; i < guesser->room; i++) {
        if (guesser->types[i].vptr != 0)
            *place_of(types, room, guesser->types[i].vptr) = guesser->types[i];
    }
    free(guesser->types);
    guesser->types = types;
    guesser->room = room;
}

/* Each address is looked at once. */
static const char *type_of(struct guesser *guesser, uintptr_t vptr)
{
    if (vptr % sizeof vptr != 0 || vptr < 4096 ||
        vptr - guesser->heap_start < guesser->heap_end - guesser->heap_start)
        return NULL;
    struct type_name *place = place_of(guesser->types, guesser->room, vptr);
    if (place->vptr != 0 || guesser->count == TYPES_MAX)
        return place->name;
    char *name = class_of(guesser, vptr);
    if (name == NULL && !is_in_image(guesser, vptr))
        return NULL; /* any number: not worth a place */
    *place = (struct type_name){vptr, name};
    if (++guesser->count > guesser->room / 2)
        make_room(guesser);
    return name;
}

static bool is_text(const uint8_t *bytes, size_t size)
{
    const uint8_t *end = memchr(bytes, '\0', size);
    size_t length = end != NULL ? (size_t)(end - bytes) : size;

    for (size_t i = 0; i < length; i++) {
        /* UTF-8 has bytes from 0x80 on. */
        if (bytes[i] < 0x80 && !isprint(bytes[i]) && !isspace(bytes[i]))
            return false;
    }
    return length >= TEXT_LEAST;
}

enum guess guess_bytes(const struct guesser *guesser, const uint8_t *bytes,
                       size_t size)
{
    size_t filled = 0;
    size_t pointers = 0;

    for (size_t at = 0; at + sizeof(uintptr_t) <= size;
         at += sizeof(uintptr_t)) {
        uintptr_t word;
        memcpy(&word, bytes + at, sizeof word);
        filled += word != 0;
        pointers += word - guesser->heap_start <
                    guesser->heap_end - guesser->heap_start;
    }
    if (filled == 0)
        return GUESS_ZERO;
    if (is_text(bytes, size))
        return GUESS_TEXT;
    return pointers * 2 >= filled ? GUESS_POINTERS : GUESS_DATA;
}

bool guess_block(struct guesser *guesser, const struct object *object,
                 enum guess *guess, const char **type)
{
    size_t size = object->usable < GUESS_BYTES ? object->usable : GUESS_BYTES;
    struct target *target = guesser->model->target;
    const void *bytes = far_view_heap(target, object->mem, size);
    uintptr_t vptr;

    *type = NULL;
    if (bytes == NULL || size < sizeof vptr)
        return false;
    /* type_of() looks elsewhere: the view would be gone. */
    memcpy(guesser->bytes, bytes, size);
    memcpy(&vptr, guesser->bytes, sizeof vptr);
    *type = type_of(guesser, vptr);
    *guess = *type != NULL ? GUESS_OBJECT
                           : guess_bytes(guesser, guesser->bytes, size);
    return true;
}
