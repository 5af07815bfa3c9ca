/* SPDX-License-Identifier: MIT */
#include "harden/quarantine.h"

#include "page/meta.h"
#include "slab/slab.h"

struct quarantine *quarantine_make(struct heap *heap)
{
    struct quarantine *fresh = meta_alloc(sizeof *fresh, 64);

    if (fresh != NULL)
        fresh->random =
            (uint32_t)(link_mask((uintptr_t)fresh, object_secret) >> 8) | 1;
    heap->quarantine = fresh;
    return fresh;
}
