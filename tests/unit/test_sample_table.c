/* SPDX-License-Identifier: MIT */
#include "unit_prof.h"

#include <pthread.h>

static struct prof_sample sample_at(const void *mem, uint64_t size)
{
    return (struct prof_sample){
        .address = (uintptr_t)mem, .size = size, .weight = 2 * PROF_ONE};
}

static bool add(const void *mem, uint64_t size)
{
    struct prof_sample sample = sample_at(mem, size);

    return sample_table_add(&profile, &sample);
}

static bool is_marked(const void *mem)
{
    struct page_ref ref;

    return page_lookup((uintptr_t)mem, &ref) && tag_is_sampled(&ref);
}

TEST_CHILD(sample_table, holds_what_was_added_and_not_taken)
{
    struct prof_sample sample;
    char *mem[100];

    prof_tables_start();
    for (int i = 0; i < 100; i++)
        mem[i] = get(500);
    for (int i = 0; i < 100; i += 2)
        CHECK(add(mem[i], 500));
    for (int i = 0; i < 100; i++)
        CHECK_EQ(sample_table_holds(&profile, (uintptr_t)mem[i]), i % 2 == 0);
    CHECK_EQ(profile.live_samples, 50);
    CHECK_EQ(profile.live_bytes, 50 * 1000);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(sample_table_take(&profile, (uintptr_t)mem[i], &sample),
                 i % 2 == 0);
        CHECK(!sample_table_holds(&profile, (uintptr_t)mem[i]));
    }
    CHECK_EQ(profile.live_samples, 0);
    CHECK_EQ(profile.live_bytes, 0);
    CHECK_EQ(profile.peak_bytes, 50 * 1000);
    CHECK_EQ(profile.nsamples, 51);
}

/* Frees on a page are slow as long as it has a sample, and no longer. */
TEST_CHILD(sample_table, pages_are_marked_while_they_have_samples)
{
    struct prof_sample sample;

    prof_tables_start();
    char *first = get(100);
    char *second = get(100);
    char *far = get(200000);
    REQUIRE((uintptr_t)first >> PAGE_SHIFT == (uintptr_t)second >> PAGE_SHIFT);
    add(first, 100);
    add(second, 100);
    CHECK(is_marked(first) && !is_marked(far));
    sample_table_take(&profile, (uintptr_t)first, &sample);
    CHECK(is_marked(second));
    sample_table_take(&profile, (uintptr_t)second, &sample);
    CHECK(!is_marked(first));
}

TEST_CHILD(sample_table, addresses_outside_of_the_zones_are_held_too)
{
    char outside[64]; /* static ones may share a page with the break */
    struct prof_sample sample;

    prof_tables_start();
    CHECK(!sample_table_holds(&profile, (uintptr_t)outside));
    add(outside, 64);
    CHECK(sample_table_holds(&profile, (uintptr_t)outside));
    CHECK(sample_table_take(&profile, (uintptr_t)outside, &sample));
    CHECK_EQ(sample.size, 64);
}

TEST_CHILD(sample_table, a_full_table_counts_what_it_loses)
{
    prof_tables_start();
    for (uintptr_t i = 1; i < SAMPLES_MAX; i++)
        CHECK(add((void *)(i << PAGE_SHIFT), 1));
    CHECK(!add((void *)1, 1));
    CHECK_EQ(profile.lost_samples, 1);
    struct prof_sample sample;
    CHECK(sample_table_take(&profile, (uintptr_t)77 << PAGE_SHIFT, &sample));
    CHECK(add((void *)1, 1));
}

TEST_CHILD(sample_table, the_peak_is_that_of_all_stacks_together)
{
    struct prof_sample sample;
    uintptr_t pcs[2] = {1, 2};

    prof_tables_start();
    struct prof_sample a = sample_at((void *)16, 1000);
    struct prof_sample b = sample_at((void *)32, 3000);
    a.stack = stack_table_intern(&profile, &pcs[0], 1);
    b.stack = stack_table_intern(&profile, &pcs[1], 1);
    sample_table_add(&profile, &a);
    sample_table_add(&profile, &b); /* the peak: 2000 and 6000 */
    sample_table_take(&profile, 32, &sample);
    a.address = 48;
    sample_table_add(&profile, &a);
    CHECK_EQ(profile.peak_bytes, 8000);
    CHECK_EQ(profile.stacks[a.stack].live_bytes, 4000);
    CHECK_EQ(profile.stacks[a.stack].peak_bytes, 2000);
    CHECK_EQ(profile.stacks[b.stack].peak_bytes, 6000);
    CHECK_EQ(profile.stacks[a.stack].peak_epoch, profile.peak_epoch);
}

static _Atomic bool stop;
static char *steady[64];

/* They were added before and stay: a lookup must never miss them. */
static void *look(void *unused)
{
    (void)unused;
    /* stale ok: it will be seen */
    while (!load_relaxed(&stop)) {
        for (int i = 0; i < 64; i++)
            CHECK(sample_table_holds(&profile, (uintptr_t)steady[i]));
    }
    return NULL;
}

TEST_CHILD(sample_table, lookups_miss_nothing_while_others_change_it)
{
    struct prof_sample sample;
    pthread_t thread;

    prof_tables_start();
    char *block = get(64 * 128);
    for (int i = 0; i < 64; i++) {
        steady[i] = &block[i * 128];
        add(steady[i], 16);
    }
    REQUIRE(pthread_create(&thread, NULL, look, NULL) == 0);
    for (int i = 0; i < 300000; i++) {
        char *mem = &block[i % 64 * 128 + 64]; /* of the same chains */
        add(mem, 16);
        CHECK(sample_table_take(&profile, (uintptr_t)mem, &sample));
    }
    /* stale ok: it will be seen */
    store_relaxed(&stop, true);
    pthread_join(thread, NULL);
    CHECK_EQ(profile.live_samples, 64);
}
