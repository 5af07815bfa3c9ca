/* SPDX-License-Identifier: MIT */
/*
 * blocks MISTAKE: a program with one mistake, or with none, for the tools that
 * find such.  Each mistake is made in the function of its name, on a block
 * that allocate() allocates; the tool must name both.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* liballoc's; absent on another malloc. */
#define WEAK __attribute__((weak))
WEAK void free_sized(void *mem, size_t size);
WEAK void free_aligned_sized(void *mem, size_t align, size_t size);
WEAK void *reallocf(void *mem, size_t size);
WEAK int reallocarr(void *where, size_t count, size_t size);
WEAK size_t malloc_size(const void *mem);
struct liballoc_cache;
WEAK struct liballoc_cache *liballoc_cache_create(const char *name, size_t size,
                                                  size_t align, unsigned flags,
                                                  void (*ctor)(void *object));
WEAK void *liballoc_cache_alloc(struct liballoc_cache *cache, unsigned flags);
WEAK void liballoc_cache_free(struct liballoc_cache *cache, void *object);
WEAK int liballoc_cache_destroy(struct liballoc_cache *cache);
WEAK void *liballoc_pages_zeroed(unsigned order);
WEAK void liballoc_pages_free(void *mem, unsigned order);

#if defined(__clang__)
#    define APART __attribute__((noinline))
#else
#    define APART __attribute__((noinline, noclone))
#endif

/* The compiler knows nothing of it any more. */
static void *launder(void *mem)
{
    __asm__ volatile("" : "+r"(mem) : : "memory");
    return mem;
}

APART void *allocate(size_t size);
APART void leak(void);
APART void overrun(void);
APART void use_after_free(void);
APART void double_free(void);
APART void uninitialised(void);
APART void nested_crash(int depth);

APART void *allocate(size_t size)
{
    return launder(malloc(size));
}

/* So that the next block comes by the quickest way that there is. */
static void warm(size_t size)
{
    for (int i = 0; i < 300; i++)
        free(allocate(size));
}

APART void leak(void)
{
    warm(1234);
    void *mem = allocate(1234);

    memset(mem, 0, 1234);
    mem = launder(NULL);
}

APART void overrun(void)
{
    warm(100);
    volatile char *mem = allocate(100);

    mem[100] = 1;
    free(launder((void *)(size_t)mem));
}

APART void use_after_free(void)
{
    warm(200);
    volatile char *mem = allocate(200);

    free(launder((void *)(size_t)mem));
    mem[50] = 1;
}

APART void double_free(void)
{
    warm(300);
    void *mem = allocate(300);

    free(mem);
    free(launder(mem));
}

APART void uninitialised(void)
{
    warm(40);
    volatile char *mem = allocate(40);

    if (mem[20] == 3) {
        puts("three");
    }
    free(launder((void *)(size_t)mem));
}

static void check(int fine, const char *what)
{
    if (!fine) {
        printf("FAIL blocks: %s\n", what);
        exit(1);
    }
}

static void construct(void *object)
{
    memset(object, 3, 100);
}

/* Entries that few tools know. */
static void rare_entries(void)
{
    char *mem = pvalloc(100);

    check(mem != NULL && (size_t)mem % 4096 == 0, "pvalloc");
    memset(mem, 1, 4096);
    free(mem);
    mem = valloc(10);
    free(mem);
    mem = reallocarray(NULL, 10, 10);
    mem = reallocarray(mem, 100, 100);
    check(mem != NULL, "reallocarray");
    memset(mem, 1, 10000);
    free(mem);
    if (free_sized == NULL) {
        return;
    }
    free_sized(malloc(77), 77);
    free_aligned_sized(aligned_alloc(64, 128), 64, 128);
    mem = reallocf(malloc(10), 1000);
    check(mem != NULL && reallocarr(&mem, 20, 100) == 0, "reallocarr");
    check(malloc_size(mem) >= 2000, "malloc_size");
    free(mem);
    struct liballoc_cache *cache =
        liballoc_cache_create("tools", 100, 0, 0, NULL);
    struct liballoc_cache *own =
        liballoc_cache_create("tools", 100, 64, 2, construct);
    check(cache != NULL && own != NULL, "liballoc_cache_create");
    mem = liballoc_cache_alloc(cache, 0);
    memset(mem, 1, 100);
    liballoc_cache_free(cache, mem);
    mem = liballoc_cache_alloc(own, 0);
    check(mem[99] == 3, "a constructor");
    liballoc_cache_free(own, mem);
    check(liballoc_cache_destroy(cache) == 0, "liballoc_cache_destroy");
    check(liballoc_cache_destroy(own) == 0, "liballoc_cache_destroy");
    mem = liballoc_pages_zeroed(2);
    check(mem != NULL && mem[60000] == 0, "liballoc_pages_zeroed");
    liballoc_pages_free(mem, 2);
}

static void *churn(void *unused)
{
    for (size_t i = 0; i < 500; i++) {
        size_t size = i * i % 9000;
        char *mem = allocate(size);
        check(malloc_usable_size(mem) >= size, "malloc_usable_size");
        memset(mem, 1, size);
        mem = launder(realloc(mem, size + 100));
        check(mem != NULL && (size == 0 || mem[size - 1] == 1), "realloc");
        free(mem);
        char *zero = launder(calloc(i, 10));
        check(i == 0 || zero[i * 10 - 1] == 0, "calloc");
        free(zero);
        void *aligned = NULL;
        check(posix_memalign(&aligned, 256, size) == 0, "posix_memalign");
        free(aligned);
    }
    return unused;
}

static void clean(void)
{
    pthread_t thread;

    check(pthread_create(&thread, NULL, churn, NULL) == 0, "a thread");
    churn(NULL);
    pthread_join(thread, NULL);
    rare_entries();
    malloc_trim(0);
}

APART void nested_crash(int depth)
{
    char *mem = allocate(100 + (size_t)depth);

    if (depth == 0) {
        *(volatile int *)launder(NULL) = 1;
    } else {
        nested_crash(depth - 1);
    }
    free(launder(mem));
}

static void crash(void)
{
    nested_crash(5);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } verbs[] = {
        {"clean", clean},
        {"leak", leak},
        {"overrun", overrun},
        {"use_after_free", use_after_free},
        {"double_free", double_free},
        {"uninitialised", uninitialised},
        {"crash", crash},
    };

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (argc == 2 && strcmp(argv[1], verbs[i].name) == 0) {
            verbs[i].run();
            printf("%s done\n", argv[1]);
            return 0;
        }
    }
    return 2;
}
