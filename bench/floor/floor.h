/* SPDX-License-Identifier: MIT */
#ifndef FLOOR_H
#define FLOOR_H
/*
 * The floor's geometry, and its blocks too large for a class.
 *
 * 512 << 35 ................. class 0 ... class 1 ... class 168 | other mmaps
 *                             32 GiB each: class = (address >> 35) - 512
 */
#include <stddef.h>
#include <stdint.h>

enum {
    CLASS_SHIFT = 35,    /* each class may carve 32 GiB */
    FIRST = 512,         /* class 0 starts at 512 << 35 = 16 TiB */
    SMALL_MAX = 1024,    /* 16-byte steps up to here ... */
    SMALL_CLASSES = 65,  /* ... then 8 classes per doubling ... */
    CLASS_MAX = 8 << 20, /* ... up to here; above, one mmap each */
    NCLASSES = 65 + 13 * 8,
    RUN = 64 << 10, /* a thread carves from runs of about this size */
    PAGE = 4096,
};

static inline size_t class_of(size_t size)
{
    if (size <= SMALL_MAX)
        return (size + 15) >> 4;
    size_t last = size - 1;
    unsigned bit = 63u - (unsigned)__builtin_clzl(last);
    return SMALL_CLASSES + (bit - 10) * 8ul + ((last >> (bit - 3)) & 7);
}

static inline size_t class_size(size_t class)
{
    if (class < SMALL_CLASSES)
        return class ? class * 16 : 16;
    size_t above = class - SMALL_CLASSES;
    return (9 + above % 8) << (7 + above / 8);
}

static inline uintptr_t class_base(size_t class)
{
    return (FIRST + class) << CLASS_SHIFT;
}

/*
 * Where a class starts in its range.  Were it the beginning for all, the first
 * pages of all classes would fall into the same set of the TLB: churn over 32
 * classes then cost 10.3 ns a pair instead of 6.5.
 */
static inline uintptr_t class_color(size_t class)
{
    size_t size = class_size(class);
    return (class * (RUN + PAGE) + size - 1) / size * size;
}

/* The class; >= NCLASSES for NULL and blocks with their own mmap. */
static inline size_t class_at(const void *mem)
{
    return ((uintptr_t)mem >> CLASS_SHIFT) - FIRST;
}

/* Blocks over CLASS_MAX, or aligned to more: one mmap each. */
void *large_alloc(size_t align, size_t size);
void large_free(void *mem); /* NULL is fine */
void *large_realloc(void *mem, size_t size);
size_t large_usable(const void *mem);

#endif
