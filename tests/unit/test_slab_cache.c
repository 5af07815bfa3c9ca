/* SPDX-License-Identifier: MIT */
#include "unit_slab.h"

enum { CLS_1K = 31, CLS_16K = NSLAB - 1 };

enum { PER_SLAB = PAGE_BYTES / 1024 }; /* objects in a slab of CLS_1K */

/* One object of the cache; the rest of what came with it goes back. */
static struct free_object *take_one(void)
{
    struct chain chain;

    REQUIRE(slab_cache_take(&cache, &source, 1, &chain));
    struct free_object *object = chain_pop(&chain);
    while (chain.count > 0) {
        struct free_object *rest = chain_pop(&chain);
        slab_cache_put(&cache, &source, slab_by_mem(rest), rest);
    }
    return object;
}

/* All objects of one new slab. */
static void take_slab(struct free_object **objects)
{
    for (int i = 0; i < PER_SLAB; i++)
        objects[i] = take_one();
    for (int i = 1; i < PER_SLAB; i++)
        CHECK(slab_by_mem(objects[i]) == slab_by_mem(objects[0]));
}

static void put(struct free_object *object)
{
    slab_cache_put(&cache, &source, slab_by_mem(object), object);
    CHECK_NULL_TEXT(slab_cache_check(&cache));
}

TEST_CHILD(slab_cache, the_first_object_makes_an_active_slab)
{
    cache_start(CLS_1K);
    struct free_object *object = take_one();
    struct slab *slab = slab_by_mem(object);
    CHECK(slab == cache.active);
    CHECK_EQ(cache.nr_slabs, 1);
    CHECK_EQ(slab->on_list, SLAB_ACTIVE);
    CHECK_EQ(slab->state, PAGE_SLAB);
    CHECK_EQ(slab->heap_id, OWNER);
    CHECK_EQ(slab->inuse, 1);
    CHECK_NULL_TEXT(slab_cache_check(&cache));
}

TEST_CHILD(slab_cache, all_pages_of_a_slab_get_its_tag)
{
    struct page_ref ref;

    cache_start(CLS_1K);
    uintptr_t start = slab_address(slab_by_mem(take_one()));
    for (size_t i = 0; i < slab_bytes(cache.cls) / PAGE_BYTES; i++) {
        CHECK(page_lookup(start + i * PAGE_BYTES, &ref));
        CHECK_EQ(ref.tag, tag_make(OWNER, CLS_1K));
    }
}

TEST_CHILD(slab_cache, a_used_up_slab_is_full)
{
    struct free_object *objects[PER_SLAB];

    cache_start(CLS_1K);
    take_slab(objects);
    struct slab *slab = slab_by_mem(objects[0]);
    struct free_object *next = take_one();
    CHECK(slab_by_mem(next) != slab);
    CHECK_EQ(slab->on_list, SLAB_FULL);
    CHECK_EQ(cache.nr_slabs, 2);
    CHECK_NULL_TEXT(slab_cache_check(&cache));
}

TEST_CHILD(slab_cache, a_full_slab_gets_partial_by_one_free)
{
    struct free_object *objects[PER_SLAB];

    cache_start(CLS_1K);
    take_slab(objects);
    take_one();
    struct slab *slab = slab_by_mem(objects[0]);
    put(objects[3]);
    CHECK_EQ(slab->on_list, SLAB_PARTIAL);
    CHECK_EQ(slab_listed(slab), 1);
    put(objects[4]);
    CHECK_EQ(slab->on_list, SLAB_PARTIAL);
}

TEST_CHILD(slab_cache, a_slab_without_objects_out_is_released)
{
    struct free_object *objects[PER_SLAB];
    struct page_ref ref;

    cache_start(CLS_1K);
    take_slab(objects);
    take_one();
    uintptr_t start = slab_address(slab_by_mem(objects[0]));
    for (int i = 0; i < PER_SLAB; i++)
        put(objects[i]);
    CHECK_EQ(cache.nr_slabs, 1);
    CHECK_EQ(page_lists[slab_order(cache.cls)].count, 1);
    CHECK(page_lookup(start, &ref) && ref.tag == 0);
    CHECK(!is_in_slab((void *)start));
}

TEST_CHILD(slab_cache, one_empty_slab_is_kept_when_the_active_is_used_up)
{
    struct free_object *first[PER_SLAB];
    struct free_object *second[PER_SLAB];

    cache_start(CLS_1K);
    take_slab(first);
    take_slab(second);
    struct slab *slab = slab_by_mem(first[0]);
    for (int i = 0; i < PER_SLAB; i++)
        put(first[i]);
    CHECK_EQ(slab->on_list, SLAB_EMPTY);
    CHECK_EQ(cache.nr_slabs, 2);
    CHECK(slab_by_mem(take_one()) == slab);
    CHECK_EQ(slab->on_list, SLAB_ACTIVE);
    CHECK_EQ(slab_by_mem(second[0])->on_list, SLAB_FULL);
}

TEST_CHILD(slab_cache, the_active_slab_stays_when_all_comes_back)
{
    cache_start(CLS_1K);
    struct free_object *object = take_one();
    put(object);
    CHECK_EQ(cache.nr_slabs, 1);
    CHECK_EQ(cache.active->inuse, 0);
    CHECK(take_one() == object);
}

TEST_CHILD(slab_cache, partial_slabs_serve_before_new_ones_the_fullest_first)
{
    struct free_object *objects[3][PER_SLAB];

    cache_start(CLS_1K);
    for (int i = 0; i < 3; i++)
        take_slab(objects[i]);
    for (int i = 0; i < 5; i++)
        put(objects[0][i]);
    put(objects[1][0]);
    /* The third is active and used up. */
    CHECK(slab_by_mem(take_one()) == slab_by_mem(objects[1][0]));
    for (int i = 0; i < 5; i++)
        CHECK(slab_by_mem(take_one()) == slab_by_mem(objects[0][0]));
    CHECK_EQ(cache.nr_slabs, 3);
    CHECK(slab_by_mem(take_one()) != slab_by_mem(objects[0][0]));
    CHECK_EQ(cache.nr_slabs, 4);
}

TEST_CHILD(slab_cache, a_chain_brings_all_that_is_listed)
{
    struct free_object *objects[PER_SLAB];
    struct chain chain;

    cache_start(CLS_1K);
    take_slab(objects);
    for (int i = 0; i < 10; i++)
        put(objects[i]);
    REQUIRE(slab_cache_take(&cache, &source, 1, &chain));
    CHECK_EQ(chain.count, 10);
    CHECK(!chain.carved);
    CHECK_NULL_TEXT(slab_cache_check(&cache));
}

TEST_CHILD(slab_cache, shrink_gives_empty_slabs_back_the_active_too)
{
    struct free_object *first[PER_SLAB];
    struct free_object *second[PER_SLAB];

    cache_start(CLS_1K);
    take_slab(first);
    take_slab(second);
    CHECK_EQ(slab_cache_shrink(&cache, &source), 0);
    for (int i = 0; i < PER_SLAB; i++)
        put(first[i]);
    CHECK_EQ(slab_cache_shrink(&cache, &source), slab_bytes(cache.cls));
    CHECK_EQ(cache.nr_slabs, 1);
    for (int i = 0; i < PER_SLAB; i++)
        put(second[i]);
    CHECK_EQ(slab_cache_shrink(&cache, &source), slab_bytes(cache.cls));
    CHECK_EQ(cache.nr_slabs, 0);
    CHECK(cache.active == NULL);
    page_list_drain(&page_lists[slab_order(cache.cls)]);
    CHECK_EQ(zone_live_pages(), 0);
    CHECK(take_one() != NULL);
}

TEST_CHILD(slab_cache, collect_settles_what_others_freed)
{
    struct free_object *objects[PER_SLAB];

    cache_start(CLS_1K);
    take_slab(objects);
    take_one();
    struct slab *slab = slab_by_mem(objects[0]);
    for (int i = 0; i < PER_SLAB; i++) {
        struct chain chain = {objects[i], 1, false};
        objects[i]->key = object_key(objects[i]);
        slab_remote_push(slab, chain, objects[i]);
        if (i == 0 || i == PER_SLAB - 1)
            slab_cache_collect(&cache, &source, slab);
        CHECK_NULL_TEXT(slab_cache_check(&cache));
        if (i == 0)
            CHECK_EQ(slab->on_list, SLAB_PARTIAL);
    }
    CHECK_EQ(cache.nr_slabs, 1);
    slab_cache_collect(&cache, &source, cache.active);
    CHECK_EQ(cache.nr_slabs, 1);
}

static void count_slab(struct slab *slab, void *data)
{
    CHECK(slab->cache == &cache);
    ++*(unsigned *)data;
}

TEST_CHILD(slab_cache, walk_visits_each_slab_once)
{
    struct free_object *objects[4][PER_SLAB];
    unsigned seen = 0;

    cache_start(CLS_1K);
    for (int i = 0; i < 4; i++)
        take_slab(objects[i]);
    put(objects[1][0]);
    for (int i = 0; i < PER_SLAB; i++)
        put(objects[2][i]);
    slab_cache_walk(&cache, count_slab, &seen);
    CHECK_EQ(seen, cache.nr_slabs);
}

TEST_CHILD(slab_cache, no_memory_is_false_and_the_cache_lives_on)
{
    struct chain chain;

    cache_start(CLS_1K);
    fault(OS_MPROTECT, 1, true);
    CHECK(!slab_cache_take(&cache, &source, 1, &chain));
    CHECK_EQ(cache.nr_slabs, 0);
    CHECK_NULL_TEXT(slab_cache_check(&cache));
    fault_none();
    CHECK(take_one() != NULL);
}

/* Colours of `n` slabs, one bit each; objects checked for alignment. */
static unsigned long colours(unsigned n, size_t align)
{
    unsigned long seen = 0;

    while (cache.nr_slabs < n) {
        struct free_object *object = take_one();
        struct slab *slab = slab_by_mem(object);
        CHECK_EQ((uintptr_t)object % align, 0);
        seen |= 1ul << slab->colour;
    }
    return seen;
}

TEST_CHILD(slab_cache, slabs_start_at_different_colours)
{
    cache_start(CLS_1K);
    slab_cache_init(&cache, 16 * 37, NSLAB); /* 27 a page, 400 bytes waste */
    slab_cache_set_colour(&cache, 16);
    CHECK_EQ(colours(27, 16), (1ul << 26) - 1);
    CHECK_NULL_TEXT(slab_cache_check(&cache));
}

TEST_CHILD(slab_cache, colours_keep_the_alignment)
{
    for (size_t step = 16; step <= 256; step *= 2) {
        cache_start(CLS_1K);
        slab_cache_init(&cache, 5 * 256, NSLAB); /* 1 KiB waste a page */
        slab_cache_set_colour(&cache, step);
        CHECK(__builtin_popcountl(colours(6, step)) > 1);
    }
}

TEST_CHILD(slab_cache, no_waste_is_no_colour)
{
    cache_start(CLS_16K);
    slab_cache_set_colour(&cache, 16);
    CHECK_EQ(cache.colour_max, 0);
    CHECK_EQ(colours(6, PAGE_BYTES), 1);
}

TEST_CHILD(slab_cache, check_sees_what_is_wrong)
{
    struct free_object *objects[PER_SLAB];

    cache_start(CLS_1K);
    take_slab(objects);
    take_one();
    cache.nr_slabs++;
    CHECK(slab_cache_check(&cache) != NULL);
    cache.nr_slabs--;
    struct slab *slab = slab_by_mem(objects[0]);
    slab_put(slab, objects[0]); /* behind the cache's back */
    CHECK(slab_cache_check(&cache) != NULL);
}

enum { LIVE = 600 };

TEST_CHILD(slab_cache, random_objects_never_overlap)
{
    static struct free_object *live[LIVE];
    static const unsigned classes[] = {0, 2, 7, 15, 23, CLS_1K, 47, CLS_16K};

    for (size_t c = 0; c < ARRAY_SIZE(classes); c++) {
        cache_start(classes[c]);
        for (int step = 0; step < 4000; step++) {
            size_t i = random_below(LIVE);
            if (live[i] == NULL) {
                live[i] = take_one();
                memset(live[i], (int)i, cache.size);
            } else {
                CHECK(is_filled(live[i], (int)i, cache.size));
                slab_cache_put(&cache, &source, slab_by_mem(live[i]), live[i]);
                live[i] = NULL;
            }
            if (step % 128 == 0)
                CHECK_NULL_TEXT(slab_cache_check(&cache));
        }
        for (int i = 0; i < LIVE; i++) {
            if (live[i] != NULL)
                slab_cache_put(&cache, &source, slab_by_mem(live[i]), live[i]);
            live[i] = NULL;
        }
        CHECK_NULL_TEXT(slab_cache_check(&cache));
        slab_cache_shrink(&cache, &source);
        CHECK_EQ(cache.nr_slabs, 0);
        page_list_drain(&page_lists[slab_order(cache.cls)]);
        CHECK_EQ(zone_live_pages(), 0);
    }
}
