/* SPDX-License-Identifier: MIT */
/*
 * The ledger adds up to what the kernel counts, the walk to what the shadow
 * holds, and no invariant is broken: on several patterns.
 */
#include "watch.h"

#include "walk/check.h"
#include "walk/ledger.h"
#include "walk/pins.h"
#include "walk/why.h"

#include <stdlib.h>

static void say(void *data, enum invariant broken, uintptr_t address,
                const char *detail)
{
    size_t *count = data;

    if (++*count <= 5) {
        test_print(STDOUT_FILENO, "  %s at 0x%lx %s\n",
                   invariant_broken(broken), address, detail);
    }
}

/* What the program asked for is live, and little more than it. */
static void check_live(const struct ledger *ledger)
{
    size_t asked = 0;

    for (size_t i = 0; i < shadow.nlive; i++)
        asked += shadow.records[i].size;
    CHECK(ledger->count[SHARE_LIVE] >= shadow.nlive);
    CHECK(ledger->count[SHARE_LIVE] <= shadow.nlive + 100);
    CHECK(ledger->bytes[SHARE_LIVE] >= asked);
    CHECK(ledger->bytes[SHARE_LIVE] <= asked + asked / 4 + (1 << 20));
}

static void check_sums(const struct ledger *ledger)
{
    size_t tenths = 0;

    for (unsigned i = 0; i < NTENTHS; i++)
        tenths += ledger->occupancy[UNIT_PAGE].resident[i];
    CHECK_EQ(tenths, ledger->total);
    CHECK(ledger->known);
    CHECK_EQ(ledger->unread, 0);
    CHECK_EQ(ledger->use[SHARE_UNKNOWN].resident, 0);
    CHECK(ledger->rss > 0);
    if (ledger_residue(ledger) >= .01) {
        TEST_FAILED("rss %zu, shares %zu", ledger->rss, ledger->total);
    }
}

static void check_pattern(const char *pattern, const char *slots,
                          const char *conf)
{
    struct checker checker;
    size_t broken = 0;

    shadow_start(pattern, slots, conf);
    struct model *model = model_open(MODE_STOP);
    REQUIRE(model != NULL);
    CHECK_EQ(model->faults, 0);
    struct ledger *ledger = ledger_take(model);
    check_sums(ledger);
    check_live(ledger);
    check_all(&checker, model, say, &broken);
    CHECK_EQ(broken, 0);
    CHECK_EQ(checker.left_out, 0);
    free(ledger);
    model_close(model);
    shadow_stop();
}

TEST(ledger, adds_up_for_sizes_of_all_kinds)
{
    check_pattern("mixed", "200000", "");
}

TEST(ledger, adds_up_in_classic_mode)
{
    check_pattern("mixed", "100000", "slab_max:0");
}

TEST(ledger, adds_up_for_small_objects)
{
    check_pattern("small", "400000", "");
}

TEST(ledger, adds_up_for_chunks)
{
    check_pattern("chunks", "8000", "");
}

TEST(ledger, adds_up_for_runs_and_mappings)
{
    check_pattern("large", "400", "");
}

TEST(ledger, adds_up_after_most_was_freed)
{
    check_pattern("sparse", "400000", "");
}

TEST(ledger, adds_up_after_all_was_freed)
{
    check_pattern("burst", "100000", "");
}

TEST(ledger, adds_up_where_all_goes_back_at_once)
{
    check_pattern("mixed", "100000", "purge_delay:0,dirty_min:0,mmap_cache:0");
}

TEST(ledger, adds_up_with_huge_pages)
{
    check_pattern("mixed", "200000", "hugepage_ratio:4");
}

/* Bytes of all stretches, as far as they are resident, by reason. */
struct reasons {
    struct resident *resident;
    size_t held[NWHYS];
    size_t total;
};

static void add_reason(void *data, const struct why_part *part)
{
    struct reasons *reasons = data;
    size_t held = resident_bytes(reasons->resident, part->start, part->size);

    CHECK(part->why != WHY_GONE || held == 0);
    reasons->held[part->why] += held;
    reasons->total += held;
}

static void find_reasons(const struct model *model, struct reasons *reasons)
{
    static struct why_walk walk;
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    struct block_walk blocks;
    struct block block;

    why_begin(&walk, model, freelist, reasons->resident);
    block_walk_begin(&blocks, model);
    while (block_walk_next(&blocks, &block))
        why_block(&walk, &block, add_reason, reasons);
    why_end(&walk);
    freelist_free(freelist);
}

/* All that is resident stays for some reason, and for one only. */
TEST(why, has_a_reason_for_every_byte)
{
    struct resident resident;
    struct reasons reasons = {.resident = &resident};

    shadow_start("sparse", "200000", "");
    struct model *model = model_open(MODE_PEEK);
    REQUIRE(model != NULL);
    resident_begin(&resident, model->target);
    struct ledger *ledger = ledger_take(model);
    find_reasons(model, &reasons);
    CHECK(reasons.total <= ledger->total);
    CHECK(reasons.total >= ledger->total - ledger->total / 100);
    CHECK_EQ(reasons.held[WHY_UNKNOWN], 0);
    CHECK(reasons.held[WHY_LIVE] >= ledger->use[SHARE_LIVE].resident);
    CHECK(reasons.held[WHY_PINNED] > 0);
    CHECK_EQ(reasons.held[WHY_META], ledger->use[SHARE_META].resident);
    size_t cached = reasons.held[WHY_CACHED] + reasons.held[WHY_SENT];
    CHECK(cached >= ledger->use[SHARE_CACHED].resident / 2);
    free(ledger);
    resident_end(&resident);
    model_close(model);
    shadow_stop();
}

/* Every object that pins names is live, and alone with as few as it says. */
TEST(pins, are_live_objects_of_their_units)
{
    shadow_start("sparse", "200000", "slab_after:0");
    struct model *model = model_open(MODE_PEEK);
    REQUIRE(model != NULL);
    struct pins *pins = pins_find(model, 50, 1000);
    CHECK(pins->count > 100);
    size_t strangers = 0;
    for (size_t i = 0; i < pins->ntop; i++) {
        const struct pin *pin = &pins->top[i];
        const struct shadow_record *record = shadow_before(pin->object.mem);
        bool is_live = record != NULL && record->mem == pin->object.mem;
        strangers += !is_live;
        CHECK(pin->live <= pin->resident / 2);
        CHECK(i == 0 || pins->top[i - 1].gain >= pin->gain);
    }
    /* Objects of libc itself: a few. */
    CHECK(strangers <= 20);
    pins_free(pins);
    model_close(model);
    shadow_stop();
}
