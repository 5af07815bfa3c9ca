/* SPDX-License-Identifier: MIT */
#include "page/meta.h"

#include "base/bits.h"
#include "os/os_mem.h"

enum {
    META_STEP = 256 * KIB, /* mapped at a time; untouched pages cost nothing */
};

struct lock meta_lock = LOCK_INIT(LOCK_RANK_META);

/* The rest of the newest mapping.  Protected by: meta_lock */
static char *meta_at;
static size_t meta_left;
static size_t meta_used;

/*
 * `size` bytes between two pages that nobody may touch: an overrun of a large
 * block must not end in our structures.  (No os_guard(): gdb's gcore leaves a
 * mapping out that it cannot read whole.)
 */
static char *map_guarded(size_t size)
{
    size_t guard = os_page_size();
    char *map = os_reserve(NULL, size + 2 * guard);

    if (map == NULL)
        return NULL;
    if (!os_commit(map + guard, size)) {
        os_unmap(map, size + 2 * guard);
        return NULL;
    }
    os_name(map, size + 2 * guard, "liballoc metadata");
    return map + guard;
}

void *meta_alloc(size_t size, size_t align)
{
    void *mem = NULL;

    size = round_up(size, 64);
    lock_acquire(&meta_lock);
    size_t skip = -(uintptr_t)meta_at & (align - 1);
    if (size + skip > meta_left) {
        size_t step = round_up(max_size(size, META_STEP), os_page_size());
        char *fresh = map_guarded(step);
        if (fresh != NULL) {
            meta_at = fresh;
            meta_left = step;
            skip = 0;
        }
    }
    if (size + skip <= meta_left) {
        mem = meta_at + skip;
        meta_at += size + skip;
        meta_left -= size + skip;
        meta_used += size + skip;
    }
    lock_release(&meta_lock);
    return mem;
}

size_t meta_bytes(void)
{
    return meta_used;
}
