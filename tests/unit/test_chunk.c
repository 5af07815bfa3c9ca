/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "arena/chunk.h"

/* The header lies behind prev_size; its name is poisoned. */
static struct chunk chunks[64];

static void flip(struct chunk *chunk, unsigned bit)
{
    size_t word;
    char *at = (char *)chunk + sizeof(size_t);

    memcpy(&word, at, sizeof(word));
    word ^= (size_t)1 << bit;
    memcpy(at, &word, sizeof(word));
}

static void start(void)
{
    chunk_secret = 0x9e3779b97f4a7c15u;
    memset(chunks, 0, sizeof(chunks));
}

TEST(chunk, a_header_keeps_size_and_flags)
{
    start();
    for (size_t flags = 0; flags <= CHUNK_FLAGS; flags++) {
        for (size_t size = 16; size < (size_t)1 << 44; size *= 2) {
            chunk_set(&chunks[0], size, flags);
            CHECK_EQ(chunk_size(&chunks[0]), size);
            CHECK_EQ(chunk_flags(&chunks[0]), flags);
            CHECK(chunk_is_valid(&chunks[0]));
        }
    }
}

TEST(chunk, every_changed_bit_but_prev_inuse_is_seen)
{
    static const size_t sizes[] = {32, 48, 1040, 65552, (size_t)1 << 32};

    start();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        chunk_set(&chunks[i], sizes[i], PREV_INUSE | NON_MAIN_ARENA);
        for (unsigned bit = 0; bit < 64; bit++) {
            flip(&chunks[i], bit);
            bool valid = chunk_is_valid(&chunks[i]);
            if (valid != (bit == 0))
                TEST_FAILED("size %zu, bit %u: valid is %d", sizes[i], bit,
                            valid);
            flip(&chunks[i], bit);
        }
        CHECK(chunk_is_valid(&chunks[i]));
    }
}

TEST(chunk, prev_inuse_changes_without_a_new_checksum)
{
    start();
    chunk_set(&chunks[0], 64, IS_MMAPPED);
    CHECK(!chunk_prev_inuse(&chunks[0]));
    chunk_set_prev_inuse(&chunks[0], true);
    CHECK(chunk_prev_inuse(&chunks[0]) && chunk_is_valid(&chunks[0]));
    chunk_set_prev_inuse(&chunks[0], false);
    CHECK(!chunk_prev_inuse(&chunks[0]) && chunk_is_valid(&chunks[0]));
}

TEST(chunk, a_header_copied_elsewhere_is_not_valid)
{
    int valid = 0;

    start();
    chunk_set(&chunks[0], 64, PREV_INUSE);
    for (size_t i = 1; i < ARRAY_SIZE(chunks); i++) {
        memcpy(&chunks[i], &chunks[0], sizeof(chunks[0]));
        valid += chunk_is_valid(&chunks[i]);
    }
    CHECK_EQ(valid, 0);
}

TEST(chunk, zero_bytes_and_text_are_no_header)
{
    start();
    CHECK(!chunk_is_valid(&chunks[0]));
    memset(chunks, 'A', sizeof(chunks));
    CHECK(!chunk_is_valid(&chunks[0]));
    chunk_set(&chunks[1], 64, 0);
    chunk_wipe(&chunks[1]);
    CHECK(!chunk_is_valid(&chunks[1]));
}

TEST(chunk, another_secret_is_another_checksum)
{
    start();
    chunk_set(&chunks[0], 64, 0);
    chunk_secret ^= 0x123456789;
    CHECK(!chunk_is_valid(&chunks[0]));
}

TEST(chunk, memory_and_header_are_16_bytes_apart)
{
    CHECK(mem_to_chunk(chunk_to_mem(&chunks[1])) == &chunks[1]);
    CHECK_EQ((uintptr_t)chunk_to_mem(&chunks[1]) - (uintptr_t)&chunks[1], 16);
}

TEST(chunk, neighbours_are_found_by_the_sizes)
{
    start();
    struct chunk *next = chunk_at((uintptr_t)&chunks[0] + 128);
    chunk_set(&chunks[0], 128, 0);
    next->prev_size = 128;
    CHECK(chunk_next(&chunks[0]) == next);
    CHECK(chunk_after(&chunks[0], 128) == next);
    CHECK(chunk_prev(next) == &chunks[0]);
}

TEST(chunk, a_request_gets_the_smallest_chunk_that_holds_it)
{
    for (size_t size = 0; size < 10000; size++) {
        size_t bytes = chunk_size_for(size);
        CHECK_EQ(bytes % 16, 0);
        CHECK(bytes >= CHUNK_MIN);
        CHECK(chunk_usable(bytes) >= size);
        CHECK(bytes == CHUNK_MIN || chunk_usable(bytes - 16) < size);
    }
}
