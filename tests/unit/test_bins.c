/* SPDX-License-Identifier: MIT */
#include "unit_arena.h"

enum { CHUNKS = 20 };

static struct chunk *chunks[CHUNKS];

/* CHUNKS chunks of that size with one in use between any two. */
static void make_chunks(size_t size)
{
    arena_start(false);
    for (int i = 0; i < CHUNKS; i++) {
        chunks[i] = take(size);
        take(CHUNK_MIN);
    }
}

/* How many chunks are on the bins, and their bytes. */
struct seen {
    size_t count;
    size_t bytes;
};

static bool see(struct arena *of, struct chunk *chunk, void *data)
{
    struct seen *seen = data;

    CHECK(of == &arena);
    seen->count++;
    seen->bytes += chunk_size(chunk);
    return true;
}

static struct seen walk(void)
{
    struct seen seen = {0, 0};

    bins_walk(&arena, see, &seen);
    return seen;
}

static bool see_one(struct arena *of, struct chunk *chunk, void *data)
{
    (void)see(of, chunk, data);
    return false;
}

TEST(bins, index_rises_with_the_size)
{
    unsigned last = 0;

    for (size_t size = CHUNK_MIN; size < 8 * MIB; size += 16) {
        unsigned index = bin_index(size);
        CHECK(index >= last && index < NBINS);
        last = index;
    }
    CHECK_EQ(bin_index(SIZE_MAX & ~(size_t)15), NBINS - 1);
}

TEST(bins, small_bins_hold_one_size_each)
{
    for (size_t size = CHUNK_MIN; size < 1024; size += 16)
        CHECK_EQ(bin_index(size), size / 16);
    CHECK_EQ(bin_index(1024), NSMALLBINS);
}

TEST(bins, large_bins_span_an_eighth_of_a_doubling)
{
    for (size_t size = 1024; size < GIB; size = size * 9 / 8 + 16) {
        size_t low = round_down(size, 16);
        unsigned index = bin_index(low);
        size_t high = low;
        while (high < 2 * GIB && bin_index(high + high / 64) == index)
            high += high / 64;
        CHECK(high <= low + low / 4);
    }
}

TEST_CHILD(bins, freed_chunks_are_all_found_by_a_walk)
{
    make_chunks(240);
    CHECK_EQ(walk().count, 0);
    for (int i = 0; i < CHUNKS; i++)
        give(chunks[i]);
    CHECK_EQ(walk().count, CHUNKS);
    CHECK_EQ(walk().bytes, CHUNKS * 240);
    CHECK_EQ(arena.free_bytes, CHUNKS * 240);
}

/* Whoever looks for large chunks must not pass by all small ones. */
TEST_CHILD(bins, a_walk_for_large_chunks_sees_no_small_bin)
{
    struct seen seen = {0, 0};

    make_chunks(240);
    struct chunk *large = take(40000);
    struct chunk *other = take(CHUNK_MIN);
    for (int i = 0; i < CHUNKS; i++)
        give(chunks[i]);
    give(large);
    bins_walk_large(&arena, 16384, see, &seen);
    CHECK_EQ(seen.count, 1);
    CHECK(seen.bytes >= 40000);
    CHECK(arena.unsorted == NULL);
    CHECK_EQ(walk().count, CHUNKS + 1);
    seen = (struct seen){0, 0};
    bins_walk(&arena, see_one, &seen);
    CHECK_EQ(seen.count, 1);
    CHECK_EQ(arena_check(&arena), NULL);
    give(other);
}

TEST_CHILD(bins, an_exact_fit_is_taken_from_the_unsorted_list)
{
    make_chunks(2000);
    struct chunk *other = take(4000);
    take(CHUNK_MIN);
    give(chunks[3]);
    give(other);
    CHECK(take(2000) == chunks[3]);
    CHECK(take(4000) == other);
    CHECK_EQ(walk().count, 0);
}

TEST_CHILD(bins, unsorted_chunks_move_to_their_bins)
{
    make_chunks(496);
    for (int i = 0; i < CHUNKS; i++)
        give(chunks[i]);
    CHECK(arena.unsorted != NULL);
    CHECK(arena.bins[bin_index(496)] == NULL);
    take(5008); /* nothing fits: all are sorted on the way */
    CHECK(arena.unsorted == NULL);
    CHECK(arena.bins[bin_index(496)] != NULL);
    CHECK_EQ(walk().count, CHUNKS);
}

TEST_CHILD(bins, the_bitmap_tells_which_bins_have_chunks)
{
    make_chunks(496);
    unsigned index = bin_index(496);
    give(chunks[0]);
    take(5008);
    CHECK((arena.binmap[index / 64] >> (index % 64) & 1) != 0);
    CHECK(take(496) == chunks[0]);
    CHECK((arena.binmap[index / 64] >> (index % 64) & 1) == 0);
    for (unsigned i = 0; i < BINMAP_WORDS; i++)
        CHECK(arena.binmap[i] == 0);
}

TEST_CHILD(bins, a_larger_chunk_is_split_and_its_rest_filed)
{
    make_chunks(3200);
    give(chunks[0]);
    struct chunk *part = take(1008);
    CHECK(part == chunks[0]);
    CHECK_EQ(chunk_size(part), 1008);
    CHECK_EQ(walk().count, 1);
    CHECK_EQ(walk().bytes, 3200 - 1008);
    CHECK(take(3200 - 1008) == chunk_next(part));
}

TEST_CHILD(bins, a_rest_too_small_for_a_chunk_stays_with_it)
{
    make_chunks(1024);
    give(chunks[0]);
    CHECK(take(1008) == chunks[0]);
    CHECK_EQ(chunk_size(chunks[0]), 1024);
    CHECK_EQ(walk().count, 0);
}

TEST_CHILD(bins, of_several_large_chunks_the_best_fit_is_taken)
{
    static const size_t sizes[] = {9200, 8720, 9008, 8800};
    struct chunk *some[4];

    arena_start(false);
    for (int i = 0; i < 4; i++) {
        some[i] = take(sizes[i]);
        take(CHUNK_MIN);
    }
    for (int i = 0; i < 4; i++)
        give(some[i]);
    struct chunk *got = take(8704);
    CHECK(got == some[1]);
}

TEST_CHILD(bins, unlink_takes_any_chunk_from_any_place)
{
    static const int order[] = {7, 0, CHUNKS - 1, 8, 6};

    for (int sorted = 0; sorted < 2; sorted++) {
        make_chunks(320);
        for (int i = 0; i < CHUNKS; i++)
            give(chunks[i]);
        if (sorted)
            take(5008);
        for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
            size_t before = walk().count;
            bins_unlink(&arena, chunks[order[i]]);
            CHECK_EQ(walk().count, before - 1);
        }
        CHECK_EQ(arena.free_bytes, walk().bytes);
    }
}

TEST_DIES(bins, a_tampered_link_is_fatal, "corrupted double-linked list")
{
    make_chunks(320);
    give(chunks[0]);
    give(chunks[1]);
    give(chunks[2]);
    chunks[1]->fd = chunks[5];
    bins_unlink(&arena, chunks[1]);
}

TEST_DIES(bins, a_tampered_size_on_the_unsorted_list_is_fatal, "invalid size")
{
    make_chunks(320);
    give(chunks[0]);
    memset((char *)chunks[0] + sizeof(size_t), 0x41, sizeof(size_t));
    arena_alloc(&arena, 5008);
}

TEST_DIES(bins, a_tampered_size_on_a_bin_is_fatal, "invalid size")
{
    make_chunks(320);
    give(chunks[0]);
    take(5008);
    memset((char *)chunks[0] + sizeof(size_t), 0x41, sizeof(size_t));
    arena_alloc(&arena, 320);
}
