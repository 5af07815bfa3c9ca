/* SPDX-License-Identifier: MIT */
/* Arenas: every chunk of every segment, then every bin, then the sums. */
#include "memory.h"
#include "walk/check.h"
#include "walk/chunks.h"
#include "walk/far_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the walks gather of one arena. */
struct arena_sums {
    size_t system;
    size_t free_bytes; /* of chunks, by the segments */
    size_t dirty;
    size_t damaged; /* bytes skipped: no sum is to be trusted */
    bool has_top;
};

static void chunk_fault(void *data, enum chunk_fault fault, uintptr_t address)
{
    static const enum invariant broken[] = {
        [CHUNK_FAULT_SUM] = INVARIANT_CHUNK_SUM,
        [CHUNK_FAULT_SIZE] = INVARIANT_CHUNK_SIZE,
        [CHUNK_FAULT_INUSE] = INVARIANT_CHUNK_INUSE,
        [CHUNK_FAULT_PREV] = INVARIANT_CHUNK_PREV,
        [CHUNK_FAULT_MERGE] = INVARIANT_CHUNK_MERGE,
        [CHUNK_FAULT_UNREAD] = INVARIANT_CHUNK_READ,
    };

    struct checker *checker = data;

    /* Whoever ended by abort() was at work: a bad header is why, the rest is
       how things look in between. */
    if (!checker->at_work) {
        check_found(checker, broken[fault], address, "%s", "");
    } else if (broken[fault] == INVARIANT_CHUNK_SUM) {
        check_found(checker, broken[fault], address, "its heap was at work");
    }
}

static void count_chunk(struct checker *checker, const struct object *object,
                        struct arena_sums *sums)
{
    checker->chunks++;
    if (object->state == OBJECT_TOP) {
        sums->has_top = true;
    } else if (object->state == OBJECT_DAMAGED) {
        sums->damaged += object->size;
    } else if ((object->flags & CHUNK_FREE) != 0) {
        sums->free_bytes += object->size;
        if (object->size >= PURGE_CHUNK && object->clean <= object->size)
            sums->dirty += object->size - object->clean;
    }
}

/* All segments; `sums` by heap id. */
static void walk_segments(struct checker *checker, struct arena_sums *sums)
{
    struct chunk_walk walk = {0};
    struct block_walk blocks;
    struct block block;
    struct object object;

    block_walk_begin(&blocks, checker->model);
    while (block_walk_next(&blocks, &block)) {
        const struct model_heap *heap =
            model_heap(checker->model, block.heap_id);
        if (block.kind != BLOCK_SEGMENT || heap == NULL)
            continue;
        checker->at_work = heap->torn;
        if (heap->torn) {
            checker->left_out++;
            if (target_kind(checker->model->target) != TARGET_CORE)
                continue;
        }
        if (walk.window == NULL) {
            chunk_walk_begin(&walk, checker->model, checker->freelist, &block);
        } else {
            chunk_walk_again(&walk, &block);
        }
        walk.fault = chunk_fault;
        walk.data = checker;
        sums[block.heap_id].system += block.size;
        while (chunk_walk_next(&walk, &object))
            count_chunk(checker, &object, &sums[block.heap_id]);
    }
    chunk_walk_end(&walk);
    checker->at_work = false;
}

/* The bin of `index`, or the unsorted list if it is NBINS. */
static const char *bin_name(unsigned index, char text[24])
{
    (void)snprintf(text, 24, "bin %u", index);
    return index < NBINS ? text : "unsorted";
}

/* One chunk on a ring; false: the ring is no use any more. */
static bool check_on_bin(struct checker *checker, uint32_t heap_id,
                         unsigned index, uintptr_t at, uintptr_t bk,
                         struct chunk *chunk)
{
    const void *view = at % 16 == 0
                           ? far_view(checker->model->target, at, sizeof *chunk)
                           : NULL;
    struct block block;
    char name[24];

    if (view == NULL || !block_at(checker->model, at, &block) ||
        block.kind != BLOCK_SEGMENT || block.heap_id != heap_id) {
        check_found(checker, INVARIANT_BIN_LINKS, at, "%s leaves the arena",
                    bin_name(index, name));
        return false;
    }
    memcpy(chunk, view, sizeof *chunk);
    size_t size = chunk_word_size(chunk->size_flags);
    if ((chunk_word_flags(chunk->size_flags) & CHUNK_FREE) == 0) {
        check_found(checker, INVARIANT_BIN_FREE, at, "%s",
                    bin_name(index, name));
    } else if (index < NBINS && bin_index(size) != index) {
        check_found(checker, INVARIANT_BIN_SIZE, at, "size %zu on %s", size,
                    bin_name(index, name));
    }
    if (bk != 0 && FAR_ADDRESS(chunk->bk) != bk) {
        check_found(checker, INVARIANT_BIN_LINKS, at, "%s: bk is 0x%lx",
                    bin_name(index, name), FAR_ADDRESS(chunk->bk));
        return false;
    }
    return true;
}

/*
 * Sum of the sizes on one ring.  It ends: a link whose way back fits leads to
 * no chunk but the first a second time.
 */
static size_t walk_ring(struct checker *checker, uint32_t heap_id,
                        unsigned index, uintptr_t first)
{
    struct chunk chunk;
    uintptr_t at = first;
    uintptr_t before = 0;
    uintptr_t last = 0;
    size_t bytes = 0;
    size_t steps = 0;

    while (at != 0 && steps++ < FAR_LIST_MAX) {
        if (!check_on_bin(checker, heap_id, index, at, before, &chunk))
            return bytes;
        if (before == 0)
            last = FAR_ADDRESS(chunk.bk);
        bytes += chunk_word_size(chunk.size_flags);
        before = at;
        at = FAR_ADDRESS(chunk.fd);
        if (at == first)
            break;
    }
    if (first != 0 && (at != first || before != last)) {
        check_found(checker, INVARIANT_BIN_LINKS, first,
                    "the ring does not close at 0x%lx", last);
    }
    return bytes;
}

static size_t walk_bins(struct checker *checker, const struct heap *heap)
{
    const struct arena *arena = &heap->arena;
    size_t bytes =
        walk_ring(checker, heap->id, NBINS, FAR_ADDRESS(arena->unsorted));
    uintptr_t address = model_heap(checker->model, heap->id)->address;

    for (unsigned i = 0; i < NBINS; i++) {
        uintptr_t first = FAR_ADDRESS(arena->bins[i]);
        bool is_set = (arena->binmap[i / 64] >> i % 64 & 1) != 0;
        if (is_set != (first != 0))
            check_found(checker, INVARIANT_BIN_MAP, address, "bin %u", i);
        bytes += walk_ring(checker, heap->id, i, first);
    }
    return bytes;
}

static void check_sums(struct checker *checker, const struct model_heap *heap,
                       const struct arena_sums *sums)
{
    const struct arena *arena = &heap->heap.arena;
    size_t on_bins = walk_bins(checker, &heap->heap);

    if (sums->system != arena->system_mem) {
        check_found(checker, INVARIANT_ARENA_SYSTEM, heap->address,
                    "segments %zu, system_mem %zu", sums->system,
                    arena->system_mem);
    }
    if (on_bins != arena->free_bytes) {
        check_found(checker, INVARIANT_BIN_BYTES, heap->address,
                    "bins %zu, free_bytes %zu", on_bins, arena->free_bytes);
    }
    /* Chunks behind damage are not known: no sums of them. */
    if (sums->damaged > 0)
        return;
    if (sums->free_bytes != on_bins) {
        check_found(checker, INVARIANT_BIN_ALL, heap->address,
                    "segments %zu, bins %zu", sums->free_bytes, on_bins);
    }
    if (sums->dirty != arena->dirty) {
        check_found(checker, INVARIANT_ARENA_DIRTY, heap->address,
                    "segments %zu, dirty %zu", sums->dirty, arena->dirty);
    }
    if (FAR_ADDRESS(arena->top) != 0 && !sums->has_top) {
        check_found(checker, INVARIANT_ARENA_TOP, FAR_ADDRESS(arena->top), "%s",
                    "no chunk starts there");
    }
}

void check_arenas(struct checker *checker)
{
    const struct model *model = checker->model;
    struct arena_sums *sums = xcalloc(model->nheaps + 1, sizeof *sums);

    walk_segments(checker, sums);
    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        if (heap->address != 0 && !heap->torn)
            check_sums(checker, heap, &sums[heap->heap.id]);
    }
    free(sums);
}
