/* SPDX-License-Identifier: MIT */
#include "unit_slab.h"

#include <pthread.h>

enum { CLS_48 = 2, CLS_320 = 17, CLS_LARGEST = NSLAB - 1 };

static size_t objs_page(void)
{
    return PAGE_BYTES / cache.size;
}

/* The index by division, one object after the other. */
static int index_of(const struct slab *slab, size_t offset)
{
    size_t in_page = offset % PAGE_BYTES;
    size_t colour = slab->colour * (size_t)16;

    if (in_page < colour || (in_page - colour) % cache.size != 0)
        return -1;
    size_t index = (in_page - colour) / cache.size;
    return index < objs_page()
               ? (int)(offset / PAGE_BYTES * objs_page() + index)
               : -1;
}

TEST_CHILD(slab, index_is_right_for_every_byte_of_every_class)
{
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        cache_start(cls);
        struct slab *slab = slab_alone();
        uintptr_t start = slab_address(slab);
        size_t step = cls % 8 == 0 ? 1 : 8;
        for (size_t at = 0; at < slab_bytes(cache.cls); at += step) {
            int want = index_of(slab, at);
            if (slab_index(slab, start + at) != want)
                TEST_FAILED("class %u, offset %zu: index %d, not %d", cls, at,
                            slab_index(slab, start + at), want);
        }
    }
}

TEST_CHILD(slab, index_and_object_are_inverse_with_colours_too)
{
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        cache_start(cls);
        struct slab *slab = slab_alone();
        size_t waste = PAGE_BYTES - objs_page() * cache.size;
        slab->colour = (uint8_t)min_size(waste / 16, 240);
        for (unsigned i = 0; i < slab->nobjects; i++) {
            uintptr_t mem = (uintptr_t)slab_object(slab, i);
            CHECK_EQ(slab_index(slab, mem), i);
            CHECK_EQ(slab_index(slab, mem + 1), -1);
            CHECK_EQ(slab_index(slab, mem + 8), -1);
            CHECK(mem + cache.size <=
                  slab_address(slab) + slab_bytes(cache.cls));
            CHECK_EQ(mem / PAGE_BYTES, (mem + cache.size - 1) / PAGE_BYTES);
        }
    }
}

/* Carves a whole slab; checks every object of it. */
static void carve_all(struct slab *slab, unsigned max)
{
    uintptr_t last = 0;
    unsigned total = 0;

    while (slab->carved < slab->nobjects) {
        struct chain chain = {NULL, 0, false};
        unsigned count = 0;
        slab_carve(slab, max, &chain);
        CHECK(chain.carved && chain.count >= 1 && chain.count <= max);
        for (struct free_object *it = chain.head; it != NULL; it = it->next) {
            CHECK((uintptr_t)it > last);
            CHECK_EQ(it->key, object_key(it));
            CHECK_EQ(slab_index(slab, (uintptr_t)it), total);
            /* Only the first may lie before the next boundary's end. */
            CHECK(count == 0 ||
                  (uintptr_t)it / 4096 == (uintptr_t)chain.head / 4096);
            last = (uintptr_t)it;
            count++;
            total++;
        }
        CHECK_EQ(count, chain.count);
        CHECK_EQ(slab->carved, total);
        CHECK_EQ(slab->inuse, total);
        CHECK(slab_has_carved(slab, last));
        CHECK(!slab_has_carved(slab, last + cache.size) ||
              (last + cache.size) % slab_bytes(cache.cls) == 0);
        CHECK_NULL_TEXT(slab_check(slab));
    }
    CHECK_EQ(total, slab->nobjects);
}

TEST_CHILD(slab, carving_goes_through_all_objects_in_address_order)
{
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        cache_start(cls);
        carve_all(slab_alone(), 1000);
        carve_all(slab_alone(), 3);
    }
}

TEST_CHILD(slab, a_fresh_slab_touches_none_of_its_memory)
{
    cache_start(CLS_48);
    struct slab *slab = slab_alone();
    void *mem = (void *)slab_address(slab);
    CHECK_EQ(resident_pages(mem, slab_bytes(cache.cls)), 0);
    struct chain chain;
    slab_carve(slab, 1000, &chain);
    CHECK(resident_pages(mem, slab_bytes(cache.cls)) <= 2);
}

TEST_CHILD(slab, what_is_put_back_is_listed_and_taken_again)
{
    struct chain chain;

    cache_start(CLS_320);
    struct slab *slab = slab_alone();
    slab_carve(slab, 8, &chain);
    unsigned carved = chain.count;
    struct free_object *first = chain_pop(&chain);
    struct free_object *second = chain_pop(&chain);
    slab_put(slab, first);
    slab_put(slab, second);
    CHECK_EQ(slab_listed(slab), 2);
    CHECK_EQ(slab->inuse, carved - 2);
    CHECK_NULL_TEXT(slab_check(slab));
    slab_take_listed(slab, &chain);
    CHECK_EQ(chain.count, 2);
    CHECK(!chain.carved);
    CHECK(chain.head == second && second->next == first);
    CHECK(first->next == NULL);
    CHECK_EQ(slab->inuse, carved);
    CHECK_NULL_TEXT(slab_check(slab));
    slab_take_listed(slab, &chain);
    CHECK(chain.head == NULL && chain.count == 0);
}

TEST_DIES(slab, more_objects_back_than_out_is_fatal, "double free")
{
    struct chain chain;

    cache_start(CLS_320);
    struct slab *slab = slab_alone();
    slab_carve(slab, 1, &chain);
    slab_put(slab, chain.head);
    slab_put(slab, chain.head);
}

TEST_CHILD(slab, of_finds_the_slab_from_each_of_its_pages)
{
    struct chain chain;

    for (unsigned cls = CLS_48; cls <= CLS_LARGEST; cls++) {
        cache_start(cls);
        REQUIRE(slab_cache_take(&cache, &source, 1, &chain));
        struct slab *slab = cache.active;
        for (size_t at = 0; at < slab_bytes(cls); at += 1000)
            CHECK(slab_by_mem((void *)(slab_address(slab) + at)) == slab);
    }
    struct page *other = zone_alloc(SLAB_ORDER_MAX);
    CHECK(!is_in_slab(page_mem(other)));
}

/* `count` objects of the chain as one of their own, with its tail. */
static struct chain cut(struct chain *chain, unsigned count,
                        struct free_object **tail)
{
    struct chain part = {chain->head, count, false};

    struct free_object *last = chain_pop(chain);
    for (unsigned i = 1; i < count; i++)
        last = chain_pop(chain);
    if (last != NULL)
        last->next = NULL;
    *tail = last;
    return part;
}

/* Of one page up to 1 KiB; the page behind is another slab's, or nobody's. */
TEST_CHILD(slab, a_small_class_has_slabs_of_one_page)
{
    struct chain chain;
    struct slab *slab;

    CHECK_EQ(slab_bytes(size_class(SMALL_MAX)), PAGE_BYTES);
    CHECK_EQ(slab_bytes(size_class(SMALL_MAX + 1)), 2 * PAGE_BYTES);
    CHECK_EQ(slab_bytes(NSLAB), 2 * PAGE_BYTES);
    cache_start(CLS_48);
    do {
        slab = slab_alone();
    } while (page_number(slab_page(slab)) % 2 == 0);
    uintptr_t start = slab_address(slab);
    CHECK_EQ(slab->nobjects, objs_page());
    CHECK(!slab_has_carved(slab, start));
    slab_carve(slab, 3, &chain);
    CHECK(slab_has_carved(slab, start + 2 * cache.size));
    CHECK(!slab_has_carved(slab, start + 3 * cache.size));
    /* Each page by its own tag: a slab, and what lies beside it. */
    tag_set(page_zone(slab_page(slab)), page_number(slab_page(slab)), 1,
            tag_make(OWNER, CLS_48));
    CHECK(slab_by_mem((void *)(start + PAGE_BYTES - 1)) == slab);
    tag_set(page_zone(slab_page(slab)), page_number(slab_page(slab)) - 1, 1,
            tag_make(OWNER, KIND_CHUNK));
    CHECK(!is_in_slab((void *)(start - 1)));
}

TEST_CHILD(slab, remote_frees_wait_until_taken)
{
    struct chain chain;
    struct free_object *tail = NULL;

    cache_start(CLS_48);
    struct slab *slab = slab_alone();
    slab_carve(slab, 20, &chain);
    struct chain part = cut(&chain, 5, &tail);
    CHECK(slab_remote_push(slab, part, tail));
    part = cut(&chain, 3, &tail);
    CHECK(!slab_remote_push(slab, part, tail));
    CHECK_EQ(slab->inuse, 20);
    CHECK_EQ(slab_listed(slab), 0);
    CHECK_EQ(slab_remote_take(slab), 8);
    CHECK_EQ(slab->inuse, 12);
    CHECK_EQ(slab_listed(slab), 8);
    CHECK_NULL_TEXT(slab_check(slab));
    CHECK_EQ(slab_remote_take(slab), 0);
    part = cut(&chain, 1, &tail);
    CHECK(slab_remote_push(slab, part, tail));
}

TEST_CHILD(slab, remote_frees_join_those_of_the_owner)
{
    struct chain chain;
    struct free_object *tail = NULL;

    cache_start(CLS_48);
    struct slab *slab = slab_alone();
    slab_carve(slab, 20, &chain);
    slab_put(slab, chain_pop(&chain));
    slab_put(slab, chain_pop(&chain));
    struct chain part = cut(&chain, 4, &tail);
    slab_remote_push(slab, part, tail);
    CHECK_EQ(slab_remote_take(slab), 4);
    CHECK_EQ(slab_listed(slab), 6);
    CHECK_NULL_TEXT(slab_check(slab));
}

TEST_DIES(slab, more_remote_frees_than_objects_out_is_fatal, "double free")
{
    struct chain chain;
    struct free_object *tail = NULL;

    cache_start(CLS_48);
    struct slab *slab = slab_alone();
    slab_carve(slab, 2, &chain);
    struct chain part = cut(&chain, 1, &tail);
    part.count = 3;
    slab_remote_push(slab, part, tail);
    slab_remote_take(slab);
}

enum { THREADS = 4 };
static struct slab *shared;
static struct chain shares[THREADS];
static atomic_int announcements;

/* Pushes its share, one or a few objects at a time. */
static void *push_share(void *arg)
{
    struct chain *share = arg;

    while (share->count > 0) {
        struct free_object *tail = NULL;
        unsigned count = share->count < 3 ? 1 : 1 + share->count % 3;
        struct chain part = cut(share, count, &tail);
        if (slab_remote_push(shared, part, tail))
            atomic_fetch_add(&announcements, 1);
    }
    return NULL;
}

TEST_CHILD(slab, threads_push_while_the_owner_takes)
{
    pthread_t threads[THREADS];
    unsigned taken = 0;
    int takes = 0;

    cache_start(0);
    shared = slab_alone();
    for (unsigned i = 0; shared->carved < shared->nobjects; i++) {
        struct chain chain;
        slab_carve(shared, 1000, &chain);
        struct chain *share = &shares[i % THREADS];
        while (chain.count > 0) {
            struct free_object *object = chain_pop(&chain);
            object->next = share->head;
            share->head = object;
            share->count++;
        }
    }
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, push_share, &shares[i]) == 0);
    while (taken < shared->nobjects) {
        unsigned n = slab_remote_take(shared);
        taken += n;
        takes += n > 0;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(taken, shared->nobjects);
    CHECK_EQ(shared->inuse, 0);
    /* The first push after each take says so: nothing may be forgotten. */
    CHECK_EQ(atomic_load(&announcements), takes);
    CHECK_NULL_TEXT(slab_check(shared));
}

TEST_CHILD(slab, check_sees_what_is_wrong)
{
    struct chain chain;

    cache_start(CLS_LARGEST - 8);
    struct slab *slab = slab_alone();
    slab_carve(slab, 1, &chain);
    struct free_object *first = chain.head;
    slab_carve(slab, 1, &chain);
    slab_put(slab, first);
    slab_put(slab, chain.head);
    CHECK_NULL_TEXT(slab_check(slab));
    first->key ^= 1;
    CHECK(slab_check(slab) != NULL);
    first->key ^= 1;
    first->next = chain.head; /* a ring */
    CHECK(slab_check(slab) != NULL);
    first->next = (struct free_object *)((uintptr_t)first + 16);
    CHECK(slab_check(slab) != NULL);
    first->next = NULL;
    slab->inuse++;
    CHECK(slab_check(slab) != NULL);
    slab->inuse = (uint16_t)(slab->carved + 1);
    CHECK(slab_check(slab) != NULL);
}
