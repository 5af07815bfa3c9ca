/* SPDX-License-Identifier: MIT */
/*
 * What the process knows of itself: clocks, resident memory, who provides
 * malloc.  Nothing here allocates: it runs while the heap is being looked at.
 */
#include "bench.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
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

/* The file whose malloc this program calls: proof of what was measured. */
static const char *malloc_provider(void)
{
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    Dl_info info;
    if (!symbol || !dladdr(symbol, &info) || !info.dli_fname)
        return "?";
    return info.dli_fname;
}

struct text {
    char bytes[4096];
    size_t used;
};

static __attribute__((format(printf, 2, 3))) void add(struct text *text,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = sizeof text->bytes - text->used;
    /* clang-tidy 14 does not see va_start through a format attribute. */
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
    int n = vsnprintf(text->bytes + text->used, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room)
        fail("the report is too long");
    text->used += (size_t)n;
}

static void add_string(struct text *text, const char *string)
{
    add(text, "\"");
    for (; *string; string++) {
        if (*string == '"' || *string == '\\' || *string < ' ') {
            add(text, "\\u%04x", (unsigned)(unsigned char)*string);
        } else {
            add(text, "%c", *string);
        }
    }
    add(text, "\"");
}

void report_print(const struct run *run)
{
    static struct text text;
    uint64_t peak = peak_kib();
    uint64_t now = rss_kib();
    double ops = run->ops ? (double)run->ops : 1;
    add(&text, "{\"name\":\"%s\",\"threads\":%u,\"seed\":%llu,",
        run->workload->name, run->options.threads,
        (unsigned long long)run->options.seed);
    add(&text, "\"ops\":%llu,\"wall_ns\":%llu,\"ns_per_op\":%.3f,",
        (unsigned long long)run->ops, (unsigned long long)run->wall_ns,
        (double)run->wall_ns / ops);
    add(&text, "\"best_ns\":%.3f,\"user_us\":%llu,\"sys_us\":%llu,",
        run->best_ns, (unsigned long long)run->user_us,
        (unsigned long long)run->sys_us);
    add(&text, "\"faults\":%llu,\"rss_kib\":%llu,\"end_rss_kib\":%llu,",
        (unsigned long long)run->faults, (unsigned long long)run->rss_kib,
        (unsigned long long)now);
    add(&text, "\"peak_kib\":%llu,\"harness_kib\":%llu,",
        (unsigned long long)(peak > now ? peak : now),
        (unsigned long long)(harness_most / KIB));
    for (unsigned i = 0; i < run->nextras; i++)
        add(&text, "\"%s\":%.3f,", run->extras[i].name, run->extras[i].value);
    add(&text, "\"malloc_from\":");
    add_string(&text, malloc_provider());
    add(&text, "}\n");
    if (write(1, text.bytes, text.used) != (ssize_t)text.used)
        fail("cannot write the report");
}
