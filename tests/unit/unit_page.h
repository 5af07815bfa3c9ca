/* SPDX-License-Identifier: MIT */
#ifndef UNIT_PAGE_H
#define UNIT_PAGE_H
/*
 * What tests of the page layer and above share.
 */
#include "unit.h"

#include "os/os_mem.h"
#include "page/zone.h"

#include <sys/mman.h>

/* Address space limits and child processes of the sanitizers do not mix. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool is_sanitized = true;
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
static const bool is_sanitized = true;
#    else
static const bool is_sanitized = false;
#    endif
#else
static const bool is_sanitized = false;
#endif

UNUSED static void fault(enum os_call call, size_t at, bool all_after)
{
    os_fault =
        (struct os_fault){.call = call, .at = at, .all_after = all_after};
}

UNUSED static void fault_none(void)
{
    os_fault = (struct os_fault){.at = 0};
}

UNUSED static void check_zones(void)
{
    for (unsigned i = 0; i < zone_count; i++)
        CHECK_NULL_TEXT(zone_check(&zones[i]));
}

/* The zone as if its span ended at the frontier: no growth. */
UNUSED static void zone_close(struct zone *zone)
{
    zone->npages = zone->frontier;
}

/* System pages of the range that the kernel holds memory for. */
UNUSED static size_t resident_pages(const void *mem, size_t size)
{
    size_t count = 0;

    for (size_t at = 0; at < size; at += os_page_size()) {
        unsigned char in_core = 0;
        mincore((void *)((uintptr_t)mem + at), 1, &in_core);
        count += in_core & 1;
    }
    return count;
}

#endif
