/* SPDX-License-Identifier: MIT */
/* Every entry is liballoc's own, by any of its names, and they mix freely. */
#include "black_box.h"
#include "test.h"

#include <dlfcn.h>
#include <malloc.h>

static void (*entry(const char *name))(void)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    Dl_info info = {0};
    if (found == NULL || dladdr(found, &info) == 0) {
        TEST_FAILED("no %s", name);
        longjmp(test_state.leave, 1);
    }
    if (getenv("TEST_ANY_MALLOC") == NULL &&
        strstr(info.dli_fname, "liballoc.so") == NULL) {
        TEST_FAILED("%s is that of %s", name, info.dli_fname);
    }
    void (*function)(void) = NULL;
    memcpy(&function, &found, sizeof(function));
    return function;
}

#define ENTRY(type, name) ((type)entry(name))

typedef void *alloc_fn(size_t size);
typedef void *alloc2_fn(size_t left, size_t right);
typedef void *realloc_fn(void *mem, size_t size);
typedef void free_fn(void *mem);
typedef size_t size_fn(const void *mem);

/* Any allocation by any free. */
TEST(surface, allocations_and_frees_of_all_names_mix)
{
    static const char *const allocs[] = {"malloc",        "valloc",
                                         "pvalloc",       "__libc_malloc",
                                         "__libc_valloc", "__libc_pvalloc"};
    static const char *const allocs2[] = {"calloc", "memalign", "aligned_alloc",
                                          "__libc_calloc", "__libc_memalign"};
    static const char *const frees[] = {"free", "cfree", "__libc_free",
                                        "__libc_cfree", "vfree"};
    for (unsigned f = 0; f < sizeof(frees) / sizeof(frees[0]); f++) {
        free_fn *give = ENTRY(free_fn *, frees[f]);
        give(NULL);
        for (unsigned a = 0; a < sizeof(allocs) / sizeof(allocs[0]); a++) {
            for (size_t size = 1; size < 10 * MIB; size = size * 5 + 3) {
                unsigned char *mem = ENTRY(alloc_fn *, allocs[a])(size);
                REQUIRE(mem != NULL);
                mem[0] = mem[size - 1] = 1;
                give(mem);
            }
        }
        for (unsigned a = 0; a < sizeof(allocs2) / sizeof(allocs2[0]); a++) {
            unsigned char *mem = ENTRY(alloc2_fn *, allocs2[a])(64, 128);
            REQUIRE(mem != NULL);
            memset(mem, 1, 128);
            give(mem);
        }
    }
}

TEST(surface, reallocs_of_all_names_keep_contents)
{
    static const char *const names[] = {"realloc", "__libc_realloc",
                                        "reallocf"};
    for (unsigned i = 0; i < 3; i++) {
        realloc_fn *grow = ENTRY(realloc_fn *, names[i]);
        char *mem = grow(NULL, 10);
        REQUIRE(mem != NULL);
        memcpy(mem, "123456789", 10);
        mem = grow(mem, 100000);
        REQUIRE(mem != NULL);
        CHECK_STR(mem, "123456789");
        free(mem);
    }
    typedef void *array_fn(void *mem, size_t n, size_t size);
    char *mem = ENTRY(array_fn *, "__libc_reallocarray")(NULL, 10, 10);
    REQUIRE(mem != NULL);
    free(mem);
}

TEST(surface, reallocf_frees_on_failure)
{
    realloc_fn *grow = ENTRY(realloc_fn *, "reallocf");
    size_t before = self_status_bytes("VmRSS:");
    for (int i = 0; i < 500; i++) {
        unsigned char *mem = launder(malloc(200 * KIB));
        memset(mem, 1, 200 * KIB);
        errno = 0;
        CHECK_EQ(grow(mem, SIZE_MAX - 8), NULL);
        CHECK_EQ(errno, ENOMEM);
    }
    CHECK(self_status_bytes("VmRSS:") < before + 32 * MIB);
}

/* NetBSD: takes the address of the pointer, returns an errno value. */
TEST(surface, reallocarr_returns_the_error)
{
    typedef int reallocarr_fn(void *memptr, size_t n, size_t size);
    reallocarr_fn *grow = ENTRY(reallocarr_fn *, "reallocarr");
    char *mem = NULL;
    errno = 1234;
    CHECK_EQ(grow(&mem, 10, 10), 0);
    REQUIRE(mem != NULL);
    memset(mem, 1, 100);
    char *was = mem;
    CHECK_EQ(grow(&mem, SIZE_MAX, 2), EOVERFLOW);
    CHECK_EQ(mem, was);
    CHECK_EQ(mem[99], 1);
    CHECK_EQ(grow(&mem, 0, 10), 0);
    CHECK_EQ(mem, NULL);
    CHECK_EQ(errno, 1234);
}

TEST(surface, malloc_size_is_the_usable_size)
{
    size_fn *size_of = ENTRY(size_fn *, "malloc_size");
    typedef size_t good_fn(size_t size);
    good_fn *good = ENTRY(good_fn *, "malloc_good_size");
    CHECK_EQ(size_of(NULL), 0);
    for (size_t size = 1; size < 10 * MIB; size = size * 3 + 1) {
        void *mem = launder(malloc(good(size)));
        CHECK_EQ(size_of(mem), malloc_usable_size(mem));
        CHECK(good(size) >= size);
        if (good(size) > malloc_usable_size(mem)) {
            TEST_FAILED("size %zu: good size %zu, usable size %zu", size,
                        good(size), malloc_usable_size(mem));
        }
        free(mem);
    }
}

TEST(surface, free_sized_and_free_aligned_sized)
{
    typedef void sized_fn(void *mem, size_t size);
    typedef void aligned_fn(void *mem, size_t align, size_t size);
    sized_fn *give = ENTRY(sized_fn *, "free_sized");
    aligned_fn *give_aligned = ENTRY(aligned_fn *, "free_aligned_sized");
    give(NULL, 0);
    give_aligned(NULL, 16, 0);
    for (size_t size = 0; size < 10 * MIB; size = size * 3 + 1) {
        errno = 1234;
        give(launder(malloc(size)), size);
        give(launder(calloc(1, size)), size);
        give_aligned(launder(aligned_alloc(256, size)), 256, size);
        CHECK_EQ(errno, 1234);
    }
}

TEST(surface, posix_memalign_by_its_inner_name)
{
    typedef int posix_fn(void **memptr, size_t align, size_t size);
    void *mem = NULL;
    CHECK_EQ(ENTRY(posix_fn *, "__posix_memalign")(&mem, 4096, 100), 0);
    CHECK(mem != NULL && (uintptr_t)mem % 4096 == 0);
    free(mem);
}

TEST(surface, mallopt_and_mallinfo_by_their_inner_names)
{
    typedef int mallopt_fn(int parameter, int value);
    typedef struct mallinfo mallinfo_fn(void);
    CHECK_EQ(ENTRY(mallopt_fn *, "__libc_mallopt")(M_MXFAST, 1000), 0);
    CHECK_EQ(ENTRY(mallopt_fn *, "__libc_mallopt")(M_CHECK_ACTION, 1), 1);
    void *mem = launder(malloc(100));
    CHECK(ENTRY(mallinfo_fn *, "__libc_mallinfo")().uordblks > 0);
    free(mem);
}

/* As glibc since 2.26: the heap cannot be dumped any more. */
TEST(surface, malloc_state_cannot_be_dumped)
{
    typedef void *get_fn(void);
    typedef int set_fn(void *state);
    static uint64_t zeroes[4096];
    errno = 0;
    CHECK_EQ(ENTRY(get_fn *, "malloc_get_state")(), NULL);
    CHECK_EQ(errno, ENOSYS);
    CHECK(ENTRY(set_fn *, "malloc_set_state")(zeroes) != 0);
}
