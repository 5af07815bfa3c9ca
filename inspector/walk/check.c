/* SPDX-License-Identifier: MIT */
#include "walk/check.h"

#include "memory.h"
#include "walk/far_list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

/*
 * The fast paths of malloc and free change a bin in a few instructions: a
 * thread that was stopped between them leaves one object in the air.
 */
static bool is_in_the_air(struct checker *checker,
                          const struct model_heap *heap,
                          const struct free_fault *fault)
{
    bool is_bin = fault->label->where == WHERE_BIN;
    bool by_one = fault->wrong == FREE_COUNT && fault->off == 1;
    bool first = fault->wrong == FREE_UNMARKED && fault->seen == 0;

    if (heap == NULL || heap->heap.state != HEAP_OWNED || !is_bin ||
        !(by_one || first) || checker->in_the_air[heap->heap.id])
        return false;
    checker->in_the_air[heap->heap.id] = true;
    return true;
}

static void chain_fault(void *data, const struct free_fault *fault)
{
    struct checker *checker = data;
    const struct free_label *label = fault->label;
    const struct model_heap *heap = model_heap(checker->model, label->heap_id);

    if ((heap != NULL && heap->torn) || is_in_the_air(checker, heap, fault)) {
        checker->left_out++;
        return;
    }
    check_found(checker, of_wrong(fault->wrong),
                label->mem != 0 ? label->mem : fault->list,
                "%s %u of heap %u at 0x%lx%s", free_where_names[label->where],
                label->index, label->heap_id, fault->list,
                fault->wrong == FREE_UNREADABLE ? ": not readable" : "");
}

static unsigned count_owned(const struct model *model)
{
    unsigned count = 0;

    for (size_t i = 0; i < model->nheaps; i++) {
        count += model->heaps[i].address != 0 &&
                 model->heaps[i].heap.state == HEAP_OWNED;
    }
    return count;
}

void check_all(struct checker *checker, const struct model *model,
               finding_fn *found, void *data)
{
    *checker = (struct checker){.model = model, .found = found, .data = data};
    checker->in_the_air = xcalloc(model->nheaps + 1, sizeof(bool));
    checker->may_be_off = count_owned(model);
    checker->may_be_untagged = checker->may_be_off;
    struct freelist *freelist = freelist_build(model, chain_fault, checker);

    checker->freelist = freelist;
    checker->cached = freelist->count;
    check_tables(checker);
    check_zones(checker);
    check_slabs(checker);
    check_arenas(checker);
    check_cached(checker);
    check_mmaps(checker);
    check_hardened(checker);
    freelist_free(freelist);
    free(checker->in_the_air);
    checker->freelist = NULL;
    checker->in_the_air = NULL;
}
