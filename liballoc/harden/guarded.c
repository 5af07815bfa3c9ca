/* SPDX-License-Identifier: MIT */
#include "harden/guarded.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/debug.h"
#include "base/tunables.h"
#include "os/os_env.h"
#include "os/os_mem.h"

#include <string.h>

enum {
    TRIES = 8, /* slots looked at for a free one */
};

struct guarded guarded_pool;
TLS_IE uint32_t guarded_left;
static _Atomic uint32_t cursor; /* slots are used in turn */

static void *slot_page(size_t i)
{
    return (void *)guarded_page(guarded_pool.base, i, os_page_size());
}

void guarded_init(void)
{
    size_t span = (2 * GUARDED_SLOTS + 1) * os_page_size();
    void *at = os_reserve(NULL, span);

    if (at == NULL)
        return;
    os_name(at, span, "liballoc guarded");
    guarded_pool.base = (uintptr_t)at;
    guarded_pool.span = span;
}

bool guarded_rearm(void)
{
    static TLS_IE uint32_t random; /* 0 = not seeded */
    bool is_first = random == 0;

    if (guarded_pool.span == 0) {
        guarded_left = UINT32_MAX;
        return false;
    }
    if (is_first)
        random = (uint32_t)(os_random() ^ os_tid() * 0x9e3779b9u) | 1;
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    /* Uniform in 1 .. 2n - 1: n on average. */
    guarded_left = (uint32_t)(1 + random % (2 * tunables.guard_sample - 1));
    return !is_first;
}

/* A slot nobody uses, now MOVING; NULL = there is none. */
static struct guarded_slot *slot_take(void)
{
    for (int i = 0; i < TRIES; i++) {
        /* stale ok: any slot will do */
        struct guarded_slot *slot =
            &guarded_pool.slots[add_relaxed(&cursor, 1) % GUARDED_SLOTS];
        /* stale ok: the compare and swap below checks it */
        uint32_t state = load_relaxed(&slot->state);
        if (state != GUARDED_NEVER && state != GUARDED_FREED)
            continue;
        /* acquire: pairs with the release in guarded_free() */
        if (cas_acquire(&slot->state, &state, GUARDED_MOVING))
            return slot;
    }
    return NULL;
}

void *guarded_alloc(size_t size, size_t align)
{
    size_t page = os_page_size();

    /* size first: rounding SIZE_MAX up gives a small number */
    if (guarded_pool.span == 0 || size == 0 || size > page || align > page)
        return NULL;
    size_t room = round_up(size, max_size(align, GUARDED_UNIT));
    if (room > page)
        return NULL;
    struct guarded_slot *slot = slot_take();
    if (slot == NULL)
        return NULL;
    char *start = slot_page((size_t)(slot - guarded_pool.slots));
    if (!os_commit(start, page)) {
        /* release: the slot is as it was; pairs with slot_take() */
        store_release(&slot->state, GUARDED_FREED);
        return NULL;
    }
    /* Overruns happen more often than underruns: three of four. */
    bool at_end = (uintptr_t)(slot - guarded_pool.slots) % 4 != 3;
    char *mem = at_end ? start + page - room : start;
    slot->mem = (uintptr_t)mem;
    slot->tid = os_tid();
    slot->size = size;
    memset(mem + size, GUARDED_FILL, guarded_fill(slot->mem + slot->size));
    /* release: publishes the block; pairs with guarded_find() */
    store_release(&slot->state, GUARDED_LIVE);
    return mem;
}

/* The slot of a live block; fatal if it is none. */
static struct guarded_slot *guarded_find(const void *mem)
{
    size_t page = ((uintptr_t)mem - guarded_pool.base) / os_page_size();
    struct guarded_slot *slot = &guarded_pool.slots[page / 2 % GUARDED_SLOTS];

    /* acquire: pairs with the release in guarded_alloc() */
    uint32_t state = load_acquire(&slot->state);
    if (page % 2 == 0 || state == GUARDED_NEVER || slot->mem != (uintptr_t)mem)
        fatal("invalid pointer", mem);
    if (state != GUARDED_LIVE)
        fatal("double free or corruption (guarded)", mem);
    return slot;
}

size_t guarded_size(const void *mem)
{
    return guarded_find(mem)->size;
}

void guarded_free(const void *mem)
{
    struct guarded_slot *slot = guarded_find(mem);
    void *page = slot_page((size_t)(slot - guarded_pool.slots));
    uint32_t state = GUARDED_LIVE;

    /* acquire: the block is this thread's; pairs with guarded_alloc() */
    if (!cas_acquire(&slot->state, &state, GUARDED_MOVING))
        fatal("double free or corruption (guarded)", mem);
    const unsigned char *end = (const unsigned char *)mem + slot->size;
    for (size_t i = 0; i < guarded_fill(slot->mem + slot->size); i++) {
        if (end[i] != GUARDED_FILL)
            fatal("corrupted block (overrun)", mem);
    }
    /* What cannot be purged is overwritten; it may stay accessible. */
    if (!os_purge(page, os_page_size()))
        memset(page, 0, os_page_size());
    (void)os_forbid(page, os_page_size());
    slot->tid = os_tid();
    /* release: the page is as new; pairs with slot_take() */
    store_release(&slot->state, GUARDED_FREED);
}
