/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_BASE_LIST_H
#define LIBALLOC_BASE_LIST_H
/*
 * The kernel's circular intrusive list, with one difference: a head of all
 * zero bytes is an empty list, so that fresh memory needs no initialisation.
 * Layer: base.  Locks: the caller's.  Source: Linux include/linux/list.h.
 */
#include "layout/page.h"

#include <stdbool.h>

static inline bool list_is_empty(const struct list_head *head)
{
    return head->next == NULL || head->next == head;
}

static inline void list_init(struct list_head *head)
{
    head->next = head;
    head->prev = head;
}

/* Inserts at the front. */
static inline void list_insert(struct list_head *head, struct list_head *item)
{
    struct list_head *first = head->next;

    if (first == NULL) {
        list_init(head);
        first = head;
    }
    item->next = first;
    item->prev = head;
    first->prev = item;
    head->next = item;
}

static inline void list_insert_tail(struct list_head *head,
                                    struct list_head *item)
{
    struct list_head *last = head->prev;

    if (last == NULL) {
        list_init(head);
        last = head;
    }
    list_insert(last, item);
}

static inline void list_remove(struct list_head *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    item->next = NULL;
    item->prev = NULL;
}

/* The first item; NULL when empty. */
static inline struct list_head *list_first(const struct list_head *head)
{
    return list_is_empty(head) ? NULL : head->next;
}

#define list_for_each(it, head) \
    if (!list_is_empty(head))   \
        for (struct list_head *it = (head)->next; it != (head); it = it->next)

/* The body may remove `it`. */
#define list_for_each_safe(it, head)                                 \
    if (!list_is_empty(head))                                        \
        for (struct list_head *it = (head)->next, *next_ = it->next; \
             it != (head); it = next_, next_ = it->next)

#endif
