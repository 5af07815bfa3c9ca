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
#define _GNU_SOURCE
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

enum {
    CLASS_SHIFT = 35,    /* each class may carve 32 GiB */
    FIRST = 512,         /* class 0 starts at 512 << 35 = 16 TiB */
    SMALL_MAX = 1024,    /* 16-byte steps up to here ... */
    SMALL_CLASSES = 65,  /* ... then 8 classes per doubling ... */
    CLASS_MAX = 8 << 20, /* ... up to here; above, one mmap each */
    NCLASSES = 65 + 13 * 8,
    RUN = 64 << 10, /* a thread carves from runs of about this size */
    PAGE = 4096,
};

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

/* Sits below each block over CLASS_MAX. */
struct large {
    size_t offset; /* from the start of the mapping to the block */
    size_t length; /* of the mapping */
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

static inline size_t class_of(size_t size)
{
    if (size <= SMALL_MAX)
        return (size + 15) >> 4;
    size_t last = size - 1;
    unsigned bit = 63u - (unsigned)__builtin_clzl(last);
    return SMALL_CLASSES + (bit - 10) * 8ul + ((last >> (bit - 3)) & 7);
}

static inline size_t class_size(size_t class)
{
    if (class < SMALL_CLASSES)
        return class ? class * 16 : 16;
    size_t above = class - SMALL_CLASSES;
    return (9 + above % 8) << (7 + above / 8);
}

static inline uintptr_t class_base(size_t class)
{
    return (FIRST + class) << CLASS_SHIFT;
}

/*
 * Where a class starts in its range.  Were it the beginning for all, the first
 * pages of all classes would fall into the same set of the TLB: churn over 32
 * classes then cost 10.3 ns a pair instead of 6.5.
 */
static inline uintptr_t class_color(size_t class)
{
    size_t size = class_size(class);
    return (class * (RUN + PAGE) + size - 1) / size * size;
}

/* The class, or a number >= NCLASSES for NULL and blocks with their own mmap. */
static inline size_t class_at(const void *mem)
{
    return ((uintptr_t)mem >> CLASS_SHIFT) - FIRST;
}

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

static NOINLINE void *large_alloc(size_t align, size_t size)
{
    size_t length;
    size_t gap = align > PAGE ? align : PAGE;
    if (__builtin_add_overflow(size, gap + PAGE - 1, &length)) {
        errno = ENOMEM;
        return NULL;
    }
    length &= ~(size_t)(PAGE - 1);
    char *map = mmap(NULL, length, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        errno = ENOMEM;
        return NULL;
    }
    size_t offset = gap - ((uintptr_t)map & (gap - 1));
    if (align <= 16)
        offset = sizeof(struct large);
    struct large *large = (void *)(map + offset - sizeof *large);
    large->offset = offset;
    large->length = length;
    return map + offset;
}

static struct large *large_of(void *mem)
{
    return (struct large *)mem - 1;
}

static NOINLINE void large_free(void *mem)
{
    if (!mem)
        return;
    int saved = errno;
    struct large large = *large_of(mem);
    munmap((char *)mem - large.offset, large.length);
    errno = saved;
}

static NOINLINE void *large_realloc(void *mem, size_t size)
{
    struct large *large = large_of(mem);
    size_t offset = large->offset;
    size_t length = (size + offset + PAGE - 1) & ~(size_t)(PAGE - 1);
    char *map =
        mremap((char *)mem - offset, large->length, length, MREMAP_MAYMOVE);
    if (map == MAP_FAILED)
        return NULL;
    large_of(map + offset)->length = length;
    return map + offset;
}

EXPORT void *malloc(size_t size)
{
    if (UNLIKELY(size > CLASS_MAX))
        return large_alloc(16, size);
    size_t class = class_of(size);
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
    const struct large *large = large_of(mem);
    return large->length - large->offset;
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
