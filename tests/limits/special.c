/* SPDX-License-Identifier: MIT */
/*
 * Limits that a process puts upon itself when it is already running.
 */
#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { PAGE = 4096, MOST = 1 << 17 };

/* The break cannot rise any more. */
static void block_brk(void)
{
    uintptr_t end = ((uintptr_t)sbrk(0) + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    void *at = mmap((void *)end, PAGE, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (at != (void *)end && errno != EEXIST) {
        wrong("no mapping after the break");
    }
    if (sbrk(1 << 20) != (void *)-1) {
        wrong("the break is not blocked");
    }
}

/* Somebody else's sbrk between ours; its memory stays its own. */
static void foreign_sbrk(size_t bytes)
{
    unsigned char *foreign[40];
    void *mem[40][20];

    for (size_t i = 0; i < 40; i++) {
        size_t size = 4000 + i * 1000;
        foreign[i] = sbrk((intptr_t)size);
        if (foreign[i] == (void *)-1) {
            wrong("sbrk failed");
        }
        memset(foreign[i], (int)i, size);
        for (size_t j = 0; j < 20; j++) {
            mem[i][j] = malloc(3000 + j * 9000);
            memset(mem[i][j], 0xff, 3000 + j * 9000);
        }
    }
    for (size_t i = 0; i < 40; i++) {
        for (size_t j = 0; j < 20; j++) {
            free(mem[i][j]);
        }
    }
    work_fill(bytes);
    for (size_t i = 0; i < 40; i++) {
        for (size_t at = 0; at < 4000 + i * 1000; at++) {
            if (foreign[i][at] != i) {
                wrong("the memory of a foreign sbrk was changed");
            }
        }
    }
}

/*
 * All but `left` of the kernel's mappings are used up: every second page of a
 * reservation with another protection is a mapping of its own.
 */
static void *use_up_mappings(size_t left)
{
    unsigned char *area =
        mmap(NULL, (size_t)MOST * 2 * PAGE, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t n = 0;

    if (area == MAP_FAILED) {
        wrong("no address space");
    }
    while (n < MOST && mprotect(area + n * 2 * PAGE, PAGE, PROT_READ) == 0) {
        n++;
    }
    if (n == MOST || n < left) {
        wrong("max_map_count was not reached with %zu", n * 2);
    }
    for (size_t i = 0; i < left / 2; i++) {
        n--;
        (void)mprotect(area + n * 2 * PAGE, PAGE, PROT_NONE);
    }
    printf("%zu mappings left; ", left);
    return area;
}

/* Each its own mapping, until there are no more; then frees under errno. */
static void many_mmapped(void)
{
    static void *mem[6000];
    size_t n = 0;

    while (n < 6000) {
        errno = 0;
        mem[n] = malloc(5 * MIB);
        if (mem[n] == NULL) {
            break;
        }
        n++;
    }
    if (n == 0 || (n < 6000 && errno != ENOMEM)) {
        wrong("%zu large blocks, then no ENOMEM", n);
    }
    for (size_t i = 0; i < n; i++) {
        errno = 5;
        free(mem[i * 2 < n ? i * 2 : (i - (n + 1) / 2) * 2 + 1]);
        if (errno != 5) {
            wrong("free changed errno");
        }
    }
    printf("%zu large blocks; ", n);
}

/* With hardly any left little can be had, but no harm may be done. */
static void under_few_mappings(size_t left)
{
    void *area = use_up_mappings(left);

    many_mmapped();
    if (left < 100) {
        work_try(64 * MIB);
        if (munmap(area, (size_t)MOST * 2 * PAGE) != 0) {
            wrong("munmap of the area");
        }
    }
    work_fill(64 * MIB);
}

/* After purges fail on locked pages, calloc still gives zeros. */
static void lock_all(int flags, size_t bytes)
{
    void *early = malloc(100000);

    if (mlockall(flags) != 0) {
        wrong("mlockall");
    }
    memset(early, 1, 100000);
    work_fill(bytes);
    free(early);
    if (munlockall() != 0) {
        wrong("munlockall");
    }
    work_fill(bytes);
}

bool work_special(const char *verb, size_t bytes)
{
    if (strcmp(verb, "brk") == 0) {
        block_brk();
        work_fill(bytes);
    } else if (strcmp(verb, "sbrk") == 0) {
        foreign_sbrk(bytes);
    } else if (strcmp(verb, "maps") == 0) {
        under_few_mappings(bytes);
    } else if (strcmp(verb, "lock-all") == 0) {
        lock_all(MCL_CURRENT | MCL_FUTURE, bytes);
    } else if (strcmp(verb, "lock-future") == 0) {
        lock_all(MCL_FUTURE, bytes);
    } else if (strcmp(verb, "as") == 0) {
        /* When the reservation stands already: nothing more to map. */
        struct rlimit limit = {bytes, bytes};
        if (setrlimit(RLIMIT_AS, &limit) != 0) {
            wrong("setrlimit");
        }
        work_fill(64 * MIB);
    } else {
        return false;
    }
    return true;
}
