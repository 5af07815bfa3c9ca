/* SPDX-License-Identifier: MIT */
#include "prof/stack_table.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "prof/grow.h"

#include <string.h>

enum {
    NBUCKETS = 1 << 14,
};

/* Heads of chains, indices in stacks[].  Atomic: set by release */
static _Atomic uint32_t buckets[NBUCKETS];
static struct grow stacks_room;
static struct grow frames_room;

bool stack_table_init(struct prof *prof)
{
    if (prof->stacks != NULL)
        return true;
    if (!grow_reserve(&stacks_room, STACKS_MAX * sizeof(struct prof_stack)) ||
        !grow_reserve(&frames_room, STACK_FRAMES_MAX * sizeof(uintptr_t)) ||
        !grow_to(&stacks_room, sizeof(struct prof_stack), &prof->memory))
        return false;
    prof->stacks = stacks_room.start;
    prof->frames = frames_room.start;
    prof->nstacks = 1; /* PROF_NO_STACK */
    return true;
}

/* FNV-1a over the words, mixed: the low bits choose the bucket. */
static uint64_t hash_of(const uintptr_t *pcs, uint32_t depth)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (uint32_t i = 0; i < depth; i++)
        hash = (hash ^ pcs[i]) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

static uint32_t find(const struct prof *prof, const uintptr_t *pcs,
                     uint32_t depth, uint64_t hash)
{
    /* acquire: pairs with the release in stack_table_intern() */
    uint32_t at = load_acquire(&buckets[hash % NBUCKETS]);

    while (at != 0) {
        const struct prof_stack *stack = &prof->stacks[at];
        if (stack->hash == hash && stack->depth == depth &&
            memcmp(&prof->frames[stack->first], pcs, depth * sizeof pcs[0]) ==
                0)
            return at;
        at = stack->next;
    }
    return PROF_NO_STACK;
}

uint32_t stack_table_find(const struct prof *prof, const uintptr_t *pcs,
                          uint32_t depth)
{
    return find(prof, pcs, depth, hash_of(pcs, depth));
}

static bool make_room(struct prof *prof, uint32_t depth)
{
    return prof->nstacks < STACKS_MAX &&
           prof->nframes + depth <= STACK_FRAMES_MAX &&
           grow_to(&stacks_room,
                   (prof->nstacks + 1) * sizeof(struct prof_stack),
                   &prof->memory) &&
           grow_to(&frames_room, (prof->nframes + depth) * sizeof(uintptr_t),
                   &prof->memory);
}

uint32_t stack_table_intern(struct prof *prof, const uintptr_t *pcs,
                            uint32_t depth)
{
    uint64_t hash = hash_of(pcs, depth);
    _Atomic uint32_t *bucket = &buckets[hash % NBUCKETS];
    uint32_t at = depth == 0 ? 0 : find(prof, pcs, depth, hash);

    if (at != 0 || depth == 0)
        return at;
    if (!make_room(prof, depth)) {
        prof->lost_stacks++;
        return PROF_NO_STACK;
    }
    at = (uint32_t)prof->nstacks;
    struct prof_stack *stack = &prof->stacks[at];
    stack->hash = hash;
    stack->first = (uint32_t)prof->nframes;
    stack->depth = depth;
    memcpy(&prof->frames[stack->first], pcs, depth * sizeof pcs[0]);
    /* stale ok: only the holder of the lock adds */
    stack->next = load_relaxed(bucket);
    prof->nframes += depth;
    prof->nstacks++;
    /* release: publishes the stack; pairs with the acquire in find() */
    store_release(bucket, at);
    return at;
}
