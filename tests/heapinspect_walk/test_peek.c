/* SPDX-License-Identifier: MIT */
/*
 * A process that allocates as fast as it can in four threads, looked at while
 * it runs: no verb crashes or hangs, and what `peek` says is as near to the
 * truth, which is what `stop` finds, as it claims to be.
 */
#include "watch.h"

#include "walk/ledger.h"
#include "walk/usage.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum {
    ROUNDS = 3,
    LOOKS = 8,
};

static const char *const verbs[] = {
    "heap", "arenas", "bins",    "buddy",    "chunks", "frag",  "pages",
    "pins", "slabs",  "threads", "tunables", "why",    "check",
};

/* Free, cached and live bytes by counts alone. */
struct look {
    size_t live;
    size_t unverified;
    unsigned torn;
    double stop_ms;
};

static struct look look_at(enum target_mode mode)
{
    struct look look = {0};
    struct model *model = model_open(mode);

    REQUIRE(model != NULL);
    struct usage *usage = usage_count(model);
    look.live = usage_live(usage);
    look.unverified = model_unverified(model);
    look.torn = model->torn_heaps + model->torn_zones;
    look.stop_ms = target_stop_ms(model->target);
    usage_free(usage);
    model_close(model);
    return look;
}

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000};

    (void)nanosleep(&pause, NULL);
}

TEST(peek, all_verbs_live_through_it)
{
    shadow_start("busy", "100000", "");
    pause_ms(300);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
            const char *const arguments[] = {verbs[i], "--limit", "0", NULL};
            int status = inspect(NULL, NULL, arguments);
            if (status != STATUS_FINE && status != STATUS_INCOMPLETE)
                TEST_FAILED("%s: status %d", verbs[i], status);
        }
    }
    shadow_stop();
}

TEST(stop, leaves_no_doubt)
{
    shadow_start("busy", "100000", "");
    pause_ms(300);
    for (unsigned i = 0; i < LOOKS; i++) {
        struct look look = look_at(MODE_STOP);
        CHECK(look.stop_ms > 0);
        /* A thread may be stopped in the midst of a change: it says so. */
        CHECK(look.torn == 0 || look.unverified > 0);
    }
    shadow_stop();
}

/* The heap does not grow any more: what stop finds is a narrow band. */
TEST(peek, error_is_what_it_says)
{
    size_t low = SIZE_MAX;
    size_t high = 0;

    shadow_start("busy", "40000", "");
    pause_ms(900);
    for (unsigned i = 0; i < LOOKS; i++) {
        struct look look = look_at(MODE_STOP);
        low = look.live < low ? look.live : low;
        high = look.live > high ? look.live : high;
        pause_ms(20);
    }
    /* It breathes a little between two looks. */
    size_t band = (high - low) + high / 20;
    for (unsigned i = 0; i < LOOKS; i++) {
        struct look look = look_at(MODE_PEEK);
        size_t error = look.unverified + band;
        if (look.live + error < low || look.live > high + error) {
            TEST_FAILED("%zu live, %zu unverified; by stop %zu to %zu",
                        look.live, look.unverified, low, high);
        }
    }
    shadow_stop();
}

/* A process that was stopped by others is still: peek is exact, like stop. */
TEST(peek, is_stop_where_nothing_moves)
{
    shadow_start("busy", "40000", "");
    pause_ms(300);
    REQUIRE(kill(shadow.pid, SIGSTOP) == 0);
    pause_ms(100);
    struct look peek = look_at(MODE_PEEK);
    struct look stop = look_at(MODE_STOP);
    CHECK_EQ(peek.live, stop.live);
    CHECK_EQ(peek.torn, stop.torn);
    struct model *model = model_open(MODE_PEEK);
    REQUIRE(model != NULL);
    struct ledger *ledger = ledger_take(model);
    if (peek.torn == 0 && ledger_residue(ledger) >= .01)
        TEST_FAILED("rss %zu, shares %zu", ledger->rss, ledger->total);
    free(ledger);
    model_close(model);
    shadow_stop();
}
