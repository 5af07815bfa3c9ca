/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_VMA_USE_H
#define KERNEL_VMA_USE_H
/* What the bytes of each VMA are to the program: by a walk over all objects. */
#include "walk/model.h"

struct vma_use {
    bool ours;       /* some of it is the allocator's */
    size_t live;     /* bytes in the program's hands */
    size_t cached;   /* in threads' bins, or on their way between threads */
    size_t free;     /* free in slabs, arenas, page lists, buddy lists */
    size_t resident; /* resident bytes of live objects */
};

/* One for each of target_vmas(), in order; free it.  *unverified: objects
   that made no sense. */
struct vma_use *vma_use_count(const struct model *model, size_t *unverified);

#endif
