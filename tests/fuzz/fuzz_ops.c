/* SPDX-License-Identifier: MIT */
/*
 * A stream of allocator operations against a shadow model.  An input is
 * operations of four bytes:
 *
 *   | verb | slot | size, low 8 bits | shift << 3 | size, high 3 bits |
 *
 * so that sizes go from exact small ones to 64 MiB.  Two logical threads take
 * turns, with a heap each.  After each input all is freed and trimmed; after
 * some every structure is checked, and nothing may be live: what leaks adds up.
 *
 * malloc and its kin are liballoc's under other names (CMakeLists.txt): ASan
 * keeps its own.  LIBALLOC_CONF=slab_max:0 fuzzes classic mode.
 */
#include "api/watch.h"
#include "arena/arena.h"
#include "fuzz.h"
#include "heap/registry.h"
#include "liballoc.h"
#include "page/zone.h"
#include "slab/slab_cache.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 64,
    NTHREADS = 2,
    NCACHES = 4,
    LIVE_MOST = 256 << 20,
    CALLOC_MOST = 2 << 20, /* all of it is looked at */
    PLACE_STEP = 4096,
    CHECK_EACH = 8,   /* inputs: a look at every page takes a while */
    OVERHEAD = 16384, /* closing headers of segments count as in use */
};

enum kind {
    KIND_NONE,
    KIND_MALLOC,
    KIND_CACHED,
    KIND_PAGES,
    KIND_PAGES_EXACT,
};

struct slot {
    enum kind kind;
    unsigned char *mem;
    size_t size;
    size_t requested;   /* what free_sized() is to be told */
    size_t align;       /* of aligned_alloc(); 0: by malloc, calloc, realloc */
    unsigned parameter; /* order, or index of a cache */
    unsigned char fill;
};

struct thread {
    struct heap *own;
    struct heap *heap;
};

static struct slot slots[SLOTS];
static struct liballoc_cache *caches[NCACHES];
static struct thread threads[NTHREADS];
static unsigned current;
static size_t live;

/* Which of the model's laws is broken shows in the stack. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

/* The ends; between them a byte each PLACE_STEP, or sixteen. */
static size_t next_place(const struct slot *slot, size_t at)
{
    size_t step = slot->size / 16 > PLACE_STEP ? slot->size / 16 : PLACE_STEP;

    if (at + step < slot->size)
        return at + step;
    return at + 1 < slot->size ? slot->size - 1 : slot->size;
}

static void fill(struct slot *slot)
{
    for (size_t at = 0; at < slot->size; at = next_place(slot, at))
        slot->mem[at] = slot->fill;
}

/* The first `size` bytes hold what fill() left there. */
static void check_filled(const struct slot *slot, size_t size)
{
    for (size_t at = 0; at < size; at = next_place(slot, at))
        require(slot->mem[at] == slot->fill);
}

static void check_no_overlap(const struct slot *slot)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (&slots[i] != slot && slots[i].kind != KIND_NONE)
            require(slots[i].mem + slots[i].size <= slot->mem ||
                    slot->mem + slot->size <= slots[i].mem);
    }
}

/* The slot is taken, unless there was no memory. */
static void take(struct slot *slot, enum kind kind, void *mem, size_t size,
                 size_t align)
{
    static unsigned char fills;

    if (mem == NULL) {
        require(errno == ENOMEM);
        return;
    }
    require((uintptr_t)mem % align == 0);
    slot->kind = kind;
    slot->mem = mem;
    slot->size = size;
    slot->requested = size;
    slot->align = align > 16 ? align : 0;
    slot->fill = ++fills;
    live += size;
    check_no_overlap(slot);
    fill(slot);
}

static void drop(struct slot *slot)
{
    check_filled(slot, slot->size);
    errno = 4242;
    if (slot->kind == KIND_MALLOC) {
        free(slot->mem);
    } else if (slot->kind == KIND_CACHED) {
        liballoc_cache_free(caches[slot->parameter], slot->mem);
    } else if (slot->kind == KIND_PAGES) {
        liballoc_pages_free(slot->mem, slot->parameter);
    } else if (slot->kind == KIND_PAGES_EXACT) {
        liballoc_pages_free_exact(slot->mem, slot->size);
    }
    require(errno == 4242);
    live -= slot->size;
    slot->kind = KIND_NONE;
    slot->size = 0;
}

static void resize(struct slot *slot, size_t size)
{
    size_t least = size < slot->size ? size : slot->size;
    unsigned char *moved = realloc(slot->mem, size);

    if (moved == NULL) {
        require(size == 0 || errno == ENOMEM);
        if (size == 0) {
            live -= slot->size;
            slot->kind = KIND_NONE;
        }
        return;
    }
    slot->mem = moved;
    check_filled(slot, least);
    live += size - slot->size;
    slot->size = size;
    slot->requested = size;
    slot->align = 0;
    check_no_overlap(slot);
    fill(slot);
}

static void grow_to_usable(struct slot *slot)
{
    size_t usable = malloc_usable_size(slot->mem);

    require(usable >= slot->size);
    live += usable - slot->size;
    slot->size = usable;
    check_no_overlap(slot);
    fill(slot);
}

static void check_zero(const unsigned char *mem, size_t size)
{
    if (mem != NULL && size > 0)
        require(mem[0] == 0 && memcmp(mem, mem + 1, size - 1) == 0);
}

static void switch_thread(void)
{
    threads[current] = (struct thread){thread_own, heap_front()};
    current = (current + 1) % NTHREADS;
    thread_own = threads[current].own;
    thread_fronts =
        (struct thread_fronts){threads[current].heap, threads[current].heap};
}

static void alloc_cached(struct slot *slot, unsigned index)
{
    /* The first shares malloc's slabs; the last is too large for any. */
    static const size_t sizes[NCACHES] = {96, 96, 1500, 20000};
    static const size_t aligns[NCACHES] = {0, 64, 256, 4096};

    if (caches[index] == NULL) {
        caches[index] =
            liballoc_cache_create("fuzz", sizes[index], aligns[index],
                                  LIBALLOC_NO_MERGE * (index > 0), NULL);
    }
    if (caches[index] == NULL)
        return;
    slot->parameter = index;
    take(slot, KIND_CACHED, liballoc_cache_alloc(caches[index], 0),
         sizes[index], aligns[index] > 0 ? aligns[index] : 16);
}

static void must_fail(struct slot *slot, size_t size)
{
    errno = 0;
    require(malloc(SIZE_MAX - size) == NULL && errno == ENOMEM);
    errno = 0;
    require(calloc(SIZE_MAX / 2, 2 + size) == NULL && errno == ENOMEM);
    if (slot->kind == KIND_MALLOC)
        require(realloc(slot->mem, SIZE_MAX - size) == NULL);
}

enum verb {
    DO_MALLOC,
    DO_CALLOC,
    DO_ALIGNED,
    DO_POSIX_MEMALIGN,
    DO_CACHED,
    DO_PAGES,
    DO_PAGES_EXACT,
    ON_FREE_SLOT, /* verbs up to here want an empty slot */
    DO_REALLOC = ON_FREE_SLOT,
    DO_USABLE,
    DO_FREE_SIZED,
    DO_FREE,
    ON_ANY_SLOT,
    DO_TRIM = ON_ANY_SLOT,
    DO_SWITCH,
    DO_SHRINK,
    DO_INFO,
    DO_FAIL,
    NVERBS,
};

static void alloc_pages(struct slot *slot, size_t size, bool exact)
{
    unsigned order = size % 8;

    slot->parameter = order;
    if (exact) {
        size = size % (8 << 20) + 1;
        take(slot, KIND_PAGES_EXACT, liballoc_pages_alloc_exact(size, 0), size,
             LIBALLOC_PAGE_SIZE);
    } else {
        take(slot, KIND_PAGES, liballoc_pages_alloc(order, 0),
             LIBALLOC_PAGE_SIZE << order, LIBALLOC_PAGE_SIZE << order);
    }
}

static void do_alloc(enum verb verb, struct slot *slot, size_t size)
{
    size_t align = (size_t)16 << (size % 13);
    void *mem = NULL;

    if (verb == DO_MALLOC) {
        take(slot, KIND_MALLOC, malloc(size), size, size < 16 ? 8 : 16);
    } else if (verb == DO_CALLOC) {
        size %= CALLOC_MOST;
        mem = calloc(1, size);
        check_zero(mem, size);
        take(slot, KIND_MALLOC, mem, size, size < 16 ? 8 : 16);
    } else if (verb == DO_ALIGNED) {
        take(slot, KIND_MALLOC, aligned_alloc(align, size), size, align);
    } else if (verb == DO_POSIX_MEMALIGN) {
        errno = posix_memalign(&mem, align, size);
        take(slot, KIND_MALLOC, mem, size, align);
    } else if (verb == DO_CACHED) {
        alloc_cached(slot, size % NCACHES);
    } else {
        alloc_pages(slot, size, verb == DO_PAGES_EXACT);
    }
}

/* glibc does not declare them yet. */
void free_sized(void *mem, size_t size);
void free_aligned_sized(void *mem, size_t align, size_t size);

static void do_used(enum verb verb, struct slot *slot, size_t size)
{
    bool is_malloc = slot->kind == KIND_MALLOC;

    if (verb == DO_REALLOC && is_malloc) {
        check_filled(slot, slot->size);
        resize(slot, size);
    } else if (verb == DO_USABLE && is_malloc) {
        grow_to_usable(slot);
    } else if (verb == DO_FREE_SIZED && is_malloc) {
        check_filled(slot, slot->size);
        live -= slot->size;
        slot->kind = KIND_NONE;
        if (slot->align != 0) {
            free_aligned_sized(slot->mem, slot->align, slot->requested);
        } else {
            free_sized(slot->mem, slot->requested);
        }
    } else {
        drop(slot);
    }
}

static void do_any(enum verb verb, struct slot *slot, size_t size)
{
    if (verb == DO_TRIM) {
        malloc_trim(size);
    } else if (verb == DO_SWITCH) {
        switch_thread();
    } else if (verb == DO_SHRINK && caches[size % NCACHES] != NULL) {
        liballoc_cache_shrink(caches[size % NCACHES]);
    } else if (verb == DO_INFO) {
        struct mallinfo2 info = mallinfo2();
        require(info.arena == info.uordblks + info.fordblks);
    } else {
        must_fail(slot, size);
    }
}

static void perform(const uint8_t *op)
{
    enum verb verb = op[0] % NVERBS;
    struct slot *slot = &slots[op[1] % SLOTS];
    size_t size = ((size_t)(op[3] & 7) << 8 | op[2]) << (op[3] >> 3 & 15);

    if (verb >= ON_ANY_SLOT) {
        do_any(verb, slot, size);
    } else if (verb >= ON_FREE_SLOT) {
        if (slot->kind != KIND_NONE)
            do_used(verb, slot, live + size < LIVE_MOST ? size : 100);
    } else if (slot->kind == KIND_NONE && live + size < LIVE_MOST) {
        do_alloc(verb, slot, size);
    }
}

static void check_heap(struct heap *heap, void *unused)
{
    (void)unused;
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        if (heap->slab_caches[cls].size != 0)
            require(slab_cache_check(&heap->slab_caches[cls]) == NULL);
    }
    require(arena_check(&heap->arena) == NULL);
}

/* Frees all; what the caches held is given back by trims of both threads. */
static void end_input(void)
{
    static unsigned inputs;

    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].kind != KIND_NONE)
            drop(&slots[i]);
    }
    for (unsigned i = 0; i < NCACHES; i++) {
        require(liballoc_cache_destroy(caches[i]) == 0);
        caches[i] = NULL;
    }
    for (unsigned i = 0; i < 2 * NTHREADS; i++) {
        malloc_trim(0);
        switch_thread();
    }
    if (++inputs % CHECK_EACH != 0)
        return;
    registry_walk(check_heap, NULL);
    for (unsigned i = 0; i < zone_count; i++)
        require(zone_check(&zones[i]) == NULL);
    struct mallinfo2 info = mallinfo2();
    require(live == 0 && info.uordblks < OVERHEAD && info.hblks == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (unsigned i = 0; i < NTHREADS; i++)
        threads[i].heap = &heap_dummy;
    void *mem = malloc(1);
    /* Of our heap: nobody stands in front of it. */
    require(watcher == NULL && thread_own != NULL);
    free(mem);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (; size >= 4; data += 4, size -= 4)
        perform(data);
    end_input();
    return 0;
}
