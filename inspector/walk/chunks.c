/* SPDX-License-Identifier: MIT */
#include "walk/chunks.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    PEEK_BYTES = 2 * CHUNK_HEADER + 16, /* of a chunk: header, fd, bk, clean */
};

/* `size` bytes at `at` in the window; NULL: not readable. */
static const uint8_t *window_move(struct chunk_walk *walk, uintptr_t at,
                                  size_t size)
{
    size_t left = walk->segment.end - at;
    size_t want = left < CHUNK_WINDOW ? left : CHUNK_WINDOW;

    walk->window_size = 0;
    if (size > left)
        return NULL;
    want = want > size ? want : size;
    want = far_ahead(walk->model->target, at, size, want);
    if (!far_read(walk->model->target, at, walk->window, want)) {
        want = size;
        if (!far_read(walk->model->target, at, walk->window, want))
            return NULL;
    }
    walk->window_at = at;
    walk->window_size = want;
    return walk->window;
}

static inline const uint8_t *window_at(struct chunk_walk *walk, uintptr_t at,
                                       size_t size)
{
    size_t offset = at - walk->window_at;

    if (__builtin_expect(
            at >= walk->window_at && offset + size <= walk->window_size, 1))
        return walk->window + offset;
    return window_move(walk, at, size);
}

static inline size_t word_at(const uint8_t *bytes, size_t offset)
{
    size_t word;

    memcpy(&word, bytes + offset, sizeof word);
    return word;
}

static inline bool sum_is_right(const struct chunk_walk *walk, uintptr_t at,
                                size_t word)
{
    return (word ^ chunk_word_sum(at, word, walk->model->chunk_secret)) >>
               CHUNK_SUM_SHIFT ==
           0;
}

static void report(struct chunk_walk *walk, enum chunk_fault fault,
                   uintptr_t at)
{
    walk->faults++;
    if (walk->fault != NULL)
        walk->fault(walk->data, fault, at);
}

/* The closing header, which has size 0. */
static uintptr_t last_of(const struct chunk_walk *walk)
{
    return walk->segment.end - CHUNK_HEADER;
}

/* A header that is right, and leads to the next that is. */
static bool is_plausible(struct chunk_walk *walk, uintptr_t at)
{
    const uint8_t *bytes = window_at(walk, at, CHUNK_HEADER);

    if (bytes == NULL)
        return false;
    size_t word = word_at(bytes, 8);
    size_t size = chunk_word_size(word);
    if (!sum_is_right(walk, at, word))
        return false;
    if (size == 0)
        return at == last_of(walk);
    if (size < CHUNK_MIN || size > last_of(walk) - at)
        return false;
    bytes = window_at(walk, at + size, CHUNK_HEADER);
    return bytes != NULL && sum_is_right(walk, at + size, word_at(bytes, 8));
}

/* From behind `at`: where chunks go on; the segment's end if nowhere. */
static uintptr_t resynchronise(struct chunk_walk *walk, uintptr_t at)
{
    uintptr_t it = (at | 15) + 1;

    for (; it <= last_of(walk); it += 16) {
        const uint8_t *bytes = window_at(walk, it, CHUNK_HEADER);
        if (bytes == NULL) {
            /* An unreadable page: on to the next. */
            it = (it | 4095) + 1 - 16;
            continue;
        }
        if (sum_is_right(walk, it, word_at(bytes, 8)) && is_plausible(walk, it))
            return it;
    }
    return walk->segment.end;
}

/* Skips to where chunks go on; what lies between is one damaged object. */
static void skip(struct chunk_walk *walk, struct object *object)
{
    uintptr_t next = resynchronise(walk, walk->at);

    *object = (struct object){
        .state = OBJECT_DAMAGED,
        .block = BLOCK_SEGMENT,
        .start = walk->at,
        .size = next - walk->at,
        .mem = walk->at + CHUNK_HEADER,
        .cls = NCLASS,
        .heap_id = walk->heap_id,
    };
    walk->skipped += object->size;
    walk->at = next;
    walk->prev_unknown = true;
}

/* Boundary with the chunk before: reported, but no reason to stop. */
static inline void check_boundary(struct chunk_walk *walk, uintptr_t at,
                                  const uint8_t *bytes, size_t word)
{
    bool prev_inuse = (word & PREV_INUSE) != 0;

    if (walk->prev_unknown)
        return;
    if (prev_inuse == walk->prev_free) {
        report(walk, CHUNK_FAULT_INUSE, at);
    } else if (walk->prev_free && word_at(bytes, 0) != walk->prev_size) {
        report(walk, CHUNK_FAULT_PREV, at);
    }
    if (walk->prev_free && (word & CHUNK_FREE) != 0)
        report(walk, CHUNK_FAULT_MERGE, at);
}

/* In use by its header: with the mark, it is in a bin or on its way. */
static inline enum object_state inuse_state(struct chunk_walk *walk,
                                            uintptr_t mem, const uint8_t *bytes)
{
    if (word_at(bytes, CHUNK_HEADER + 8) != (walk->model->object_secret ^ mem))
        return OBJECT_LIVE;
    if (walk->freelist == NULL)
        return OBJECT_BINNED;
    const struct free_label *label = freelist_find(walk->freelist, mem);
    /* Marked, on no list: being freed or taken just now. */
    return label != NULL ? (enum object_state)label->state : OBJECT_FREE;
}

static inline void fill(struct chunk_walk *walk, uintptr_t at,
                        const uint8_t *bytes, size_t word,
                        struct object *object)
{
    size_t size = chunk_word_size(word);

    object->block = BLOCK_SEGMENT;
    object->start = at;
    object->size = size;
    object->mem = at + CHUNK_HEADER;
    object->usable = chunk_usable(size);
    object->clean = 0;
    object->cls = NCLASS;
    object->heap_id = walk->heap_id;
    object->flags = (unsigned)(word & CHUNK_FLAGS);
    if (at == walk->top) {
        object->state = OBJECT_TOP;
        object->usable = 0;
    } else if ((word & CHUNK_FREE) != 0) {
        object->state = OBJECT_FREE;
        object->usable = 0;
        if (size >= PURGE_CHUNK)
            object->clean = word_at(bytes, offsetof(struct chunk, clean));
    } else {
        object->state = inuse_state(walk, object->mem, bytes);
    }
}

bool chunk_walk_next(struct chunk_walk *walk, struct object *object)
{
    uintptr_t at = walk->at;

    if (at >= last_of(walk)) {
        if (at == last_of(walk) && !is_plausible(walk, at))
            report(walk, CHUNK_FAULT_SUM, at);
        walk->at = walk->segment.end;
        return false;
    }
    size_t left = walk->segment.end - at;
    const uint8_t *bytes =
        window_at(walk, at, left < PEEK_BYTES ? left : PEEK_BYTES);
    size_t word = bytes != NULL ? word_at(bytes, 8) : 0;
    size_t size = chunk_word_size(word);
    if (bytes == NULL || !sum_is_right(walk, at, word) || size < CHUNK_MIN ||
        size > last_of(walk) - at) {
        report(walk,
               bytes == NULL                  ? CHUNK_FAULT_UNREAD
               : sum_is_right(walk, at, word) ? CHUNK_FAULT_SIZE
                                              : CHUNK_FAULT_SUM,
               at);
        skip(walk, object);
        return true;
    }
    check_boundary(walk, at, bytes, word);
    fill(walk, at, bytes, word, object);
    walk->prev_unknown = false;
    walk->prev_free =
        object->state == OBJECT_FREE && (object->flags & CHUNK_FREE) != 0;
    walk->prev_size = size;
    walk->at = at + size;
    return true;
}

void chunk_walk_again(struct chunk_walk *walk, const struct block *block)
{
    const struct model_heap *heap = model_heap(walk->model, block->heap_id);

    walk->segment = (struct segment){block->start, block->start + block->size};
    walk->heap_id = block->heap_id;
    walk->top = heap != NULL ? FAR_ADDRESS(heap->heap.arena.top) : 0;
    walk->at = block->start;
    walk->prev_free = false;
    walk->prev_unknown = false;
    walk->prev_size = 0;
    walk->faults = 0;
    walk->skipped = 0;
    walk->window_size = 0;
}

void chunk_walk_begin(struct chunk_walk *walk, const struct model *model,
                      const struct freelist *freelist,
                      const struct block *block)
{
    *walk = (struct chunk_walk){.model = model, .freelist = freelist};
    walk->window = xcalloc(1, CHUNK_WINDOW);
    chunk_walk_again(walk, block);
}

void chunk_walk_end(struct chunk_walk *walk)
{
    free(walk->window);
    walk->window = NULL;
}
