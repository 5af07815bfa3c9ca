/* SPDX-License-Identifier: MIT */
#include "heap/bin_cap.h"

#include "base/bits.h"
#include "base/compiler.h"
#include "base/tunables.h"
#include "heap/bin.h"
#include "heap/registry.h"
#include "page/zone.h"

enum {
    CAP_MAX = 1024,        /* objects in any bin */
    SMALL_START = 4 * KIB, /* bytes a fresh bin of a small class may hold */
    CHUNK_START = 32 * KIB,
    LARGE_BYTES = 2 * MIB, /* most in a bin of objects above SMALL_MAX */
    CHUNK_CAP_MAX = 64,
    EXTEND_STEP = 64,       /* objects that a bin is granted at a time */
    EXTEND_BYTES = 8 * MIB, /* most in all */
    NEAR_BYTES = 8 * KIB,
    STRAY = 16, /* spills of a burst in order; half as many more a step */
};

size_t cap_start(unsigned index)
{
    size_t size = bin_bytes(index);

    return index < NSLAB ? clamp_size(SMALL_START / size, 4, 64)
                         : clamp_size(CHUNK_START / size, 1, 16);
}

/* Bins above SMALL_MAX have a budget besides: cap_is_affordable(). */
static size_t cap_most(unsigned index)
{
    size_t size = bin_bytes(index);
    size_t bytes = size <= SMALL_MAX ? tunables.bin_bytes : LARGE_BYTES;

    return index < NSLAB ? clamp_size(bytes / size, 8, CAP_MAX) : CHUNK_CAP_MAX;
}

/*
 * Bins above SMALL_MAX of all heaps share a budget: what is live tells how
 * much.
 */
static bool cap_is_affordable(const struct heap *heap, size_t more)
{
    size_t live = zone_live_pages() << PAGE_SHIFT;
    size_t share =
        (tunables.cache_bytes + live / 8) / max_size(registry_heaps(), 1);

    return heap->cached_bytes + more <= share;
}

size_t cap_burst(unsigned index)
{
    return 2 * cap_most(index);
}

void cap_adapt(struct heap *heap, unsigned index)
{
    size_t cap = heap->cap[index];
    size_t most = cap_most(index);
    size_t more = min_size(cap, most - min_size(cap, most));
    size_t bytes = more * bin_bytes(index);
    unsigned spills = heap->spills[index];

    heap->spills[index] = 0;
    if (spills == 0 || spills > cap_burst(index))
        return;
    if (bin_bytes(index) > SMALL_MAX) {
        if (!cap_is_affordable(heap, bytes))
            return;
        heap->cached_bytes += bytes;
    }
    heap->cap[index] = (uint16_t)(cap + more);
}

void cap_settle(struct heap *heap, unsigned index)
{
    if (index >= NSLAB || LIKELY(heap->granted[index] == 0))
        return;
    heap->cached_bytes -= EXTEND_STEP * heap->granted[index] * bin_bytes(index);
    heap->granted[index] = 0;
}

static bool are_near(const void *a, const void *b)
{
    return (uintptr_t)a - (uintptr_t)b + NEAR_BYTES < 2 * NEAR_BYTES;
}

bool cap_extend(struct heap *heap, unsigned index, const void *mem)
{
    struct bin *bin = &heap->bins[index];
    size_t more = EXTEND_STEP * bin_bytes(index);

    if (index >= NSLAB || bin->head == NULL || !are_near(bin->head, mem) ||
        heap->spills[index] > STRAY + heap->granted[index] * STRAY / 2u ||
        (heap->granted[index] + 1) * more > EXTEND_BYTES ||
        !cap_is_affordable(heap, more))
        return false;
    heap->granted[index]++;
    heap->cached_bytes += more;
    bin->limit += EXTEND_STEP;
    bin->room += EXTEND_STEP;
    return true;
}
