/* SPDX-License-Identifier: MIT */
#include "page/page_list.h"

#include "base/compiler.h"
#include "base/list.h"
#include "page/zone.h"

void page_list_init(struct page_list *list, unsigned order, uint32_t batch,
                    uint32_t high)
{
    *list = (struct page_list){.order = order, .batch = batch, .high = high};
    list_init(&list->list);
}

static void list_push(struct page_list *list, struct page *page)
{
    page_set_state(page, PAGE_PCP);
    page->order = (uint8_t)list->order;
    list_insert(&list->list, &page->lru);
    list->count++;
}

/* NULL = the list is empty. */
static struct page *list_pop(struct page_list *list)
{
    struct list_head *first = list_first(&list->list);

    if (first == NULL)
        return NULL;
    list_remove(first);
    list->count--;
    return CONTAINER_OF(first, struct page, lru);
}

/*
 * An empty list takes one block only: a thread that needs few pages must not
 * hold a batch.  Threads that free and allocate in turns fill it by freeing.
 */
struct page *page_list_alloc(struct page_list *list)
{
    struct page *page = list_pop(list);

    if (page == NULL)
        return zone_alloc(list->order);
    page_set_state(page, PAGE_NONE);
    return page;
}

static void list_shrink(struct page_list *list, uint32_t count)
{
    while (list->count > count) {
        struct page *page = list_pop(list);
        if (page != NULL)
            zone_free(page, list->order);
    }
}

void page_list_free(struct page_list *list, struct page *page)
{
    tag_set(page_zone(page), page_number(page), (size_t)1 << list->order, 0);
    list_push(list, page);
    if (list->count > list->high)
        list_shrink(list, list->high - list->batch);
}

void page_list_drain(struct page_list *list)
{
    list_shrink(list, 0);
}
