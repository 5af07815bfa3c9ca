/* SPDX-License-Identifier: MIT */
/*
 * liballoc_pages_*: blocks of pages straight from the zone.
 */
#include "api/entry.h"
#include "base/bits.h"
#include "liballoc.h"
#include "page/zone.h"

#include <errno.h>
#include <string.h>

_Static_assert(LIBALLOC_MAX_ORDER == MAX_ORDER, "public and inner order agree");

/* The same as a block of the tool's. */
static void *user_alloc_watched(size_t npages, unsigned order, unsigned flags)
{
    size_t size = npages << PAGE_SHIFT;
    void *mem = watcher->alloc(size, (size_t)PAGE_BYTES << order);

    if (mem == NULL) {
        errno = ENOMEM;
    } else if ((flags & LIBALLOC_ZERO) != 0) {
        memset(mem, 0, size);
    }
    return mem;
}

/* `npages` pages as one block of the program's; NULL with errno. */
static void *user_alloc(size_t npages, unsigned order, unsigned flags,
                        bool exact)
{
    bool fresh = false;
    struct page *page = NULL;

    bool started = init_check();
    if (UNLIKELY(watcher != NULL))
        return user_alloc_watched(npages, exact ? 0 : order, flags);
    if (started)
        page = zone_alloc_run(npages, exact ? 0 : order, &fresh);
    if (page == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    page_set_state(page, PAGE_USER);
    page->order = (uint8_t)order;
    page->flags = exact ? PAGE_FLAG_EXACT : 0;
    page->npages = (uint32_t)npages;
    tag_set(page_zone(page), page_number(page), 1, tag_make(0, KIND_USER));
    void *mem = page_mem(page);
    if ((flags & LIBALLOC_ZERO) != 0 && !fresh)
        memset(mem, 0, npages << PAGE_SHIFT);
    return mem;
}

/* Fatal unless `mem` is such a block, in use, of that very shape. */
static void user_free(void *mem, size_t npages, bool exact, const char *name)
{
    struct page_ref ref;

    entry_name = name;
    if (UNLIKELY(watcher != NULL)) {
        watcher->free(mem);
        return;
    }
    if (!page_lookup((uintptr_t)mem, &ref) || tag_kind(ref.tag) != KIND_USER ||
        ((uintptr_t)mem & (PAGE_BYTES - 1)) != 0)
        fatal("invalid pointer", mem);
    struct page *page = page_of(&ref);
    if (page_state(page) != PAGE_USER)
        fatal("double free or corruption (pages)", mem);
    if (page->npages != npages ||
        ((page->flags & PAGE_FLAG_EXACT) != 0) != exact)
        fatal("invalid size (pages)", mem);
    tag_set(ref.zone, ref.pfn, 1, 0);
    zone_free_run(page, npages);
}

EXPORT void *liballoc_pages_alloc(unsigned order, unsigned flags)
{
    if (order > MAX_ORDER || (flags & ~LIBALLOC_ZERO) != 0) {
        errno = EINVAL;
        return NULL;
    }
    return user_alloc((size_t)1 << order, order, flags, false);
}

EXPORT void *liballoc_pages_zeroed(unsigned order)
{
    return liballoc_pages_alloc(order, LIBALLOC_ZERO);
}

EXPORT void liballoc_pages_free(void *mem, unsigned order)
{
    if (mem == NULL)
        return;
    user_free(mem, order <= MAX_ORDER ? (size_t)1 << order : 0, false,
              "liballoc_pages_free");
}

EXPORT void *liballoc_pages_alloc_exact(size_t size, unsigned flags)
{
    if (size == 0 || size > (size_t)PAGE_BYTES << MAX_ORDER ||
        (flags & ~LIBALLOC_ZERO) != 0) {
        errno = EINVAL;
        return NULL;
    }
    size_t npages = round_up(size, PAGE_BYTES) >> PAGE_SHIFT;
    return user_alloc(npages, log2_ceil(npages), flags, true);
}

EXPORT void liballoc_pages_free_exact(void *mem, size_t size)
{
    if (mem == NULL)
        return;
    user_free(mem, round_up(size, PAGE_BYTES) >> PAGE_SHIFT, true,
              "liballoc_pages_free_exact");
}

EXPORT size_t liballoc_pages_alloc_bulk(unsigned order, unsigned flags,
                                        size_t n, void **out)
{
    size_t done = 0;

    while (done < n && (out[done] = liballoc_pages_alloc(order, flags)) != NULL)
        done++;
    return done;
}

EXPORT void liballoc_pages_free_bulk(unsigned order, size_t n, void **mem)
{
    for (size_t i = 0; i < n; i++)
        liballoc_pages_free(mem[i], order);
}
