/* SPDX-License-Identifier: MIT */
/*
 * The floor: what malloc and free cost when nothing but the LIFO is left.
 *
 * Every class owns 32 GiB of one fixed range, so the class of a block is a
 * shift of its address: no header, no page map, no base to load.  A block freed
 * by another thread joins the freer's list and stays there; memory never goes
 * back; nothing is checked.  It is the limit others are divided by and no
 * allocator anybody should use.
 */
#include "floor.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT      __attribute__((visibility("default")))
#define NOINLINE    __attribute__((noinline))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

struct link {
    struct link *next;
};

/* The uncarved rest of this thread's run of one class. */
struct bump {
    uintptr_t next;
    uintptr_t end;
};

struct lists {
    struct link *bins[NCLASSES];
    struct bump bumps[NCLASSES];
};

/* Lists of a thread that ended, waiting for the next one that starts. */
struct parked {
    struct parked *next;
    struct lists lists;
};

static __thread struct lists mine __attribute__((tls_model("initial-exec")));
static __thread bool started __attribute__((tls_model("initial-exec")));

static _Atomic uintptr_t cursors[NCLASSES]; /* offset of the next run */
static atomic_bool reserved;
static pthread_mutex_t park_lock = PTHREAD_MUTEX_INITIALIZER;
static struct parked *park;       /* Protected by: park_lock */
static struct parked *park_spare; /* empty ones.  Protected by: park_lock */
static pthread_key_t exit_key;
static atomic_bool exit_key_made;

static _Noreturn void die(const char *why)
{
    ssize_t ignored = write(2, why, strlen(why));
    (void)ignored;
    abort();
}

static NOINLINE void reserve(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!reserved) {
        union {
            uintptr_t address;
            void *mem;
        } base = {.address = class_base(0)};
        void *got = mmap(
            base.mem, (size_t)NCLASSES << CLASS_SHIFT, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
            -1, 0);
        if (got != base.mem)
            die("floor: no room for its 5 TiB of addresses\n");
        reserved = true;
    }
    pthread_mutex_unlock(&lock);
}

static void thread_exit(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&park_lock);
    struct parked *parked = park_spare;
    if (parked)
        park_spare = parked->next;
    pthread_mutex_unlock(&park_lock);
    if (!parked) {
        parked = mmap(NULL, sizeof *parked, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (parked == MAP_FAILED)
            return;
    }
    parked->lists = mine;
    memset(&mine, 0, sizeof mine);
    started = false;
    pthread_mutex_lock(&park_lock);
    parked->next = park;
    park = parked;
    pthread_mutex_unlock(&park_lock);
}

/* Takes over the lists of a thread that ended, if there is one. */
static NOINLINE void thread_start(void)
{
    started = true;
    if (!reserved)
        reserve();
    if (!exit_key_made)
        return; /* before our constructor: the main thread */
    pthread_setspecific(exit_key, &mine);
    pthread_mutex_lock(&park_lock);
    struct parked *parked = park;
    if (parked) {
        park = parked->next;
        mine = parked->lists;
        parked->next = park_spare;
        park_spare = parked;
    }
    pthread_mutex_unlock(&park_lock);
}

__attribute__((constructor)) static void floor_init(void)
{
    if (pthread_key_create(&exit_key, thread_exit) == 0)
        exit_key_made = true;
}

/* A block never handed out before: it reads as zero. */
static NOINLINE void *carve(size_t class)
{
    if (!started) {
        thread_start();
        struct link *adopted = mine.bins[class];
        if (adopted) {
            mine.bins[class] = adopted->next;
            memset(adopted, 0, class_size(class));
            return adopted;
        }
    }
    struct bump *bump = &mine.bumps[class];
    size_t size = class_size(class);
    if (bump->next == bump->end) {
        /* Runs start at multiples of the size: powers of two stay aligned. */
        size_t run = size < RUN ? RUN / size * size : size;
        uintptr_t offset = atomic_fetch_add_explicit(&cursors[class], run,
                                                     memory_order_relaxed);
        if (class_color(class) + offset + run > (size_t)1 << CLASS_SHIFT) {
            errno = ENOMEM;
            return NULL;
        }
        bump->next = class_base(class) + class_color(class) + offset;
        bump->end = bump->next + run;
    }
    union {
        uintptr_t address;
        void *mem;
    } block = {.address = bump->next};
    bump->next += size;
    return block.mem;
}

/* glibc names its parameters __ptr and __size: nothing to imitate. */
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
EXPORT void *malloc(size_t size)
{
    size_t class = (size + 15) >> 4;
    if (UNLIKELY(size > SMALL_MAX)) {
        if (size > CLASS_MAX)
            return large_alloc(16, size);
        class = class_of(size);
    }
    struct link *top = mine.bins[class];
    if (UNLIKELY(!top))
        return carve(class);
    mine.bins[class] = top->next;
    return top;
}

EXPORT void free(void *mem)
{
    size_t class = class_at(mem);
    if (UNLIKELY(class >= NCLASSES)) {
        large_free(mem);
        return;
    }
    struct link *link = mem;
    link->next = mine.bins[class];
    mine.bins[class] = link;
}

EXPORT void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (bytes > CLASS_MAX)
        return large_alloc(16, bytes);
    size_t class = class_of(bytes);
    struct link *top = mine.bins[class];
    if (!top)
        return carve(class);
    mine.bins[class] = top->next;
    return memset(top, 0, bytes);
}

EXPORT size_t malloc_usable_size(void *mem)
{
    if (!mem)
        return 0;
    size_t class = class_at(mem);
    if (class < NCLASSES)
        return class_size(class);
    return large_usable(mem);
}

EXPORT void *realloc(void *mem, size_t size)
{
    if (!mem)
        return malloc(size);
    if (size == 0) {
        free(mem);
        return NULL;
    }
    size_t have = malloc_usable_size(mem);
    if (size <= have && size >= have / 2)
        return mem;
    if (class_at(mem) >= NCLASSES && size > CLASS_MAX)
        return large_realloc(mem, size);
    void *moved = malloc(size);
    if (!moved)
        return NULL;
    memcpy(moved, mem, size < have ? size : have);
    free(mem);
    return moved;
}

EXPORT void *memalign(size_t align, size_t size)
{
    if (align <= 16)
        return malloc(size);
    if (size > CLASS_MAX || align > CLASS_MAX)
        return large_alloc(align, size);
    /* A class of a multiple of `align` has nothing but aligned blocks. */
    size_t rounded = (size + align - 1) & ~(align - 1);
    size_t class = class_of(rounded ? rounded : align);
    while (class_size(class) & (align - 1))
        class ++;
    struct link *top = mine.bins[class];
    if (!top)
        return carve(class);
    mine.bins[class] = top->next;
    return top;
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    if (align < sizeof(void *) || (align & (align - 1)))
        return EINVAL;
    void *mem = memalign(align, size);
    if (!mem)
        return ENOMEM;
    *out = mem;
    return 0;
}

EXPORT void *valloc(size_t size)
{
    return memalign(PAGE, size);
}

EXPORT void *pvalloc(size_t size)
{
    return memalign(PAGE, (size + PAGE - 1) & ~(size_t)(PAGE - 1));
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
