/* SPDX-License-Identifier: MIT */
#include "heap/run.h"

#include "base/bits.h"
#include "base/debug.h"
#include "page/zone.h"

static size_t pages_for(size_t size)
{
    return (size + PAGE_BYTES - 1) >> PAGE_SHIFT;
}

void *run_alloc(size_t size, size_t align, bool *fresh)
{
    size_t npages = pages_for(size);
    unsigned align_order =
        align > PAGE_BYTES ? log2_floor(align) - PAGE_SHIFT : 0;

    if (size > (size_t)PAGE_BYTES << MAX_ORDER || align_order > MAX_ORDER)
        return NULL;
    struct page *page = zone_alloc_run(npages, align_order, fresh);
    if (page == NULL)
        return NULL;
    page_set_state(page, PAGE_RUN);
    page->npages = (uint32_t)npages;
    tag_set(page_zone(page), page_number(page), 1, tag_make(0, KIND_RUN));
    return page_mem(page);
}

/* The descriptor of the run that starts at `mem`; fatal if there is none. */
static struct page *run_page(const void *mem)
{
    struct page_ref ref;

    if (!page_lookup((uintptr_t)mem, &ref) || tag_kind(ref.tag) != KIND_RUN ||
        ((uintptr_t)mem & (PAGE_BYTES - 1)) != 0)
        fatal("invalid pointer", mem);
    struct page *page = page_of(&ref);
    if (page_state(page) != PAGE_RUN)
        fatal("double free or corruption (run)", mem);
    return page;
}

size_t run_size(const void *mem)
{
    return (size_t)run_page(mem)->npages << PAGE_SHIFT;
}

void run_release(void *mem)
{
    struct page *page = run_page(mem);

    tag_set(page_zone(page), page_number(page), 1, 0);
    zone_free_run(page, page->npages);
}

bool run_resize(void *mem, size_t size)
{
    struct page *page = run_page(mem);
    size_t have = page->npages;
    size_t want = pages_for(size);

    if (want > have) {
        if (want > (size_t)1 << MAX_ORDER ||
            !zone_extend_run(page, have, want - have))
            return false;
    } else if (want < have) {
        page->npages = (uint32_t)want;
        page[want].zone = page->zone;
        zone_free_run(page + want, have - want);
    }
    page->npages = (uint32_t)want;
    return true;
}
