/* SPDX-License-Identifier: MIT */
#include "harden/harden.h"

#include "arena/mmap_chunk.h"
#include "base/bits.h"
#include "base/tunables.h"
#include "harden/canary.h"
#include "harden/guarded.h"
#include "harden/quarantine.h"
#include "harden/unwritten.h"
#include "harden/zero_block.h"
#include "heap/bin.h"
#include "heap/fast.h"
#include "heap/heap.h"
#include "heap/remote.h"
#include "os/os_env.h"

#include <string.h>

enum {
    LOOK_EACH = 16,      /* frees between looks at the clock */
    MAINTAIN_EVERY = 64, /* frees of others' objects between looks at the
                            clock, as in free() */
};

bool harden_active;
bool harden_wraps;
bool harden_sizes;
uintptr_t canary_secret;

void harden_init(void)
{
    uintptr_t secret = os_random() * 0xd6e8feb86659fd93u;

    harden_sizes = tunables.check_size != 0;
    harden_wraps = tunables.safe_links != 0 || tunables.canary != 0 ||
                   tunables.zero_free != 0 || tunables.quarantine != 0 ||
                   tunables.guard_zero != 0 || harden_sizes;
    harden_active = harden_wraps || tunables.guard_sample != 0;
    if (tunables.safe_links != 0)
        link_secret = (secret ^ secret >> 31) | 1;
    canary_secret = secret * 0xa0761d6478bd642fu | 1;
    slab_zeroes = tunables.zero_free != 0;
    if (tunables.guard_zero != 0)
        zero_block_init();
    if (tunables.guard_sample != 0)
        guarded_init();
    if (tunables.guard_pages != 0 && !mmap_threshold_is_fixed()) {
        /* Page runs have neighbours; a mapping can have guards. */
        tunables.mmap_threshold = MEDIUM_MAX + 1;
        mmap_threshold_fix();
    }
}

/* True: objects of class `cls` of `heap` lie at `mem`. */
ALWAYS_INLINE bool holds_class(const struct heap *heap, const void *mem,
                               unsigned cls)
{
    struct page_ref ref;

    if (LIKELY(fast_kind(heap, mem) == cls))
        return true;
    return page_lookup((uintptr_t)mem, &ref) &&
           ref.tag == tag_make(heap->id, cls);
}

/* The first of a bin that is not empty: all of its words are zero. */
ALWAYS_INLINE void *object_pop(struct heap *heap, unsigned cls)
{
    struct bin *bin = &heap->bins[cls];
    struct free_object *object = bin->head;
    struct free_object *next = object_next(object);

    if (UNLIKELY(object->key != object_key(object)) ||
        UNLIKELY(next != NULL && !holds_class(heap, next, cls)))
        fatal("corrupted free list", object);
    check_unwritten(object, size_class_bytes(cls));
    bin->head = next;
    bin->room++;
    object->next = NULL;
    object->key = 0;
    return object;
}

/* Up to slab_max, canary included; NULL = no memory, or no heap. */
ALWAYS_INLINE void *object_alloc(size_t size)
{
    struct heap *heap = LIKELY(thread_own != NULL) ? thread_own : heap_get();
    unsigned cls = size_class(size);

    if (UNLIKELY(heap == NULL))
        return NULL;
    if (LIKELY(heap->bins[cls].head != NULL)) {
        void *object = object_pop(heap, cls);
        /* Where calls come late each looks at the clock (tick.c). */
        if (UNLIKELY(heap->idle_calls != 0))
            heap_maintain(heap);
        return object;
    }
    void *mem = bin_refill(heap, cls) ? object_pop(heap, cls) : NULL;
    heap_maintain(heap);
    return mem;
}

static size_t usable_of(const void *mem)
{
    struct block block;

    block_find(mem, &block);
    return block.usable;
}

/* Beyond the slabs, or where they fail: canary included. */
static void *large_alloc(size_t size, bool *fresh)
{
    void *mem = heap_alloc(size, fresh);

    if (UNLIKELY(mem == NULL)) {
        harden_trim();
        mem = heap_alloc(size, fresh);
    }
    if (mem != NULL)
        canary_set(mem, usable_of(mem));
    return mem;
}

void *harden_alloc(size_t size, bool *fresh)
{
    void *mem = NULL;

    if (UNLIKELY(size == 0) && tunables.guard_zero != 0)
        mem = zero_block_alloc();
    if (mem == NULL && UNLIKELY(guarded_is_due()))
        mem = guarded_alloc(size, CHUNK_HEADER);
    *fresh = true;
    if (mem != NULL)
        return mem;
    if (!harden_wraps)
        return heap_alloc(size, fresh);
    if (size > PTRDIFF_MAX - CANARY_BYTES)
        return NULL;
    size += canary_bytes();
    size += size == 0;
    if (size <= tunables.slab_max)
        mem = object_alloc(size);
    if (UNLIKELY(mem == NULL))
        return large_alloc(size, fresh);
    *fresh = tunables.zero_free != 0;
    canary_set(mem, size_class_bytes(size_class(size)));
    return mem;
}

void *harden_alloc_aligned(size_t size, size_t align)
{
    void *mem = NULL;

    if (UNLIKELY(guarded_is_due()))
        mem = guarded_alloc(size, align);
    if (mem != NULL || !harden_wraps)
        return mem != NULL ? mem : heap_alloc_aligned(size, align);
    if (size > PTRDIFF_MAX - CANARY_BYTES)
        return NULL;
    size += canary_bytes();
    mem = heap_alloc_aligned(size, align);
    if (UNLIKELY(mem == NULL)) {
        harden_trim();
        mem = heap_alloc_aligned(size, align);
    }
    if (mem != NULL)
        canary_set(mem, usable_of(mem));
    return mem;
}

/* An object of a slab of the thread's own heap, marked as free. */
ALWAYS_INLINE void leave_to_bin(struct heap *heap, unsigned cls, void *mem)
{
    struct bin *bin = &heap->bins[cls];

    if (bin->room > 0) {
        bin_push(bin, mem);
    } else if (bin_spill(heap, cls, mem)) {
        heap_maintain(heap);
    }
}

/* No object of one of the heap's own slabs. */
static NOINLINE void leave_to_heap(struct heap *heap, void *mem, size_t usable)
{
    uint32_t kind = fast_kind(heap, mem);

    check_unwritten(mem, usable);
    mark_live(mem);
    if (fast_is_foreign(heap, kind) &&
        remote_free_tagged(heap, kind ^ heap->tag, mem)) {
        if (UNLIKELY(++heap->foreign % MAINTAIN_EVERY == 0))
            heap_maintain(heap);
        return;
    }
    heap_free(mem);
}

/* A block goes out of quarantine, or past it. */
ALWAYS_INLINE void leave(struct heap *heap, void *mem, size_t usable)
{
    const struct free_object *object = mem;
    uint32_t cls = fast_kind(heap, mem);

    if (UNLIKELY(object->next != NULL) ||
        UNLIKELY(object->key != object_key(object)))
        fatal("corrupted freed block (write after free)", object);
    if (LIKELY(cls < NSLAB)) {
        leave_to_bin(heap, cls, mem);
    } else {
        leave_to_heap(heap, mem, usable);
    }
}

/* Freed, unmarked: into quarantine, and what must go for it out of there. */
ALWAYS_INLINE void hold(struct heap *heap, void *mem, size_t usable)
{
    struct free_object *object = mem;
    struct quarantine *quarantine =
        quarantine_accepts(usable) ? quarantine_of(heap) : NULL;

    object->next = NULL;
    object->key = object_key(object);
    if (quarantine == NULL) {
        leave(heap, mem, usable);
        return;
    }
    quarantine_put(quarantine, mem, usable);
    while (quarantine_is_full(quarantine)) {
        struct quarantined old = quarantine_take(quarantine);
        leave(heap, old.mem, old.usable);
    }
}

/* Usable bytes, canary included; fatal unless it is a block in use. */
ALWAYS_INLINE size_t find_usable(const void *mem, enum block_kind *kind)
{
    const struct heap *heap = thread_own;
    struct block block;

    *kind = BLOCK_SLAB;
    if (LIKELY(heap != NULL)) {
        uint32_t cls = fast_kind(heap, mem);
        if (LIKELY(cls < NSLAB) && LIKELY(fast_is_object(heap, mem, cls)))
            return size_class_bytes(cls);
    }
    block_find(mem, &block);
    *kind = block.kind;
    return block.usable;
}

static void wrapped_free(void *mem)
{
    enum block_kind kind;
    size_t usable = find_usable(mem, &kind);

    canary_check(mem, usable);
    /* A mapping with guards is unmapped: nobody will read it. */
    bool is_mapping = kind == BLOCK_MMAPPED;
    if (tunables.zero_free != 0 && !(is_mapping && tunables.guard_pages != 0))
        memset(mem, 0, usable);
    struct heap *heap = thread_own;
    if (UNLIKELY(is_mapping) || UNLIKELY(heap == NULL)) {
        heap_free(mem);
        return;
    }
    hold(heap, mem, usable);
    /* No bin of a quiet thread is ever full or empty: some frees look. */
    if (UNLIKELY(++heap->foreign % LOOK_EACH == 0))
        heap_maintain(heap);
}

void harden_free(void *mem)
{
    if (UNLIKELY(zero_block_holds(mem))) {
        zero_block_free(mem);
    } else if (UNLIKELY(guarded_holds(mem))) {
        guarded_free(mem);
    } else if (harden_wraps) {
        wrapped_free(mem);
    } else {
        heap_free(mem);
    }
}

/* In place, or by moving pages; NULL: it must be copied, or had no memory. */
static void *wrapped_resize(void *mem, size_t size)
{
    struct block block;

    block_find(mem, &block);
    canary_check(mem, block.usable);
    size_t have = block.usable - canary_bytes();
    if (size <= have && size >= have / 2)
        return mem;
    if (size < have && tunables.zero_free != 0)
        memset((char *)mem + size, 0, block.usable - size);
    void *moved = heap_resize(mem, size + canary_bytes(), &block);
    if (moved != NULL) {
        block_find(moved, &block);
        canary_set(moved, block.usable);
    } else {
        canary_set(mem, block.usable);
    }
    return moved;
}

void *harden_realloc(void *mem, size_t size)
{
    bool is_ours = zero_block_holds(mem) || guarded_holds(mem);
    bool fresh;

    if (!is_ours && !harden_wraps)
        return heap_realloc(mem, size);
    size_t have = harden_usable(mem);
    if (size > PTRDIFF_MAX - CANARY_BYTES)
        return NULL;
    if (is_ours && size == have)
        return mem;
    void *moved = is_ours ? NULL : wrapped_resize(mem, size);
    if (moved != NULL)
        return moved;
    moved = harden_alloc(size, &fresh);
    if (moved == NULL)
        return size <= have ? mem : NULL;
    memcpy(moved, mem, min_size(size, have));
    harden_free(mem);
    return moved;
}

size_t harden_usable(const void *mem)
{
    enum block_kind kind;

    if (UNLIKELY(zero_block_holds(mem))) {
        zero_block_check(mem);
        return 0;
    }
    if (UNLIKELY(guarded_holds(mem)))
        return guarded_size(mem);
    size_t usable = find_usable(mem, &kind);
    if (!harden_wraps)
        return usable;
    canary_check(mem, usable);
    return usable - canary_bytes();
}

/* What the slack of a block may be, by the way it is made. */
static bool size_is_plausible(const struct block *block, size_t size,
                              size_t align)
{
    size_t slack = block->usable - size;

    switch (block->kind) {
    case BLOCK_SLAB:
        return block->slab->cls == (align > CHUNK_HEADER
                                        ? slab_class_aligned(size, align)
                                        : size_class(size + (size == 0)));
    case BLOCK_CHUNK:
        return slack <= size / 8 + 2 * CHUNK_MIN;
    case BLOCK_RUN:
    case BLOCK_MMAPPED:
        return slack <= size / 8 + 2 * (size_t)PAGE_BYTES;
    }
    return false;
}

void harden_check_size(const void *mem, size_t size, size_t align)
{
    struct block block;

    if (zero_block_holds(mem) || guarded_holds(mem)) {
        if (size != harden_usable(mem))
            fatal("invalid size", mem);
        return;
    }
    block_find(mem, &block);
    size += canary_bytes();
    if (size > block.usable || !size_is_plausible(&block, size, align))
        fatal("invalid size", mem);
}

void harden_trim(void)
{
    struct heap *heap = thread_own;

    if (heap == NULL || heap->quarantine == NULL)
        return;
    while (heap->quarantine->count > 0) {
        struct quarantined old = quarantine_take(heap->quarantine);
        leave(heap, old.mem, old.usable);
    }
}
