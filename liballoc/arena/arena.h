/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_ARENA_ARENA_H
#define LIBALLOC_ARENA_ARENA_H
/*
 * Arenas: variable-sized chunks by boundary tags.
 * Layer: arena.  Locks: all functions need the owner's lock, but for the
 * checks of a chunk in use, which need only the right to that chunk.
 * Source: Lea, A Memory Allocator; glibc malloc/malloc.c.
 */
#include "layout/arena.h"

#include <stdbool.h>
#include <stdint.h>

void arena_init(struct arena *arena, uint32_t heap_id, bool is_main);

/*
 * A chunk of at least `size` bytes (a chunk size: multiple of 16, at least
 * CHUNK_MIN); NULL = no memory.
 */
struct chunk *arena_alloc(struct arena *arena, size_t size);

/* The same with chunk_to_mem() a multiple of `align` (a power of two > 16). */
struct chunk *arena_alloc_aligned(struct arena *arena, size_t size,
                                  size_t align);

/*
 * Frees a chunk in use that chunk_check() passed: merges it with its free
 * neighbours.
 */
void arena_free(struct arena *arena, struct chunk *chunk);

/*
 * Makes a chunk `size` bytes in place: shrinks it, or grows it into a free
 * neighbour or top.  False: it stays as it is.
 */
bool arena_resize(struct arena *arena, struct chunk *chunk, size_t size);

/*
 * Fatal unless `mem` is the start of a chunk in use: what is wrong is named
 * for free() and its kin.  Touches the chunk's own header only.
 */
void chunk_check_inuse(const void *mem);

/*
 * Tells the policy of the process how much is idle, if that changed much.
 * True: arena_tick() has something to do, whatever the time.
 */
bool arena_note_idle(struct arena *arena);

/*
 * Gives back memory as the watermarks want; the bytes.  !is_used: its owner
 * does not allocate, and what he does not use nobody can: no more is tolerated
 * for what was live at the peak, none for old habits.
 */
size_t arena_tick(struct arena *arena, uint64_t now_ms, bool is_used);

/* Gives back all but `pad` bytes of top and what free chunks hold; bytes. */
size_t arena_trim(struct arena *arena, size_t pad);

/* The property ladder: NULL, or which property does not hold. */
const char *arena_check(struct arena *arena);

#endif
