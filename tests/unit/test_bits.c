/* SPDX-License-Identifier: MIT */
#include "unit.h"

enum { BITS = 300, WORDS = (BITS + 63) / 64 + 1 };

static bool bit_is_set(const uint64_t *map, size_t bit)
{
    return (map[bit / 64] >> (bit % 64) & 1) != 0;
}

static void map_fill(uint64_t *map)
{
    for (size_t i = 0; i < WORDS; i++)
        map[i] = random_next() & random_next();
}

TEST(bits, is_pow2_of_each_single_bit_and_of_nothing_else)
{
    CHECK(!is_pow2(0));
    for (unsigned i = 0; i < 64; i++)
        CHECK(is_pow2((size_t)1 << i));
    CHECK(!is_pow2(3));
    CHECK(!is_pow2(SIZE_MAX));
    CHECK(!is_pow2(((size_t)1 << 63) + 1));
}

TEST(bits, log2_floor_and_ceil_bracket_the_number)
{
    CHECK_EQ(log2_floor(1), 0);
    CHECK_EQ(log2_ceil(1), 0);
    CHECK_EQ(log2_floor(SIZE_MAX), 63);
    CHECK_EQ(log2_ceil(SIZE_MAX), 64);
    for (size_t x = 2; x < 70000; x++) {
        size_t below = (size_t)1 << log2_floor(x);
        size_t above = (size_t)1 << log2_ceil(x);
        CHECK(below <= x && x < 2 * below);
        CHECK(above >= x && above / 2 < x);
    }
}

TEST(bits, round_up_and_down_give_the_nearest_multiples)
{
    for (size_t align = 1; align <= 4096; align *= 2) {
        for (size_t x = 0; x < 9000; x += 7) {
            size_t up = round_up(x, align);
            size_t down = round_down(x, align);
            CHECK(up % align == 0 && up >= x && up - x < align);
            CHECK(down % align == 0 && down <= x && x - down < align);
        }
    }
}

TEST(bits, round_up_wraps_to_0_on_overflow)
{
    CHECK_EQ(round_up(SIZE_MAX, 4096), 0);
    CHECK_EQ(round_up(SIZE_MAX - 4094, 4096), 0);
    CHECK_EQ(round_up(SIZE_MAX - 4095, 4096), SIZE_MAX - 4095);
}

TEST(bits, clamp_keeps_within_both_bounds)
{
    CHECK_EQ(clamp_size(5, 10, 20), 10);
    CHECK_EQ(clamp_size(15, 10, 20), 15);
    CHECK_EQ(clamp_size(25, 10, 20), 20);
    CHECK_EQ(min_size(1, 2), 1);
    CHECK_EQ(max_size(1, 2), 2);
}

TEST(bits, bit_mask_of_a_whole_word_is_all_ones)
{
    CHECK(bit_mask(0, 64) == ~(uint64_t)0);
    CHECK(bit_mask(63, 1) == (uint64_t)1 << 63);
    CHECK_EQ(bit_mask(4, 3), 0x70);
}

TEST(bits, bitmap_set_count_and_clear_agree_with_single_bits)
{
    uint64_t map[WORDS];
    uint64_t before[WORDS];

    for (int round = 0; round < 2000; round++) {
        size_t first = random_below(BITS);
        size_t n = random_below(BITS - first + 1);
        size_t set = 0;
        map_fill(map);
        memcpy(before, map, sizeof(map));
        for (size_t bit = first; bit < first + n; bit++)
            set += bit_is_set(map, bit);
        CHECK_EQ(bitmap_count(map, first, n), set);
        bool setting = random_below(2) != 0;
        size_t changed =
            setting ? bitmap_set(map, first, n) : bitmap_clear(map, first, n);
        CHECK_EQ(changed, setting ? n - set : set);
        for (size_t bit = 0; bit < BITS; bit++) {
            bool inside = bit >= first && bit < first + n;
            bool want = inside ? setting : bit_is_set(before, bit);
            CHECK_EQ(bit_is_set(map, bit), want);
        }
    }
}

TEST(bits, bitmap_of_no_bits_is_neither_read_nor_written)
{
    CHECK_EQ(bitmap_count(NULL, 64, 0), 0);
    CHECK_EQ(bitmap_set(NULL, 0, 0), 0);
    CHECK_EQ(bitmap_clear(NULL, 63, 0), 0);
}

TEST(bits, bitmap_next_finds_what_a_walk_finds)
{
    uint64_t map[WORDS];

    for (int round = 0; round < 2000; round++) {
        bool set = random_below(2) != 0;
        size_t from = random_below(BITS);
        size_t end = from + random_below(BITS - from + 1);
        map_fill(map);
        size_t want = from;
        while (want < end && bit_is_set(map, want) != set)
            want++;
        CHECK_EQ(bitmap_next(map, from, end, set), want);
    }
}

TEST(bits, bitmap_last_finds_what_a_walk_finds)
{
    uint64_t map[WORDS];

    for (int round = 0; round < 2000; round++) {
        size_t from = random_below(BITS);
        size_t first = random_below(from + 1);
        map_fill(map);
        if (random_below(2) != 0)
            bitmap_clear(map, first, from + 1 - first);
        size_t want = from;
        while (want > first && !bit_is_set(map, want))
            want--;
        CHECK_EQ(bitmap_last(map, first, from),
                 bit_is_set(map, want) ? want : SIZE_MAX);
    }
}

TEST(bits, bitmap_next_stops_at_end_when_there_is_none)
{
    uint64_t map[2] = {0, 0};

    CHECK_EQ(bitmap_next(map, 0, 100, true), 100);
    map[1] = (uint64_t)1 << 50; /* bit 114: behind the end */
    CHECK_EQ(bitmap_next(map, 0, 100, true), 100);
    CHECK_EQ(bitmap_next(map, 0, 128, true), 114);
    CHECK_EQ(bitmap_next(map, 7, 7, true), 7);
}
