/* SPDX-License-Identifier: MIT */
#include "heap/remote.h"

#include "arena/arena.h"
#include "arena/chunk.h"
#include "base/atomic.h"
#include "base/bits.h"
#include "base/debug.h"
#include "base/lock.h"
#include "heap/bin.h"
#include "heap/registry.h"
#include "os/os_mem.h"
#include "slab/slab_cache.h"

enum {
    BATCH_OBJECTS = 64,
    BATCH_BYTES = 16 * KIB,
    CHUNK_BATCH = 16,
    CHUNK_BATCH_BYTES = 64 * KIB,
    HELP_BYTES = 256 * KIB, /* pending for an owner that does not look */
};

void remote_help(struct heap *owner)
{
    if (!heap_try_lock_remote(owner))
        return;
    remote_collect_helper(owner);
    arena_tick(&owner->arena, os_time_ms(), false);
    heap_unlock_remote(owner);
}

static void account(struct heap *owner, size_t bytes)
{
    /* stale ok: only decides when to help */
    size_t pending = add_relaxed(&owner->pending_bytes, bytes) + bytes;

    /* stale ok: as above */
    bool is_owned = load_relaxed(&owner->state) == HEAP_OWNED;
    if (pending > (is_owned ? HELP_BYTES : HELP_BYTES / 16))
        remote_help(owner);
}

/* The slab got its first remote objects: its owner must hear of it. */
static void announce(struct heap *owner, struct slab *slab)
{
    /* stale ok: the compare and swap below checks it */
    struct slab *old = load_relaxed(&owner->pending);

    do {
        slab->pending_next = old;
        /* release: publishes pending_next; pairs with collect_slabs() */
    } while (!cas_weak_release(&owner->pending, &old, slab));
}

static void send_slab(struct heap *owner, struct slab *slab, struct chain chain,
                      struct free_object *tail)
{
    if (slab_remote_push(slab, chain, tail))
        announce(owner, slab);
}

static void batch_send(struct heap *heap, struct remote_batch *batch)
{
    struct chain chain = {.head = batch->head, .count = batch->count};
    struct slab *slab = batch->slab;

    if (slab == NULL)
        return;
    if (UNLIKELY(!slab_has_carved(slab, batch->reach)))
        fatal("invalid pointer", batch->head);
    struct heap *owner = heap_by_id(slab->heap_id);
    size_t bytes = chain.count * (size_t)slab->cache->size;
    /* For an instant the objects are on no list. */
    uint32_t epoch = heap_unsettle(heap);
    batch->slab = NULL;
    send_slab(owner, slab, chain, batch->tail);
    heap_settle(heap, epoch);
    account(owner, bytes);
}

static void batch_add(struct remote_batch *batch, void *mem, size_t size)
{
    struct free_object *object = mem;

    object->key = object_key(mem);
    object_link(object, batch->head);
    if (batch->head == NULL)
        batch->tail = object;
    batch->head = object;
    batch->count++;
    batch->bytes += (uint32_t)size;
}

static void batch_add_object(struct heap *heap, struct slab *slab, void *mem,
                             size_t size)
{
    struct remote_batch *batch =
        &heap->remote[(uintptr_t)slab / sizeof *slab % NREMOTE];
    uint32_t offset = (uint32_t)((uintptr_t)mem & (SLAB_BYTES_MAX - 1));

    if (batch->slab != slab) {
        batch_send(heap, batch);
        *batch = (struct remote_batch){.slab = slab};
        heap->is_sending = true;
    }
    batch_add(batch, mem, size);
    if (offset > batch->reach)
        batch->reach = offset;
    if (batch->count >= BATCH_OBJECTS || batch->bytes >= BATCH_BYTES)
        batch_send(heap, batch);
}

bool remote_free_tagged(struct heap *heap, uint32_t tag, void *mem)
{
    size_t pfn = page_pfn(heap->base, (uintptr_t)mem);
    size_t size = size_class_bytes(tag_kind(tag));
    uint32_t offset = (uint32_t)(uintptr_t)mem & (PAGE_BYTES - 1);
    const struct free_object *object = mem;

    if (UNLIKELY(!is_multiple(offset, divide_magic(size))) ||
        UNLIKELY(object->key == object_key(mem)))
        return false;
    struct page *page = &heap->pages[slab_head(pfn, tag_kind(tag))];
    batch_add_object(heap, page_slab(page), mem, size);
    return true;
}

void remote_free_object(struct heap *heap, struct slab *slab,
                        struct free_object *object)
{
    if (heap == NULL) {
        struct heap *owner = heap_by_id(slab->heap_id);
        size_t bytes = slab->cache->size; /* it may be gone after */
        struct chain chain = {.head = object, .count = 1};
        object->key = object_key(object);
        object_link(object, NULL);
        send_slab(owner, slab, chain, object);
        account(owner, bytes);
        return;
    }
    batch_add_object(heap, slab, object, slab->cache->size);
}

static void send_chunks(uint32_t owner_id, void *head, void *tail, size_t bytes)
{
    struct heap *owner = heap_by_id(owner_id);
    /* stale ok: the compare and swap below checks it */
    void *old = load_relaxed(&owner->pending_chunks);

    do {
        object_link(tail, old);
        /* release: publishes the chain; pairs with collect_chunks() */
    } while (!cas_weak_release(&owner->pending_chunks, &old, head));
    account(owner, bytes);
}

static void chunk_batch_send(struct remote_batch *batch)
{
    if (batch->head != NULL)
        send_chunks(batch->heap_id, batch->head, batch->tail, batch->bytes);
    batch->head = NULL;
}

void remote_free_chunk(struct heap *heap, uint32_t owner_id, void *mem)
{
    struct remote_batch single = {.heap_id = owner_id};
    struct remote_batch *batch = &single;
    size_t size = chunk_size(mem_to_chunk(mem));

    if (heap != NULL)
        batch = &heap->remote_chunk[owner_id % NREMOTE_CHUNK];
    if (batch->heap_id != owner_id || batch->head == NULL) {
        chunk_batch_send(batch);
        *batch = (struct remote_batch){.heap_id = owner_id};
        if (heap != NULL)
            heap->is_sending = true;
    }
    batch_add(batch, mem, size);
    if (heap == NULL || batch->count >= CHUNK_BATCH ||
        batch->bytes >= CHUNK_BATCH_BYTES)
        chunk_batch_send(batch);
}

void remote_flush(struct heap *heap)
{
    /* The batches lie on a page that short-lived threads need not touch. */
    if (!heap->is_sending)
        return;
    heap->is_sending = false;
    for (unsigned i = 0; i < NREMOTE; i++)
        batch_send(heap, &heap->remote[i]);
    for (unsigned i = 0; i < NREMOTE_CHUNK; i++)
        chunk_batch_send(&heap->remote_chunk[i]);
}

static void collect_slabs(struct heap *heap)
{
    struct slab_source from = heap_slab_source(heap);
    /* acquire: pairs with the release in announce() */
    struct slab *slab = exchange_acquire(&heap->pending, NULL);

    while (slab != NULL) {
        /* Read first: once its objects are taken the slab may be released,
           or announced again. */
        struct slab *next = slab->pending_next;
        slab_cache_collect(slab->cache, &from, slab);
        slab = next;
    }
}

/* A chunk that came home: to the owner's bin if that has room. */
static void chunk_home(struct heap *heap, void *mem, bool is_owner)
    REQUIRES(heap->lock)
{
    struct chunk *chunk = mem_to_chunk(mem);

    chunk_check_inuse(mem);
    if (is_owner) {
        unsigned index = bin_for_chunk(chunk_size(chunk) - CHUNK_HEADER);
        if (index < NHEAPBINS && heap->bins[index].room > 0) {
            bin_push(&heap->bins[index], mem);
            return;
        }
    }
    arena_free(&heap->arena, chunk);
}

static void collect_chunks(struct heap *heap, bool is_owner)
    REQUIRES(heap->lock)
{
    /* acquire: pairs with the release in send_chunks() */
    struct free_object *object = exchange_acquire(&heap->pending_chunks, NULL);

    while (object != NULL) {
        if (UNLIKELY(!heap_holds_chunk(heap, object)))
            fatal("corrupted free list (remote)", object);
        struct free_object *next = object_next(object);
        chunk_home(heap, object, is_owner);
        object = next;
    }
}

static bool nothing_pending(struct heap *heap)
{
    /* stale ok: what is missed now is seen by the next call */
    return load_relaxed(&heap->pending) == NULL &&
           /* stale ok: as above */
           load_relaxed(&heap->pending_chunks) == NULL;
}

static void collect(struct heap *heap, bool is_owner) REQUIRES(heap->lock)
{
    if (nothing_pending(heap))
        return;
    /* stale ok: only decides when to help */
    store_relaxed(&heap->pending_bytes, 0);
    collect_slabs(heap);
    collect_chunks(heap, is_owner);
}

void remote_collect_owner(struct heap *heap)
{
    collect(heap, true);
}

void remote_collect_helper(struct heap *heap)
{
    collect(heap, false);
}
