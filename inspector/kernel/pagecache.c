/* SPDX-License-Identifier: MIT */
#include "kernel/pagecache.h"

#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* cachestat(2), Linux 6.5; the headers of most systems lack it.  The number is
   the same on all machines. */
enum { CACHESTAT = 451 };

struct cachestat_range {
    uint64_t offset;
    uint64_t length; /* 0: to the end */
};

struct cachestat {
    uint64_t cached;
    uint64_t dirty;
    uint64_t writeback;
    uint64_t evicted;
    uint64_t recently_evicted;
};

uint8_t *pagecache_map(int file, uint64_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t count = (size + page - 1) / page;

    if (size == 0)
        return xcalloc(1, 1);
    void *mapped = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    uint8_t *map = xcalloc(count, 1);
    bool known = mincore(mapped, size, map) == 0;
    int error = errno;
    (void)munmap(mapped, size);
    if (!known) {
        free(map);
        errno = error;
        return NULL;
    }
    return map;
}

bool pagecache_count(int file, uint64_t size, struct pagecache *cache)
{
    struct cachestat_range range = {0, 0};
    struct cachestat stat;

    *cache = (struct pagecache){.by = "cachestat"};
    if (syscall(CACHESTAT, file, &range, &stat, 0) == 0) {
        cache->has_states = true;
        cache->cached = stat.cached;
        cache->dirty = stat.dirty;
        cache->writeback = stat.writeback;
        cache->evicted = stat.evicted;
        cache->recently_evicted = stat.recently_evicted;
        return true;
    }
    cache->by = "mincore";
    uint8_t *map = pagecache_map(file, size);
    if (map == NULL)
        return false;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < (size + page - 1) / page; i++)
        cache->cached += map[i] & 1;
    free(map);
    return true;
}
