/* SPDX-License-Identifier: MIT */
/*
 * The heap of a second process, walked from its root: every live block and no
 * other.
 */
#define TEST_NO_MAIN
#include "child.h"

/* What the target said it holds, against two censuses. */
struct held {
    size_t slab[NSLAB];
    size_t chunks;
    size_t chunk_bytes;
    size_t runs;
    size_t run_bytes;
    size_t mmapped;
    size_t mmapped_bytes;
};

static void held_add(struct held *held, size_t size, size_t usable,
                     size_t count, size_t slab_max)
{
    size_t mmap_from = slab_max == 0 ? 128 * 1024 : 16 * 1024 * 1024;

    if (size >= mmap_from) {
        held->mmapped += count;
        held->mmapped_bytes += usable * count;
    } else if (size > MEDIUM_MAX) {
        held->runs += count;
        held->run_bytes += usable * count;
    } else if (size > slab_max) {
        held->chunks += count;
        held->chunk_bytes += usable * count;
    } else {
        held->slab[size_class(size)] += count;
        CHECK_EQ(usable, size_class_bytes(size_class(size)));
    }
}

static void hold(struct held *held, size_t slab_max)
{
    char line[96];
    size_t size;
    size_t usable;
    size_t count;

    memset(held, 0, sizeof *held);
    REQUIRE(child_command('h', line, sizeof line));
    while (sscanf(line, "%zu %zu %zu", &size, &usable, &count) == 3) {
        held_add(held, size, usable, count, slab_max);
        REQUIRE(child_line(line, sizeof line));
    }
    CHECK_STR(line, "end");
}

static void check_held(const struct held *held, const struct census *before,
                       const struct census *after)
{
    for (unsigned cls = 0; cls < NSLAB; cls++)
        CHECK_EQ(after->live[cls] - before->live[cls], held->slab[cls]);
    CHECK_EQ(after->chunks - before->chunks, held->chunks);
    CHECK_EQ(after->chunk_bytes - before->chunk_bytes, held->chunk_bytes);
    CHECK_EQ(after->runs - before->runs, held->runs);
    CHECK_EQ(after->run_bytes - before->run_bytes, held->run_bytes);
    CHECK_EQ(after->mmapped - before->mmapped, held->mmapped);
    CHECK_EQ(after->mmapped_bytes - before->mmapped_bytes, held->mmapped_bytes);
}

static void hold_and_drop(const char *conf)
{
    static struct census before;
    static struct census after;
    struct target target;
    struct held held;
    char line[64];

    child_open(&target, conf);
    child_census(&target, &before);
    hold(&held, child_tunable(&target, "slab_max"));
    child_census(&target, &after);
    check_held(&held, &before, &after);
    REQUIRE(child_command('d', line, sizeof line));
    child_census(&target, &after);
    memset(&held, 0, sizeof held);
    check_held(&held, &before, &after);
    child_stop();
}

TEST(walk, finds_every_live_block_and_no_other)
{
    hold_and_drop("slab_after:0");
}

TEST(walk, finds_every_live_block_in_classic_mode)
{
    hold_and_drop("slab_max:0");
}

TEST(walk, finds_pages_and_object_caches)
{
    static struct census census;
    struct target target;
    struct field_descriptor name;
    struct field_descriptor slabs;
    char text[32] = "";
    char line[64];

    child_open(&target, "");
    REQUIRE(child_command('p', line, sizeof line));
    CHECK_STR(line, "pages");
    child_census(&target, &census);
    CHECK_EQ(census.user_pages, 8);
    CHECK(census.cache_slots >= 30);
    /* Its structure is private: the descriptors alone lead to its name. */
    REQUIRE(root_field(&target, "object_cache", "name", &name));
    REQUIRE(root_field(&target, "object_cache", "slabs", &slabs));
    CHECK_EQ(name.encoding, ENC_TEXT);
    REQUIRE(name.width <= sizeof text);
    CHECK(far_read(&target, census.cache - slabs.offset + name.offset, text,
                   name.width));
    CHECK_STR(text, "inspected");
}

TEST(walk, is_whole_after_frees_for_other_threads)
{
    static struct census before;
    static struct census after;
    struct target target;
    char line[64];

    child_open(&target, "");
    child_census(&target, &before);
    REQUIRE(child_command('r', line, sizeof line));
    child_census(&target, &after);
    CHECK_EQ(after.heaps, 3);
    CHECK_EQ(after.live[size_class(48)], before.live[size_class(48)]);
    child_stop();
}

/* A view of a heap at work is torn; it must end all the same, and be whole
   once the threads are gone. */
TEST(walk, ends_while_the_target_works)
{
    static struct census census;
    struct target target;
    char line[64];

    child_open(&target, "");
    REQUIRE(child_command('w', line, sizeof line));
    for (int i = 0; i < 10; i++)
        CHECK(census_take(&target, &census));
    REQUIRE(child_command('s', line, sizeof line));
    CHECK_STR(line, "stopped");
    child_census(&target, &census);
    CHECK_EQ(census.heaps_idle, 2);
    child_stop();
}
