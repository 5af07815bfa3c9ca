/* SPDX-License-Identifier: MIT */
/*
 * What the process knows of itself: clocks, resident memory, the harness' own
 * pages.  Nothing here allocates: it runs while the heap is being looked at.
 */
#include "bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

_Noreturn void fail(const char *why)
{
    dprintf(2, "bench_work: %s\n", why);
    _exit(1);
}

uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void sleep_ms(unsigned ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0)
        continue;
}

/* Bytes in harness_pages, now and at most.  Protected by: harness_lock. */
static size_t harness_now;
static size_t harness_most;
static pthread_mutex_t harness_lock = PTHREAD_MUTEX_INITIALIZER;

static void harness_count(size_t added, size_t removed)
{
    pthread_mutex_lock(&harness_lock);
    harness_now += ((added + PAGE - 1) & ~(size_t)(PAGE - 1));
    harness_now -= ((removed + PAGE - 1) & ~(size_t)(PAGE - 1));
    if (harness_now > harness_most)
        harness_most = harness_now;
    pthread_mutex_unlock(&harness_lock);
}

void *harness_pages(size_t bytes)
{
    void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (mem == MAP_FAILED)
        fail("no memory for the harness");
    harness_count(bytes, 0);
    return mem;
}

void harness_pages_free(void *mem, size_t bytes)
{
    munmap(mem, bytes);
    harness_count(0, bytes);
}

/* The number after `key` at a line's start in a /proc file; 0 if not there. */
static uint64_t proc_number(const char *path, const char *key)
{
    char text[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return 0;
    text[got] = 0;
    const char *line = strstr(text, key);
    return line ? strtoull(line + strlen(key), NULL, 10) : 0;
}

/*
 * smaps_rollup walks the page tables; VmRSS is a sum of per-CPU counters that
 * older kernels read only approximately (by 128 KiB and more per CPU).
 */
uint64_t rss_kib(void)
{
    uint64_t kib = proc_number("/proc/self/smaps_rollup", "\nRss:");
    return kib ? kib : proc_number("/proc/self/status", "\nVmRSS:");
}

uint64_t peak_kib(void)
{
    return proc_number("/proc/self/status", "\nVmHWM:");
}

/* Pages of /proc/self/statm's second field: cheap, exact to some 100 KiB. */
uint64_t rss_kib_quick(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return 0;
    text[got] = 0;
    const char *second = strchr(text, ' ');
    uint64_t npages = second ? strtoull(second, NULL, 10) : 0;
    return npages * (uint64_t)sysconf(_SC_PAGESIZE) / KIB;
}

uint64_t harness_kib(void)
{
    return harness_most / KIB;
}
