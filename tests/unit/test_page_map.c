/* SPDX-License-Identifier: MIT */
#include "unit_page.h"

TEST(page_map, tags_keep_id_and_kind)
{
    for (uint32_t id = 0; id < 70000; id += 999) {
        uint32_t tag = tag_make(id, KIND_CHUNK);
        CHECK_EQ(tag_heap_id(tag), id);
        CHECK_EQ(tag_kind(tag), KIND_CHUNK);
    }
}

TEST(page_map, page_numbers_and_addresses_are_inverse)
{
    uintptr_t base = (uintptr_t)1 << 40;

    CHECK_EQ(page_pfn(base, base), 0);
    CHECK_EQ(page_pfn(base, base + PAGE_BYTES - 1), 0);
    CHECK_EQ(page_pfn(base, base + PAGE_BYTES), 1);
    for (size_t pfn = 0; pfn < 100000; pfn += 77)
        CHECK_EQ(page_pfn(base, page_address(base, pfn)), pfn);
}

TEST(page_map, buddies_are_mutual)
{
    for (unsigned order = 0; order < MAX_ORDER; order++) {
        for (size_t pfn = 0; pfn < 4096; pfn += (size_t)1 << order) {
            size_t other = buddy_of(pfn, order);
            CHECK(other != pfn && buddy_of(other, order) == pfn);
        }
    }
}

TEST(page_map, before_the_first_zone_no_address_is_known)
{
    struct page_ref ref;
    int here = 0;

    CHECK(!page_lookup((uintptr_t)&here, &ref));
    CHECK(!page_lookup(0, &ref));
}

TEST_CHILD(page_map, addresses_outside_of_the_span_are_in_no_zone)
{
    struct page_ref ref = {NULL, 7, 7};

    REQUIRE(zone_init());
    uintptr_t end = page_address(zones[0].base, zones[0].npages);
    CHECK(!page_lookup(zones[0].base - 1, &ref));
    CHECK(!page_lookup(end, &ref));
    CHECK(!page_lookup(UINTPTR_MAX, &ref));
    CHECK_EQ(ref.pfn, 7);
    CHECK(page_lookup(end - 1, &ref));
    CHECK_EQ(ref.pfn, zones[0].npages - 1);
}

TEST_CHILD(page_map, every_byte_of_a_block_finds_its_page_and_tag)
{
    struct page_ref ref;

    REQUIRE(zone_init());
    struct page *page = zone_alloc(2);
    REQUIRE(page != NULL);
    uintptr_t mem = (uintptr_t)page_mem(page);
    tag_set(page_zone(page), page_number(page), 4, tag_make(5, 9));
    for (size_t at = 0; at < 4 * PAGE_BYTES; at += 61) {
        CHECK(page_lookup(mem + at, &ref));
        CHECK_EQ(ref.tag, tag_make(5, 9));
        CHECK(page_of(&ref) == page + at / PAGE_BYTES);
        CHECK(ref.zone == &zones[0]);
    }
    CHECK(page_lookup(mem + 4 * PAGE_BYTES, &ref));
    CHECK_EQ(ref.tag, 0);
}

TEST_CHILD(page_map, reserved_pages_have_the_tag_of_nobody)
{
    struct page_ref ref;

    REQUIRE(zone_init());
    for (size_t pfn = 0; pfn < zones[0].npages; pfn += zones[0].npages / 64) {
        CHECK(page_lookup(page_address(zones[0].base, pfn), &ref));
        CHECK_EQ(ref.tag, 0);
    }
}

TEST_CHILD(page_map, pages_of_a_second_zone_are_found)
{
    struct page_ref ref;

    REQUIRE(zone_init());
    zone_close(&zones[0]);
    struct page *page = zone_alloc(0);
    REQUIRE(page != NULL);
    CHECK(page_lookup((uintptr_t)page_mem(page) + 5, &ref));
    CHECK(ref.zone == &zones[1]);
    CHECK(page_of(&ref) == page);
}

TEST_CHILD(page_map, brk_tags_are_set_where_the_span_reaches)
{
    struct page_ref ref;

    REQUIRE(zone_init());
    if (zones[0].first == 0)
        return;
    uintptr_t start = round_up((uintptr_t)os_brk_current(), PAGE_BYTES);
    CHECK(tag_set_brk(start, start + 3 * PAGE_BYTES, 0x137));
    CHECK(page_lookup(start + 3 * PAGE_BYTES - 1, &ref));
    CHECK_EQ(ref.tag, 0x137);
    CHECK(page_lookup(start + 3 * PAGE_BYTES, &ref));
    CHECK_EQ(ref.tag, 0);
    /* Far up, behind what the first call made writable. */
    uintptr_t far = page_address(zones[0].base, zones[0].first) - PAGE_BYTES;
    CHECK(tag_set_brk(far, far + PAGE_BYTES, 0x138));
    CHECK(page_lookup(far, &ref));
    CHECK_EQ(ref.tag, 0x138);
}

TEST_CHILD(page_map, brk_tags_outside_of_the_span_are_refused)
{
    REQUIRE(zone_init());
    uintptr_t first = page_address(zones[0].base, zones[0].first);
    CHECK(!tag_set_brk(first, first + PAGE_BYTES, 1));
    CHECK(!tag_set_brk(first - PAGE_BYTES, first + 1, 1));
    CHECK(!tag_set_brk(zones[0].base - 1, zones[0].base + 1, 1));
}

TEST_CHILD(page_map, brk_tags_that_cannot_be_written_are_refused)
{
    REQUIRE(zone_init());
    if (zones[0].first == 0)
        return;
    uintptr_t start = round_up((uintptr_t)os_brk_current(), PAGE_BYTES);
    fault(OS_MPROTECT, 1, true);
    CHECK(!tag_set_brk(start, start + PAGE_BYTES, 77));
    fault_none();
    CHECK(tag_set_brk(start, start + PAGE_BYTES, 77));
}
