/* SPDX-License-Identifier: MIT */
#ifndef MODEL_LOAD_H
#define MODEL_LOAD_H
/*
 * The parts of model_load(); nobody else needs them.
 */
#include "walk/model.h"

enum {
    ZONES_MAX = 1024, /* bounds on what a hostile root may claim */
    HEAPS_MAX = 1 << 20,
    CACHES_MAX = 1 << 16,
    RECORDS_MAX = 1 << 22,
    COPY_STEP = 1 << 20, /* bytes copied at a time ... */
    COPY_LEAST = 4096,   /* ... and where some cannot be read */
};
#define PFN_MAX ((size_t)1 << 34) /* 48 bits of addresses */

/* Zeroed memory that costs nothing until it is used; NULL = none. */
void *sparse_alloc(size_t size);
void sparse_free(void *mem, size_t size);

/* How many zones the root tells of; false: a number that makes no sense. */
bool zone_count(const struct model *model, uint64_t *count);

/* Copies zone `index` without its page map; false: it makes no sense. */
bool zone_look(struct model *model, size_t index, struct model_zone *out);

/* The same with its page map; to be freed by room_free(). */
bool zone_load(struct model *model, size_t index, struct model_zone *out);

/* Words of a bitmap of [first, npages), from a whole word on. */
size_t bitmap_words(size_t first, size_t npages);

/*
 * Memory for a zone's page map, zeroed.  rooms_make() before the target is
 * stopped: of what the zones need now, faulted in; room_take() has one of
 * those, or a new one; rooms_free() frees what nobody took.
 */
void rooms_make(struct model *model);
bool room_take(struct model *model, struct model_zone *zone);
void room_free(struct model_zone *zone);
void room_free_dirty(struct model_zone *zone);
void room_free_small(struct model_zone *zone);
void rooms_free(struct model *model);

/* True if the zone is no longer what was copied. */
bool zone_moved(const struct model *model, const struct model_zone *zone);

/* Finds where blocks begin.  After the target was let go. */
void zone_find_heads(struct model_zone *zone);

/* All heaps; false: their table makes no sense. */
bool heaps_load(struct model *model);
void heaps_unload(struct model *model);

/* Copies the heap's epoch again: did it move, or was it odd? */
bool heap_moved(const struct model *model, const struct model_heap *heap);

void mmaps_load(struct model *model);
void guarded_load(struct model *model);
void caches_load(struct model *model);

#endif
