/* SPDX-License-Identifier: MIT */
#ifndef UNIT_HARDEN_H
#define UNIT_HARDEN_H
/*
 * What tests of the harden layer share: its start, as api/init.c makes it.
 * Tunables are off until a case sets them.
 */
#include "unit_heap.h"

#include "harden/canary.h"
#include "harden/guarded.h"
#include "harden/harden.h"
#include "harden/quarantine.h"
#include "harden/unwritten.h"
#include "harden/zero_block.h"

/* What fits in slabs comes from slabs, as in heap_start(). */
UNUSED static void harden_start(void)
{
    chunk_secret = 0x9e3779b97f4a7c15u;
    tunables.slab_after = 0;
    os_membarrier_init();
    thread_exit_init();
    REQUIRE(zone_init());
    harden_init();
    registry_set_slow(SLOW_ALWAYS, harden_wraps);
    REQUIRE(registry_init());
}

/* Everything that `harden:1` sets but for samples, which come at random. */
UNUSED static void harden_start_all(void)
{
    tunables.safe_links = 1;
    tunables.canary = 1;
    tunables.zero_free = 1;
    tunables.check_free = SIZE_MAX;
    tunables.quarantine = 64 * KIB;
    tunables.guard_zero = 1;
    tunables.guard_pages = 1;
    tunables.check_size = 1;
    harden_start();
}

UNUSED static unsigned char *harden_get(size_t size)
{
    bool fresh;
    unsigned char *mem = harden_alloc(size, &fresh);

    REQUIRE(mem != NULL);
    CHECK(size == 0 || harden_usable(mem) >= size);
    CHECK(!fresh || is_filled(mem, 0, size));
    return mem;
}

#endif
