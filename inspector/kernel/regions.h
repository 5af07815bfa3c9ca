/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_REGIONS_H
#define KERNEL_REGIONS_H
/*
 * What the stretches of a process's memory are to the allocator: names for
 * parts of VMAs.  (Kernels without anonymous VMA names show none themselves,
 * and the kernel merges neighbours.)
 */
#include "walk/model.h"

enum region_kind {
    REGION_ZONE,     /* pages in use or free, up to the frontier */
    REGION_USABLE,   /* committed, never used yet */
    REGION_RESERVED, /* addresses only */
    REGION_BRK,      /* of the main arena */
    REGION_MMAP,
    REGION_KEPT,
    REGION_GUARDED,
    REGION_TAGS,
    REGION_PAGES,
    REGION_DIRTY,
    REGION_STARTS,
    REGION_SMALL,
    REGION_META,
    REGION_IMAGE, /* liballoc.so, or the program that it is linked to */
    NREGIONS,
};
extern const char *const region_names[NREGIONS];

struct region {
    uintptr_t start;
    uintptr_t end;
    enum region_kind kind;
};

struct regions {
    struct region *all; /* sorted by start */
    size_t count;
};

void regions_find(const struct model *model, struct regions *regions);
void regions_free(struct regions *regions);

/* "zone 8.0 MiB, 3 mmapped chunks"; "" if there is none.  Returns `text`. */
const char *regions_describe(const struct regions *regions, uintptr_t start,
                             uintptr_t end, char *text, size_t size);

#endif
