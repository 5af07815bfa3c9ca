/* SPDX-License-Identifier: MIT */
/*
 * Signals that hit malloc and free.  What holds: a handler may do anything,
 * allocate or siglongjmp out, where it interrupted code outside of the
 * allocator, and may return wherever it likes.  Inside, malloc and free are no
 * more async-signal-safe than glibc's: a handler that allocates or jumps there
 * finds bins between two stores or a lock of its own thread.  signal_probe.c
 * shows what becomes of such a program.
 *
 * A CI run takes 20 000 interrupts in each case, scripts/soak 1 000 000
 * (TEST_SCALE=50).
 */
#include "pest.h"
#include "test.h"

enum { INTERRUPTS = 20000 };

static unsigned interrupts(void)
{
    return INTERRUPTS * test_scale();
}

static void say(const char *what)
{
    test_print(STDOUT_FILENO,
               "  %u interrupts, %u of them in malloc or free%s\n",
               atomic_load(&pest_hits), atomic_load(&pest_inside), what);
    CHECK(atomic_load(&pest_inside) > interrupts() / 2000);
}

static void count(int signal_number)
{
    (void)signal_number;
    pest_hit();
}

TEST(signals, that_return_change_nothing)
{
    timer_t pest;
    bool held = true;
    REQUIRE(pest_start(&pest, count));
    while (held && atomic_load(&pest_hits) < interrupts()) {
        held = pest_step();
    }
    pest_end(pest);
    CHECK(held);
    say("");
    pest_clear();
}

static sigjmp_buf out;
static volatile unsigned jumps;

static void jump(void)
{
    siglongjmp(out, 1);
}

/* The handler: at once, or when the interrupted code is through. */
static void do_when_allowed(int signal_number)
{
    (void)signal_number;
    pest_hit();
    if (critical) {
        wanted = 1;
    } else {
        pest_deed();
    }
}

TEST(signals, handlers_may_siglongjmp_from_outside_the_allocator)
{
    timer_t pest;
    volatile bool held = true;
    pest_deed = jump;
    jumps = 0;
    critical = 1; /* until there is somewhere to jump to */
    REQUIRE(pest_start(&pest, do_when_allowed));
    if (sigsetjmp(out, 1) != 0) {
        jumps++;
        critical = 0;
    }
    while (held && jumps < interrupts()) {
        held = pest_step();
    }
    critical = 1;
    pest_end(pest);
    critical = wanted = 0;
    CHECK(held);
    say(", jumped out after it");
    pest_clear();
}

static struct block handlers[64]; /* what handlers allocated */
static uint64_t handlers_random = 7;
static volatile bool handlers_held = true;

/* A handler that keeps what it allocates; the next ones free it. */
static void allocate(void)
{
    uint64_t random = random_next(&handlers_random);
    struct block *block = &handlers[random % 64];
    if (block->mem != NULL) {
        if (contents_wrong(block, block->size) != SIZE_MAX) {
            handlers_held = false;
        }
        free(block->mem);
    }
    block->size = random_part(random, 3000);
    block->seed = (uint32_t)random;
    block->mem = launder(malloc(block->size));
    contents_write(block);
}

TEST(signals, handlers_may_allocate_outside_the_allocator)
{
    timer_t pest;
    bool held = true;
    pest_deed = allocate;
    REQUIRE(pest_start(&pest, do_when_allowed));
    while (held && atomic_load(&pest_hits) < interrupts()) {
        held = pest_step();
    }
    pest_end(pest);
    CHECK(held);
    CHECK(handlers_held);
    say(", allocated after it");
    pest_clear();
}
