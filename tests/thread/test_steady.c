/* SPDX-License-Identifier: MIT */
/*
 * A steady load for a long time: a hundred live blocks of mixed sizes, each
 * replaced at random.  What is live does not change, so neither may the
 * addresses in use, nor what is resident: growth of a few bytes an operation
 * is what kills servers after weeks.
 *
 * A CI run makes 96 windows of a million operations (hardened: a tenth);
 * scripts/soak as many times more as TEST_SCALE says.
 */
#include "black_box.h"
#include "test.h"

#include <pthread.h>

enum {
    LIVE = 100,
    WINDOW = 1000000,
    SETTLED = 16, /* windows until all sizes have been seen in all bins */
    WINDOWS = 96,
};

struct churn {
    unsigned char *mem[LIVE];
    unsigned random;
};

/*
 * One in sixteen is large: to 300 KB, beyond what bins and slabs serve.  The
 * generator is a poor one, and meant to be: its low bits repeat, so large
 * blocks come at equal distances, which once made a bin grow for ever.
 */
static void churn_window(struct churn *churn)
{
    /* Where each large block has guards, it takes its time. */
    unsigned steps = is_hardened() ? WINDOW / 10 : WINDOW;
    for (unsigned i = 0; i < steps; i++) {
        unsigned random = churn->random * 1103515245u + 12345u;
        unsigned at = random / 65536u % LIVE;
        size_t size = random % 16 == 0 ? random % 300000 : random / 16 % 2000;
        free(churn->mem[at]);
        churn->mem[at] = launder(malloc(size + 1));
        churn->mem[at][0] = 1;
        churn->random = random;
    }
}

struct figures {
    size_t addresses;
    size_t resident;
};

static struct figures figures_now(void)
{
    return (struct figures){self_status_bytes("VmData:"), self_resident()};
}

/* In a thread: its arena grows by page runs, the first one's by the break. */
static void *churn_all(void *unused)
{
    struct churn churn = {.random = 7920};
    struct figures settled = {0, 0};
    unsigned windows = WINDOWS * test_scale();
    (void)unused;
    for (unsigned i = 0; i < windows; i++) {
        churn_window(&churn);
        if (i + 1 == SETTLED) {
            settled = figures_now();
        }
    }
    struct figures end = figures_now();
    test_print(STDOUT_FILENO,
               "  addresses %zu KiB, then %zu KiB; resident %zu KiB, %zu KiB\n",
               settled.addresses / KIB, end.addresses / KIB,
               settled.resident / KIB, end.resident / KIB);
    CHECK(end.addresses <= settled.addresses + 24 * MIB);
    CHECK(end.resident <= settled.resident + 8 * MIB);
    for (unsigned i = 0; i < LIVE; i++) {
        free(churn.mem[i]);
    }
    return NULL;
}

TEST(steady_churn, in_a_thread_takes_no_more_with_time)
{
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, churn_all, NULL) == 0);
    pthread_join(thread, NULL);
}
