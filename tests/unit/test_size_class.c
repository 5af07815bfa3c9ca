/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "layout/slab.h"

TEST(size_class, every_size_gets_the_smallest_class_that_holds_it)
{
    for (size_t size = 1; size <= MEDIUM_MAX; size++) {
        unsigned cls = size_class(size);
        CHECK(cls < NCLASS);
        CHECK(size_class_bytes(cls) >= size);
        CHECK(cls == 0 || size_class_bytes(cls - 1) < size);
    }
}

TEST(size_class, floor_is_the_largest_class_that_fits)
{
    for (size_t size = 16; size <= MEDIUM_MAX; size++) {
        unsigned cls = size_class_floor(size);
        CHECK(cls < NCLASS);
        CHECK(size_class_bytes(cls) <= size);
        CHECK(cls + 1 == NCLASS || size_class_bytes(cls + 1) > size);
    }
}

TEST(size_class, classes_rise_by_multiples_of_16)
{
    for (unsigned cls = 0; cls < NCLASS; cls++) {
        CHECK_EQ(size_class_bytes(cls) % 16, 0);
        CHECK(cls == 0 || size_class_bytes(cls) > size_class_bytes(cls - 1));
        CHECK_EQ(size_class(size_class_bytes(cls)), cls);
        CHECK_EQ(size_class_floor(size_class_bytes(cls)), cls);
    }
}

TEST(size_class, the_ends_are_as_the_constants_say)
{
    CHECK_EQ(size_class_bytes(0), 16);
    CHECK_EQ(size_class_bytes(NCLASS - 1), MEDIUM_MAX);
    CHECK_EQ(size_class_bytes(NSLAB - 1), SLAB_MAX);
    CHECK_EQ(size_class(SMALL_MAX), NSLAB / 2 - 1);
}

TEST(size_class, rounding_wastes_at_most_an_eighth)
{
    for (size_t size = 257; size <= MEDIUM_MAX; size++) {
        size_t waste = size_class_bytes(size_class(size)) - size;
        CHECK(waste * 8 <= size);
    }
}

TEST(size_class, magic_tells_every_multiple_and_only_those)
{
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        uint32_t size = (uint32_t)size_class_bytes(cls);
        uint32_t magic = divide_magic(size);
        for (uint32_t offset = 0; offset < 65536; offset++)
            CHECK_EQ(is_multiple(offset, magic) != 0, offset % size == 0);
    }
}

TEST(size_class, magic_divides_every_multiple)
{
    for (uint32_t size = 16; size <= PAGE_BYTES; size += 16) {
        uint32_t magic = divide_magic(size);
        for (uint32_t n = 0; n * size < 65536; n++) {
            CHECK(is_multiple(n * size, magic));
            CHECK_EQ(divide_exact(n * size, magic), n);
        }
    }
}

TEST(size_class, no_object_crosses_a_page)
{
    for (unsigned cls = 0; cls < NSLAB; cls++)
        CHECK(PAGE_BYTES / size_class_bytes(cls) >= 1);
}
