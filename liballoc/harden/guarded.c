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
    NSLOTS = 64,
    TRIES = 8,   /* slots looked at for a free one */
    FILL = 0xcb, /* what lies between a block and the end of its unit */
    UNIT = 16,   /* blocks end at multiples of it, or at their alignment */
};

enum slot_state {
    SLOT_NEVER,
    SLOT_LIVE,
    SLOT_MOVING, /* one thread makes or frees it */
    SLOT_FREED,  /* inaccessible until its turn comes */
};

/* Protected by: state; written by who moved it to MOVING. */
struct slot {
    _Atomic uint32_t state; /* enum slot_state */
    const char *mem;        /* the last block */
    size_t size;
};

uintptr_t guarded_base;
size_t guarded_span;
TLS_IE uint32_t guarded_left;
static struct slot slots[NSLOTS];
static _Atomic uint32_t cursor; /* slots are used in turn */

static void *slot_page(size_t i)
{
    return (void *)(guarded_base + (2 * i + 1) * os_page_size());
}

void guarded_init(void)
{
    size_t span = (2 * NSLOTS + 1) * os_page_size();
    void *at = os_reserve(NULL, span);

    if (at == NULL)
        return;
    os_name(at, span, "liballoc guarded");
    guarded_base = (uintptr_t)at;
    guarded_span = span;
}

bool guarded_rearm(void)
{
    static TLS_IE uint32_t random; /* 0 = not seeded */
    bool is_first = random == 0;

    if (guarded_span == 0) {
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
static struct slot *slot_take(void)
{
    for (int i = 0; i < TRIES; i++) {
        /* stale ok: any slot will do */
        struct slot *slot = &slots[add_relaxed(&cursor, 1) % NSLOTS];
        /* stale ok: the compare and swap below checks it */
        uint32_t state = load_relaxed(&slot->state);
        if (state != SLOT_NEVER && state != SLOT_FREED)
            continue;
        /* acquire: pairs with the release in guarded_free() */
        if (cas_acquire(&slot->state, &state, SLOT_MOVING))
            return slot;
    }
    return NULL;
}

/* Bytes between the block and the end of its unit hold FILL. */
static size_t fill_bytes(const struct slot *slot)
{
    return -(uintptr_t)(slot->mem + slot->size) & (UNIT - 1);
}

void *guarded_alloc(size_t size, size_t align)
{
    size_t page = os_page_size();

    /* size first: rounding SIZE_MAX up gives a small number */
    if (guarded_span == 0 || size == 0 || size > page || align > page)
        return NULL;
    size_t room = round_up(size, max_size(align, UNIT));
    if (room > page)
        return NULL;
    struct slot *slot = slot_take();
    if (slot == NULL)
        return NULL;
    char *start = slot_page((size_t)(slot - slots));
    if (!os_commit(start, page)) {
        /* release: the slot is as it was; pairs with slot_take() */
        store_release(&slot->state, SLOT_FREED);
        return NULL;
    }
    /* Overruns happen more often than underruns: three of four. */
    bool at_end = (uintptr_t)(slot - slots) % 4 != 3;
    char *mem = at_end ? start + page - room : start;
    slot->mem = mem;
    slot->size = size;
    memset(mem + size, FILL, fill_bytes(slot));
    /* release: publishes the block; pairs with guarded_find() */
    store_release(&slot->state, SLOT_LIVE);
    return mem;
}

/* The slot of a live block; fatal if it is none. */
static struct slot *guarded_find(const void *mem)
{
    size_t page = ((uintptr_t)mem - guarded_base) / os_page_size();
    struct slot *slot = &slots[page / 2 % NSLOTS];

    /* acquire: pairs with the release in guarded_alloc() */
    uint32_t state = load_acquire(&slot->state);
    if (page % 2 == 0 || state == SLOT_NEVER || slot->mem != mem)
        fatal("invalid pointer", mem);
    if (state != SLOT_LIVE)
        fatal("double free or corruption (guarded)", mem);
    return slot;
}

size_t guarded_size(const void *mem)
{
    return guarded_find(mem)->size;
}

void guarded_free(const void *mem)
{
    struct slot *slot = guarded_find(mem);
    void *page = slot_page((size_t)(slot - slots));
    uint32_t state = SLOT_LIVE;

    /* acquire: the block is this thread's; pairs with guarded_alloc() */
    if (!cas_acquire(&slot->state, &state, SLOT_MOVING))
        fatal("double free or corruption (guarded)", mem);
    for (size_t i = 0; i < fill_bytes(slot); i++) {
        if ((unsigned char)slot->mem[slot->size + i] != FILL)
            fatal("corrupted block (overrun)", mem);
    }
    /* What cannot be purged is overwritten; it may stay accessible. */
    if (!os_purge(page, os_page_size()))
        memset(page, 0, os_page_size());
    (void)os_forbid(page, os_page_size());
    /* release: the page is as new; pairs with slot_take() */
    store_release(&slot->state, SLOT_FREED);
}
