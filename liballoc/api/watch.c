/* SPDX-License-Identifier: MIT */
/*
 * Blocks under Memcheck:
 *
 *   start            mem - 32            mem           mem + size
 *     |   lead ....... | head, 32 bytes  | the program's |  tail ...|
 *     |<------ hidden from the program ->|               |<-hidden->|
 *
 * A freed block stays hidden in a ring of the last ones, so that a use after
 * free is seen.  Ours again, it is shown whole before the heap gets it.
 */
#include "api/watch.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/print.h"
#include "heap/heap.h"
#include "os/os_valgrind.h"

#include <string.h>

enum {
    RING = 4096,         /* freed blocks that are remembered */
    RING_MAX = 64 * KIB, /* larger ones go back at once */
    MAGIC = 0x77617463,  /* of the head of a live block */
    REDZONE = 32,
};

struct head {
    void *start;    /* the heap's block */
    size_t size;    /* what the program asked for */
    size_t usable;  /* of the heap's block */
    uint32_t magic; /* MAGIC while live */
};
_Static_assert(sizeof(struct head) == REDZONE, "the head is the red zone");

const struct watcher *watcher;

static struct head *_Atomic ring[RING]; /* Atomic */
static _Atomic size_t ring_next;        /* Atomic */

static struct head *head_of(const void *mem)
{
    return (struct head *)((uintptr_t)mem - REDZONE);
}

static void *memcheck_alloc(size_t size, size_t align)
{
    size_t lead = max_size(align, REDZONE);
    struct block block;
    bool fresh;

    if (size > PTRDIFF_MAX - 2 * lead)
        return NULL;
    size_t total = lead + size + REDZONE;
    char *start = align <= 16 ? heap_alloc(total, &fresh)
                              : heap_alloc_aligned(total, align);
    if (start == NULL)
        return NULL;
    block_find(start, &block);
    char *mem = start + lead;
    *head_of(mem) = (struct head){start, size, block.usable, MAGIC};
    os_valgrind_hide(start, block.usable);
    os_valgrind_alloc(mem, size, REDZONE);
    return mem;
}

/* The heap's again. */
static void release(struct head *head)
{
    os_valgrind_show(head, sizeof *head);
    void *start = head->start;
    os_valgrind_show(start, head->usable);
    heap_free(start);
}

static void memcheck_free(void *mem)
{
    struct head *head = head_of(mem);

    if (!os_valgrind_free(mem, REDZONE))
        return;
    os_valgrind_show(head, sizeof *head);
    bool is_small = head->usable <= RING_MAX;
    head->magic = 0;
    os_valgrind_hide(head, sizeof *head);
    if (is_small) {
        /* stale ok: any slot will do */
        size_t slot = add_relaxed(&ring_next, 1) % RING;
        /* acq_rel: the head travels from thread to thread; pairs with
           itself */
        head = exchange_acq_rel(&ring[slot], head);
    }
    if (head != NULL)
        release(head);
}

/* The size of a live block; Memcheck says it when it is none. */
static bool live_size(const void *mem, size_t *size)
{
    struct head *head = head_of(mem);

    os_valgrind_show(head, sizeof *head);
    bool is_live = head->magic == MAGIC;
    *size = head->size;
    os_valgrind_hide(head, sizeof *head);
    return is_live;
}

static void *memcheck_realloc(void *mem, size_t size)
{
    size_t old;

    if (!live_size(mem, &old)) {
        (void)os_valgrind_free(mem, REDZONE);
        return NULL;
    }
    void *moved = memcheck_alloc(size, 16);
    if (moved == NULL)
        return NULL;
    memcpy(moved, mem, min_size(old, size));
    memcheck_free(mem);
    return moved;
}

static size_t memcheck_usable(const void *mem)
{
    size_t size;

    return live_size(mem, &size) ? size : 0;
}

static const struct watcher memcheck = {
    .alloc = memcheck_alloc,
    .free = memcheck_free,
    .realloc = memcheck_realloc,
    .usable = memcheck_usable,
};

/* What the run-time libraries of gcc's and clang's sanitizers export. */
__attribute__((weak)) void *__interceptor_malloc(size_t size);
__attribute__((weak)) void *__interceptor_memalign(size_t align, size_t size);
__attribute__((weak)) void *__interceptor_realloc(void *mem, size_t size);
__attribute__((weak)) void __interceptor_free(void *mem);
__attribute__((weak)) size_t __interceptor_malloc_usable_size(const void *mem);

static void *sanitizer_alloc(size_t size, size_t align)
{
    return align <= 16 ? __interceptor_malloc(size)
                       : __interceptor_memalign(align, size);
}

static void sanitizer_free(void *mem)
{
    __interceptor_free(mem);
}

static void *sanitizer_realloc(void *mem, size_t size)
{
    return __interceptor_realloc(mem, size);
}

static size_t sanitizer_usable(const void *mem)
{
    return __interceptor_malloc_usable_size(mem);
}

static const struct watcher sanitizer = {
    .alloc = sanitizer_alloc,
    .free = sanitizer_free,
    .realloc = sanitizer_realloc,
    .usable = sanitizer_usable,
};

bool watch_is_aside(void)
{
    return watcher == &sanitizer;
}

void watch_init(void)
{
    if (__interceptor_malloc != NULL && __interceptor_memalign != NULL &&
        __interceptor_realloc != NULL && __interceptor_free != NULL &&
        __interceptor_malloc_usable_size != NULL) {
        watcher = &sanitizer;
        print_stderr("liballoc: a sanitizer is in the program: its malloc "
                     "serves it, not this one\n");
    } else if (os_valgrind_runs()) {
        watcher = &memcheck;
    }
}
