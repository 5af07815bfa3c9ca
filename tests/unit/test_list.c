/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/list.h"

enum { ITEMS = 5 };

struct item {
    int value;
    struct list_head link;
};

static int value_of(const struct list_head *link)
{
    return ((const struct item *)(const void *)((const char *)link -
                                                offsetof(struct item, link)))
        ->value;
}

/* The values as decimal digits: 1, 2, 3 is 123. */
static int digits(struct list_head *head)
{
    int text = 0;

    list_for_each (it, head)
        text = text * 10 + value_of(it);
    return text;
}

static void items_make(struct item *items)
{
    for (int i = 0; i < ITEMS; i++)
        items[i] = (struct item){.value = i + 1};
}

TEST(list, a_head_of_zero_bytes_is_empty)
{
    struct list_head head = {NULL, NULL};

    CHECK(list_is_empty(&head));
    CHECK(list_first(&head) == NULL);
    CHECK_EQ(digits(&head), 0);
}

TEST(list, an_initialised_head_is_empty)
{
    struct list_head head;

    list_init(&head);
    CHECK(list_is_empty(&head));
    CHECK(list_first(&head) == NULL);
    CHECK_EQ(digits(&head), 0);
}

TEST(list, insert_puts_in_front)
{
    struct list_head head = {NULL, NULL};
    struct item items[ITEMS];

    items_make(items);
    for (int i = 0; i < ITEMS; i++)
        list_insert(&head, &items[i].link);
    CHECK_EQ(digits(&head), 54321);
    CHECK(list_first(&head) == &items[ITEMS - 1].link);
}

TEST(list, insert_tail_puts_behind)
{
    struct list_head head = {NULL, NULL};
    struct item items[ITEMS];

    items_make(items);
    for (int i = 0; i < ITEMS; i++)
        list_insert_tail(&head, &items[i].link);
    CHECK_EQ(digits(&head), 12345);
}

TEST(list, links_backward_mirror_those_forward)
{
    struct list_head head = {NULL, NULL};
    struct item items[ITEMS];
    int text = 0;

    items_make(items);
    for (int i = 0; i < ITEMS; i++)
        list_insert_tail(&head, &items[i].link);
    for (struct list_head *it = head.prev; it != &head; it = it->prev)
        text = text * 10 + value_of(it);
    CHECK_EQ(text, 54321);
}

TEST(list, remove_closes_the_gap_and_clears_the_links)
{
    struct list_head head = {NULL, NULL};
    struct item items[ITEMS];

    items_make(items);
    for (int i = 0; i < ITEMS; i++)
        list_insert_tail(&head, &items[i].link);
    list_remove(&items[2].link);
    CHECK_EQ(digits(&head), 1245);
    CHECK(items[2].link.next == NULL && items[2].link.prev == NULL);
    list_remove(&items[0].link);
    list_remove(&items[4].link);
    CHECK_EQ(digits(&head), 24);
}

TEST(list, is_empty_again_when_the_last_item_left)
{
    struct list_head head = {NULL, NULL};
    struct item items[ITEMS];

    items_make(items);
    list_insert(&head, &items[0].link);
    CHECK(!list_is_empty(&head));
    list_remove(&items[0].link);
    CHECK(list_is_empty(&head));
    list_insert_tail(&head, &items[1].link);
    CHECK_EQ(digits(&head), 2);
}

TEST(list, for_each_safe_lets_the_body_remove)
{
    struct list_head head = {NULL, NULL};
    struct item items[ITEMS];

    items_make(items);
    for (int i = 0; i < ITEMS; i++)
        list_insert_tail(&head, &items[i].link);
    list_for_each_safe (it, &head) {
        if (value_of(it) % 2 != 0)
            list_remove(it);
    }
    CHECK_EQ(digits(&head), 24);
}
