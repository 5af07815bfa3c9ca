/* SPDX-License-Identifier: MIT */
#include "arena/bins.h"

#include "arena/chunk.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "page/reclaim.h"

enum {
    UNSORTED_MAX = 64, /* chunks sorted per allocation */
    FIT_SCAN = 8,      /* chunks of the own large bin compared */
};

/* Circular lists without a sentinel: *head is the newest, or NULL. */
static void list_push(struct chunk **head, struct chunk *chunk)
{
    struct chunk *first = *head;

    if (first == NULL) {
        chunk->fd = chunk;
        chunk->bk = chunk;
    } else {
        chunk->fd = first;
        chunk->bk = first->bk;
        first->bk->fd = chunk;
        first->bk = chunk;
    }
    *head = chunk;
}

static void list_drop(struct chunk **head, struct chunk *chunk)
{
    struct chunk *fd = chunk->fd;
    struct chunk *bk = chunk->bk;

    if (UNLIKELY(fd->bk != chunk || bk->fd != chunk))
        fatal("corrupted double-linked list", chunk_to_mem(chunk));
    if (fd == chunk) {
        *head = NULL;
        return;
    }
    fd->bk = bk;
    bk->fd = fd;
    if (*head == chunk)
        *head = fd;
}

/* Small chunks have no room for the field, and never are given back. */
size_t bins_clean(const struct chunk *chunk)
{
    return chunk_size(chunk) >= PURGE_CHUNK ? chunk->clean : 0;
}

static void count_in(struct arena *arena, struct chunk *chunk, size_t size,
                     size_t clean)
{
    chunk_set(chunk, size,
              (chunk_flags(chunk) & (PREV_INUSE | NON_MAIN_ARENA)) |
                  CHUNK_FREE);
    arena->free_bytes += size;
    if (size >= PURGE_CHUNK) {
        chunk->clean = clean;
        arena->dirty += size - clean;
    }
}

static void count_out(struct arena *arena, struct chunk *chunk, size_t size)
{
    arena->free_bytes -= size;
    if (size >= PURGE_CHUNK)
        arena->dirty -= size - chunk->clean;
}

static void sort_in(struct arena *arena, struct chunk *chunk, size_t size)
{
    unsigned index = bin_index(size);

    list_push(&arena->bins[index], chunk);
    arena->binmap[index / 64] |= (uint64_t)1 << (index % 64);
}

void bins_insert(struct arena *arena, struct chunk *chunk, size_t size,
                 size_t clean)
{
    count_in(arena, chunk, size, clean);
    sort_in(arena, chunk, size);
}

void bins_insert_unsorted(struct arena *arena, struct chunk *chunk, size_t size,
                          size_t clean)
{
    count_in(arena, chunk, size, clean);
    list_push(&arena->unsorted, chunk);
}

static void bin_drop(struct arena *arena, struct chunk *chunk, unsigned index)
{
    list_drop(&arena->bins[index], chunk);
    if (arena->bins[index] == NULL)
        arena->binmap[index / 64] &= ~((uint64_t)1 << (index % 64));
}

/*
 * A chunk does not know which list it is on.  That matters only when it is
 * the head of one, or the last: compare with both heads.
 */
void bins_unlink(struct arena *arena, struct chunk *chunk)
{
    size_t size = chunk_size(chunk);
    unsigned index = bin_index(size);

    count_out(arena, chunk, size);
    if (arena->unsorted == chunk) {
        list_drop(&arena->unsorted, chunk);
    } else {
        bin_drop(arena, chunk, index);
    }
}

/* The oldest of the unsorted chunks, which are not none. */
static struct chunk *unsorted_pop(struct arena *arena)
{
    struct chunk *chunk = arena->unsorted->bk;

    if (UNLIKELY(!chunk_is_valid(chunk) || !chunk_is_free(chunk)))
        fatal("invalid size (unsorted)", chunk_to_mem(chunk));
    list_drop(&arena->unsorted, chunk);
    return chunk;
}

/* Sorts the unsorted list, oldest first; a chunk of exactly `size`, or NULL. */
static struct chunk *sort_unsorted(struct arena *arena, size_t size)
{
    for (int i = 0; i < UNSORTED_MAX && arena->unsorted != NULL; i++) {
        struct chunk *chunk = unsorted_pop(arena);
        size_t have = chunk_size(chunk);
        if (have == size) {
            count_out(arena, chunk, have);
            return chunk;
        }
        sort_in(arena, chunk, have);
    }
    return NULL;
}

/* The best of the first few chunks of a bin that fit; NULL = none of them. */
static struct chunk *best_of(struct chunk *first, size_t size)
{
    struct chunk *best = NULL;
    struct chunk *chunk = first;

    for (int i = 0; i < FIT_SCAN && chunk != NULL; i++) {
        if (chunk_size(chunk) >= size &&
            (best == NULL || chunk_size(chunk) < chunk_size(best)))
            best = chunk;
        chunk = chunk->fd != first ? chunk->fd : NULL;
    }
    return best;
}

/* First non-empty bin from `index` on; NBINS = none. */
static unsigned next_bin(const struct arena *arena, unsigned index)
{
    return (unsigned)bitmap_next(arena->binmap, index, NBINS, true);
}

static struct chunk *take(struct arena *arena, struct chunk *chunk)
{
    if (UNLIKELY(!chunk_is_valid(chunk) || !chunk_is_free(chunk)))
        fatal("invalid size (bins)", chunk_to_mem(chunk));
    size_t size = chunk_size(chunk);
    count_out(arena, chunk, size);
    bin_drop(arena, chunk, bin_index(size));
    return chunk;
}

struct chunk *bins_take(struct arena *arena, size_t size)
{
    unsigned index = bin_index(size);
    struct chunk *chunk;

    if (size < 1024 && arena->bins[index] != NULL)
        return take(arena, arena->bins[index]);
    chunk = sort_unsorted(arena, size);
    if (chunk != NULL)
        return chunk;
    chunk = best_of(arena->bins[index], size);
    if (chunk != NULL)
        return take(arena, chunk);
    for (index = next_bin(arena, index + 1); index < NBINS;
         index = next_bin(arena, index + 1)) {
        chunk = best_of(arena->bins[index], size);
        if (chunk != NULL)
            return take(arena, chunk);
    }
    return NULL;
}

/* False: `visit` said that it is enough. */
static bool walk_list(struct arena *arena, struct chunk *first,
                      bins_visit *visit, void *data)
{
    struct chunk *chunk = first;
    struct chunk *last = first != NULL ? first->bk : NULL;
    bool more = true;

    while (chunk != NULL && more) {
        struct chunk *next = chunk != last ? chunk->fd : NULL;
        more = visit(arena, chunk, data);
        chunk = next;
    }
    return more;
}

void bins_walk(struct arena *arena, bins_visit *visit, void *data)
{
    bool more = walk_list(arena, arena->unsorted, visit, data);

    for (unsigned i = NBINS; i-- > 0 && more;) {
        if (arena->bins[i] != NULL)
            more = walk_list(arena, arena->bins[i], visit, data);
    }
}

void bins_walk_large(struct arena *arena, size_t size, bins_visit *visit,
                     void *data)
{
    bool more = true;

    while (arena->unsorted != NULL) {
        struct chunk *chunk = unsorted_pop(arena);
        sort_in(arena, chunk, chunk_size(chunk));
    }
    for (unsigned i = NBINS; i-- > bin_index(size) && more;) {
        if (arena->bins[i] != NULL)
            more = walk_list(arena, arena->bins[i], visit, data);
    }
}
