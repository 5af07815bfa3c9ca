/* SPDX-License-Identifier: MIT */
#include "harden/harden.h"

#include "arena/mmap_chunk.h"
#include "base/bits.h"
#include "base/tunables.h"
#include "harden/quick.h"
#include "harden/zero_block.h"
#include "heap/remote.h"
#include "os/os_env.h"

#include <string.h>

enum {
    MAINTAIN_EVERY = 64, /* frees of others' objects between looks at the
                            clock, as in free() */
};

bool harden_active;
bool harden_wraps;
bool harden_sizes;
bool harden_quick;
uint16_t class_bytes[NSLAB];
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
    for (unsigned cls = 0; cls < NSLAB; cls++)
        class_bytes[cls] = (uint16_t)size_class_bytes(cls);
    harden_quick = tunables.safe_links != 0 && tunables.canary != 0 &&
                   tunables.zero_free != 0 && tunables.slab_max >= SMALL_MAX;
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

/* Of the class, with its canary; NULL = no memory, or no heap. */
static void *object_alloc(unsigned cls)
{
    struct heap *heap = heap_get();

    if (UNLIKELY(heap == NULL))
        return NULL;
    bool was_empty = heap->bins[cls].head == NULL;
    if (was_empty && UNLIKELY(!bin_refill(heap, cls))) {
        heap_maintain(heap);
        return NULL;
    }
    void *mem = object_pop(heap, cls);
    canary_set(mem, size_class_bytes(cls));
    /* Where calls come late each looks at the clock (tick.c). */
    if (was_empty || UNLIKELY(heap->idle_calls != 0))
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

/* What quick_alloc() does not: no size, samples, refills, large blocks. */
static NOINLINE void *wrapped_alloc(size_t size, bool *fresh)
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
        mem = object_alloc(size_class(size));
    if (UNLIKELY(mem == NULL))
        return large_alloc(size, fresh);
    *fresh = tunables.zero_free != 0;
    return mem;
}

void *harden_quick_alloc(size_t size)
{
    return quick_alloc(size);
}

void *harden_alloc(size_t size, bool *fresh)
{
    void *mem = quick_alloc(size);

    if (UNLIKELY(mem == NULL))
        return wrapped_alloc(size, fresh);
    *fresh = true;
    return mem;
}

/* Beyond the slabs, or where they fail: canary included. */
static void *large_alloc_aligned(size_t size, size_t align)
{
    void *mem = heap_alloc_aligned(size, align);

    if (UNLIKELY(mem == NULL)) {
        harden_trim();
        mem = heap_alloc_aligned(size, align);
    }
    if (mem != NULL)
        canary_set(mem, usable_of(mem));
    return mem;
}

void *harden_alloc_aligned(size_t size, size_t align)
{
    struct heap *heap = thread_own;
    void *mem = NULL;

    if (size > PTRDIFF_MAX - CANARY_BYTES)
        return NULL;
    /* Slabs serve aligned requests beyond slab_max too, see heap_alloc.c. */
    bool has_class = harden_wraps && tunables.slab_max != 0 &&
                     size <= SLAB_MAX - CANARY_BYTES && align <= PAGE_BYTES;
    unsigned cls =
        has_class ? slab_class_aligned(size + canary_bytes(), align) : NSLAB;
    if (has_class && harden_quick && heap != NULL)
        mem = quick_pop(heap, cls);
    if (LIKELY(mem != NULL))
        return mem;
    if (UNLIKELY(guarded_is_due()))
        mem = guarded_alloc(size, align);
    if (mem != NULL || !harden_wraps)
        return mem != NULL ? mem : heap_alloc_aligned(size, align);
    if (has_class)
        mem = object_alloc(cls);
    return mem != NULL ? mem
                       : large_alloc_aligned(size + canary_bytes(), align);
}

void leave_to_heap(struct heap *heap, void *mem, size_t usable)
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

/* Wiped, but too large to wait, or there is no quarantine. */
static void free_at_once(struct heap *heap, void *mem,
                         const struct block *block)
{
    if (block->kind == BLOCK_SLAB && block->owner_id == heap->id) {
        mark_free(heap, mem);
        leave_to_bin(heap, block->slab->cls, mem);
    } else {
        heap_free_found(mem, block);
    }
}

/* What quick_free() does not: the first free of a thread, other heaps' objects,
   chunks, runs, mappings, errors. */
static void wrapped_free(void *mem)
{
    struct heap *heap = thread_own;
    struct quarantine *quarantine = NULL;
    struct block block;

    block_find(mem, &block);
    canary_check(mem, block.usable);
    /* A mapping with guards is unmapped: nobody will read it. */
    bool is_mapping = block.kind == BLOCK_MMAPPED;
    if (tunables.zero_free != 0 && !(is_mapping && tunables.guard_pages != 0))
        memset(mem, 0, block.usable);
    if (UNLIKELY(is_mapping) || UNLIKELY(heap == NULL)) {
        heap_free_found(mem, &block);
        return;
    }
    if (quarantine_accepts(block.usable))
        quarantine = quarantine_of(heap);
    if (quarantine != NULL) {
        hold(heap, quarantine, mem, block.usable);
    } else {
        free_at_once(heap, mem, &block);
    }
    if (UNLIKELY(++heap->foreign % LOOK_EACH == 0))
        heap_maintain(heap);
}

bool harden_quick_free(void *mem)
{
    return quick_free(mem);
}

void harden_free(void *mem)
{
    if (LIKELY(quick_free(mem)))
        return;
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
