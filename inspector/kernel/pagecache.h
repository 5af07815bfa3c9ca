/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PAGECACHE_H
#define KERNEL_PAGECACHE_H
/* How much of a file the page cache holds. */
#include <stdbool.h>
#include <stdint.h>

struct pagecache {
    const char *by;  /* "cachestat" or "mincore" */
    bool has_states; /* the rest but `cached` is known */
    uint64_t cached; /* pages */
    uint64_t dirty;
    uint64_t writeback;
    uint64_t evicted; /* and not come back since */
    uint64_t recently_evicted;
};

/* False with errno: the file is not readable, or neither way works. */
bool pagecache_count(int file, uint64_t size, struct pagecache *cache);

/* A byte a page: bit 0 set if it is cached; allocated.  NULL with errno. */
uint8_t *pagecache_map(int file, uint64_t size);

#endif
