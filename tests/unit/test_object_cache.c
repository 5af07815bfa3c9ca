/* SPDX-License-Identifier: MIT */
#include "unit_page.h"

#include "slab/object_cache.h"
#include "slab/slab_cache.h"

#include <pthread.h>

enum { MANY = 1000 };

struct widget {
    long state;
    char bytes[100];
};

static struct object_cache cache;
static int constructed;

static void construct(void *object)
{
    struct widget *widget = object;

    widget->state = 42;
    constructed++;
}

static void start(size_t size, size_t align, void (*ctor)(void *object))
{
    if (zone_count == 0)
        REQUIRE(zone_init());
    object_secret = 0x1234567890abcdf1u;
    memset(&cache, 0, sizeof(cache));
    REQUIRE(object_cache_init(&cache, "widgets", size, align, ctor));
}

TEST_CHILD(object_cache, objects_are_distinct_and_hold_their_size)
{
    unsigned char *objects[MANY];

    start(104, 8, NULL);
    for (int i = 0; i < MANY; i++) {
        objects[i] = object_cache_alloc(&cache);
        REQUIRE(objects[i] != NULL);
        memset(objects[i], i, 104);
    }
    CHECK_EQ(cache.live, MANY);
    for (int i = 0; i < MANY; i++) {
        CHECK(is_filled(objects[i], i, 104));
        object_cache_free(&cache, objects[i]);
    }
    CHECK_EQ(cache.live, 0);
    CHECK_NULL_TEXT(slab_cache_check(&cache.slabs));
}

TEST_CHILD(object_cache, the_constructor_runs_once_an_object)
{
    struct widget *objects[MANY];

    start(sizeof(struct widget), 16, construct);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            objects[i] = object_cache_alloc(&cache);
            REQUIRE(objects[i] != NULL);
            CHECK_EQ(objects[i]->state, 42);
        }
        for (int i = 0; i < MANY; i++)
            object_cache_free(&cache, objects[i]);
    }
    CHECK(constructed >= MANY);
    CHECK(constructed <= (int)cache.slabs.nr_slabs * cache.slabs.objs_page * 4);
    int before = constructed;
    for (int i = 0; i < 50; i++)
        objects[i] = object_cache_alloc(&cache);
    CHECK_EQ(constructed, before);
}

TEST_CHILD(object_cache, a_constructed_object_keeps_its_state_while_free)
{
    start(sizeof(struct widget), 16, construct);
    struct widget *widget = object_cache_alloc(&cache);
    REQUIRE(widget != NULL);
    memset(widget->bytes, 0x33, sizeof(widget->bytes));
    widget->state = 43;
    object_cache_free(&cache, widget);
    CHECK_EQ(widget->state, 43);
    CHECK(is_filled(widget->bytes, 0x33, sizeof(widget->bytes)));
    CHECK(object_cache_alloc(&cache) == widget);
    CHECK_EQ(widget->state, 43);
}

TEST_CHILD(object_cache, every_alignment_holds_in_every_slab)
{
    for (size_t align = 8; align <= 4096; align *= 2) {
        for (int with = 0; with < 2; with++) {
            start(align + align / 2, align, with ? construct : NULL);
            while (cache.slabs.nr_slabs < 5) {
                void *object = object_cache_alloc(&cache);
                REQUIRE(object != NULL);
                if ((uintptr_t)object % align != 0)
                    TEST_FAILED("align %zu, slab %u, %s constructor: %p", align,
                                cache.slabs.nr_slabs, with ? "with" : "no",
                                object);
            }
            CHECK_NULL_TEXT(slab_cache_check(&cache.slabs));
        }
    }
}

TEST_CHILD(object_cache, a_slot_must_fit_in_a_page)
{
    REQUIRE(zone_init());
    CHECK(!object_cache_init(&cache, "large", PAGE_BYTES + 1, 8, NULL));
    CHECK(!object_cache_init(&cache, "large", PAGE_BYTES - 8, 8, construct));
    start(PAGE_BYTES, 8, NULL);
    void *object = object_cache_alloc(&cache);
    REQUIRE(object != NULL);
    memset(object, 1, PAGE_BYTES);
    object_cache_free(&cache, object);
}

TEST_CHILD(object_cache, a_long_name_is_cut)
{
    memset(&cache, 'x', sizeof(cache.name));
    REQUIRE(zone_init());
    memset(&cache, 0, sizeof(cache));
    REQUIRE(object_cache_init(
        &cache, "a name of more than thirty-one characters", 64, 8, NULL));
    CHECK_EQ(strlen(cache.name), OBJECT_CACHE_NAME - 1);
    memset(&cache, 0, sizeof(cache));
    REQUIRE(object_cache_init(&cache, NULL, 64, 8, NULL));
    CHECK_STR(cache.name, "unnamed");
}

TEST_CHILD(object_cache, shrink_gives_back_the_slabs_of_freed_objects)
{
    void *objects[MANY];

    start(256, 16, NULL);
    for (int i = 0; i < MANY; i++)
        objects[i] = object_cache_alloc(&cache);
    for (int i = 1; i < MANY; i++)
        object_cache_free(&cache, objects[i]);
    CHECK(object_cache_shrink(&cache) > 0);
    CHECK_EQ(cache.slabs.nr_slabs, 1);
    CHECK_EQ(zone_live_pages(), 1u << SLAB_ORDER_MAX);
    object_cache_free(&cache, objects[0]);
    CHECK_EQ(object_cache_shrink(&cache), slab_bytes(NSLAB));
    CHECK_EQ(zone_live_pages(), 0);
    CHECK(object_cache_alloc(&cache) != NULL);
}

TEST_CHILD(object_cache, after_shrink_objects_are_constructed_anew)
{
    start(sizeof(struct widget), 16, construct);
    struct widget *widget = object_cache_alloc(&cache);
    widget->state = 7;
    object_cache_free(&cache, widget);
    object_cache_shrink(&cache);
    int before = constructed;
    widget = object_cache_alloc(&cache);
    CHECK(constructed > before);
    CHECK_EQ(widget->state, 42);
}

TEST_CHILD(object_cache, destroy_refuses_while_objects_are_live)
{
    start(64, 16, NULL);
    void *object = object_cache_alloc(&cache);
    CHECK(!object_cache_destroy(&cache));
    memset(object, 1, 64);
    object_cache_free(&cache, object);
    CHECK(object_cache_destroy(&cache));
    CHECK_EQ(zone_live_pages(), 0);
}

TEST_CHILD(object_cache, no_memory_is_null_and_the_cache_lives_on)
{
    start(64, 16, construct);
    fault(OS_MPROTECT, 1, true);
    CHECK(object_cache_alloc(&cache) == NULL);
    CHECK_EQ(cache.live, 0);
    fault_none();
    CHECK(object_cache_alloc(&cache) != NULL);
}

TEST_DIES(object_cache, a_double_free_is_fatal, "double free")
{
    start(64, 16, NULL);
    void *object = object_cache_alloc(&cache);
    object_cache_free(&cache, object);
    object_cache_free(&cache, object);
}

TEST_DIES(object_cache, a_double_free_with_a_constructor_is_fatal,
          "double free")
{
    start(64, 16, construct);
    void *object = object_cache_alloc(&cache);
    object_cache_free(&cache, object);
    object_cache_free(&cache, object);
}

TEST_DIES(object_cache, a_double_free_after_a_flush_is_fatal, "double free")
{
    void *objects[MANY];

    start(64, 16, NULL);
    for (int i = 0; i < MANY; i++)
        objects[i] = object_cache_alloc(&cache);
    for (int i = 0; i < MANY; i++)
        object_cache_free(&cache, objects[i]);
    object_cache_free(&cache, objects[MANY / 2]);
}

TEST_DIES(object_cache, a_pointer_into_an_object_is_fatal, "invalid pointer")
{
    start(64, 16, NULL);
    char *object = object_cache_alloc(&cache);
    object_cache_free(&cache, object + 16);
}

TEST_DIES(object_cache, a_foreign_pointer_is_fatal, "invalid pointer")
{
    char here[64] = "";

    start(64, 16, NULL);
    object_cache_free(&cache, here);
}

TEST_DIES(object_cache, an_object_of_another_cache_is_fatal, "invalid pointer")
{
    static struct object_cache other;

    start(64, 16, NULL);
    REQUIRE(object_cache_init(&other, "other", 64, 16, NULL));
    object_cache_free(&cache, object_cache_alloc(&other));
}

TEST_DIES(object_cache, an_object_never_handed_out_is_fatal, "invalid pointer")
{
    start(8192, 16, NULL);
    char *object = object_cache_alloc(&cache);
    object_cache_free(&cache, object + 3 * (size_t)PAGE_BYTES);
}

TEST_CHILD(object_cache, locks_are_taken_freed_and_reset_with_the_registry)
{
    start(64, 16, NULL);
    object_caches_lock();
    CHECK(lock_is_mine(&cache.lock));
    object_caches_unlock();
    CHECK(!lock_is_mine(&cache.lock));
    object_caches_lock();
    object_caches_reset(lock_reset);
    CHECK(object_cache_alloc(&cache) != NULL);
}

static void *churn(void *arg)
{
    long *objects[50] = {NULL};

    for (int step = 0; step < 200; step++) {
        for (int i = 0; i < 50; i++) {
            objects[i] = object_cache_alloc(&cache);
            if (objects[i] != NULL)
                *objects[i] = (long)(uintptr_t)arg;
        }
        for (int i = 0; i < 50; i++) {
            CHECK(objects[i] != NULL && *objects[i] == (long)(uintptr_t)arg);
            object_cache_free(&cache, objects[i]);
        }
    }
    return NULL;
}

TEST_CHILD(object_cache, threads_never_share_an_object)
{
    pthread_t threads[4];

    start(32, 16, NULL);
    for (uintptr_t i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(cache.live, 0);
    CHECK(object_cache_destroy(&cache));
    CHECK_EQ(zone_live_pages(), 0);
}
