/* SPDX-License-Identifier: MIT */
#include "walk/check.h"

#include "walk/far_list.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    DETAIL = 160,
};

void check_found(struct checker *checker, enum invariant broken,
                 uintptr_t address, const char *format, ...)
{
    char detail[DETAIL];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    checker->found(checker->data, broken, address, detail);
}

const struct page *check_descriptor(const struct model *model,
                                    uintptr_t address,
                                    const struct model_zone **zone, size_t *pfn)
{
    for (size_t i = 0; i < model->nzones; i++) {
        const struct model_zone *it = &model->zones[i];
        uintptr_t start = zone_page_address(it, it->first);
        size_t offset = address - start;
        if (address < start || offset % sizeof(struct page) != 0 ||
            offset / sizeof(struct page) >= it->npages - it->first)
            continue;
        *zone = it;
        *pfn = it->first + offset / sizeof(struct page);
        return zone_page(it, *pfn);
    }
    return NULL;
}

struct check_list check_list_begin(const struct model *model, uintptr_t head,
                                   const struct list_head *first)
{
    return (struct check_list){
        .model = model,
        .head = head,
        .at = FAR_ADDRESS(first->next),
        .prev = head,
    };
}

const struct page *check_list_next(struct check_list *list,
                                   const struct model_zone **zone, size_t *pfn)
{
    const size_t link = offsetof(struct page, lru);

    if (list->broken || list->at == 0 || list->at == list->head)
        return NULL; /* 0: a zeroed head */
    const struct page *page =
        check_descriptor(list->model, list->at - link, zone, pfn);
    /* A link that matches its predecessor cannot lead back into the list. */
    if (page == NULL || FAR_ADDRESS(page->lru.prev) != list->prev ||
        list->steps++ > FAR_LIST_MAX) {
        list->broken = true;
        return NULL;
    }
    list->prev = list->at;
    list->at = FAR_ADDRESS(page->lru.next);
    list->broken = list->at == 0;
    return page;
}

static void check_tables(struct checker *checker)
{
    const struct model *model = checker->model;
    const struct heap_root *root = target_root(model->target);
    uint64_t count = 0;

    if (!far_number(model->target, FAR_ADDRESS(root->zone_count), 4, &count) ||
        count > root->zones.count) {
        check_found(checker, INVARIANT_ROOT_COUNTS,
                    FAR_ADDRESS(root->zone_count), "%lu zones", count);
    }
    for (size_t i = 0; i < model->nheaps; i++) {
        if (model->heaps[i].address == 0) {
            check_found(checker, INVARIANT_HEAP_ID,
                        FAR_ADDRESS(root->heaps.start) +
                            (i + 1) * root->heaps.stride,
                        "heap %zu", i + 1);
        }
    }
}

static enum invariant of_wrong(enum free_wrong wrong)
{
    switch (wrong) {
    case FREE_TWICE:
        return INVARIANT_CACHED_ONCE;
    case FREE_COUNT:
        return INVARIANT_CACHED_COUNT;
    case FREE_UNREADABLE:
    case FREE_UNMARKED:
        break;
    }
    return INVARIANT_CACHED_MARK;
}

static void chain_fault(void *data, enum free_wrong wrong,
                        const struct free_label *label, uintptr_t list)
{
    struct checker *checker = data;
    const struct model_heap *heap = model_heap(checker->model, label->heap_id);

    if (heap != NULL && heap->torn) {
        checker->left_out++;
        return;
    }
    check_found(checker, of_wrong(wrong), label->mem != 0 ? label->mem : list,
                "%s %u of heap %u at 0x%lx%s", free_where_names[label->where],
                label->index, label->heap_id, list,
                wrong == FREE_UNREADABLE ? ": not readable" : "");
}

void check_all(struct checker *checker, const struct model *model,
               finding_fn *found, void *data)
{
    *checker = (struct checker){.model = model, .found = found, .data = data};
    struct freelist *freelist = freelist_build(model, chain_fault, checker);

    checker->freelist = freelist;
    checker->cached = freelist->count;
    check_tables(checker);
    check_zones(checker);
    check_slabs(checker);
    check_arenas(checker);
    check_cached(checker);
    check_mmaps(checker);
    freelist_free(freelist);
    checker->freelist = NULL;
}
