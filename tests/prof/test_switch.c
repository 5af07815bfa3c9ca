/* SPDX-License-Identifier: MIT */
/*
 * On and off at run time, in all threads at once, by call and by signal; what
 * is sampled is followed to its end: free by another thread, realloc, fork.
 * A period of one byte samples every block, so figures here are exact.
 */
#include "profile.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

static atomic_bool stop;
static atomic_ulong rounds;

SITE(busy) static void *busy(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        free(launder(malloc(100)));
        atomic_fetch_add(&rounds, 1);
    }
    return NULL;
}

SITE(exact) static void *exact(size_t size)
{
    void *mem = launder(malloc(size));
    launder(mem);
    return mem;
}

SITE(resized) static void *resized(void *mem, size_t size)
{
    mem = launder(realloc(mem, size));
    launder(mem);
    return mem;
}

SITE(zeroed) static void *zeroed(size_t n, size_t size)
{
    void *mem = launder(calloc(n, size));
    launder(mem);
    return mem;
}

SITE(aligned) static void *aligned(size_t align, size_t size)
{
    void *mem = launder(aligned_alloc(align, size));
    launder(mem);
    return mem;
}

/* Waits until the thread in busy() has gone round some more. */
static void wait_for_rounds(void)
{
    unsigned long now = atomic_load(&rounds);
    while (atomic_load(&rounds) < now + 100000) {
        sched_yield();
    }
}

TEST(profile, is_off_at_first)
{
    const struct prof *prof = profile_now();
    REQUIRE(prof != NULL);
    CHECK_EQ(prof->active, 0);
    CHECK_EQ(prof->memory, 0);
}

TEST(profile, starts_and_stops_in_running_threads)
{
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, busy, NULL) == 0);
    wait_for_rounds();
    for (int i = 0; i < 20; i++) {
        uint64_t before =
            profile_now()->stacks ? site_sums(SITE_OF(busy)).samples : 0;
        CHECK_EQ(liballoc_prof_start(1000), 0);
        wait_for_rounds();
        liballoc_prof_stop();
        wait_for_rounds();
        uint64_t during = site_sums(SITE_OF(busy)).samples;
        /* 100 000 rounds of 100 bytes: 10 000 samples; some rounds are late */
        if (during < before + 5000) {
            TEST_FAILED("%ju samples while on", (uintmax_t)(during - before));
        }
        wait_for_rounds();
        CHECK_EQ(site_sums(SITE_OF(busy)).samples, during);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    CHECK_EQ(site_sums(SITE_OF(busy)).live_samples, 0);
}

TEST(profile, follows_every_block)
{
    static const size_t sizes[] = {1,    40,    1000,    3000,
                                   5000, 70000, 1 << 20, 8 << 20};
    enum { NSIZES = sizeof sizes / sizeof *sizes, COPIES = 50 };
    void *mem[NSIZES][COPIES];
    /* 1 byte is hit with 1 - 1/e: all others with certainty. */
    REQUIRE(liballoc_prof_start(1) == 0);
    for (unsigned i = 0; i < NSIZES; i++) {
        for (unsigned j = 0; j < COPIES; j++) {
            mem[i][j] = exact(sizes[i]);
        }
    }
    liballoc_prof_stop();
    for (unsigned i = 1; i < NSIZES; i++) {
        for (unsigned j = 0; j < COPIES; j++) {
            const struct prof_sample *sample = sample_of(mem[i][j]);
            REQUIRE(sample != NULL);
            CHECK_EQ(sample->size, sizes[i]);
            CHECK_EQ(sample->usable, malloc_usable_size(mem[i][j]));
            CHECK_EQ(sample->tid, (uint32_t)gettid());
        }
    }
    uint64_t all = site_sums(SITE_OF(exact)).live_samples;
    CHECK(all > (NSIZES - 1) * COPIES && all <= NSIZES * COPIES);
    for (unsigned i = 0; i < NSIZES; i++) {
        for (unsigned j = 0; j < COPIES; j++) {
            free(mem[i][j]);
            CHECK(sample_of(mem[i][j]) == NULL);
        }
    }
    CHECK_EQ(site_sums(SITE_OF(exact)).live_samples, 0);
}

static void *free_all(void *arg)
{
    void **mem = arg;
    for (unsigned i = 0; i < 1000; i++) {
        free(mem[i]);
    }
    return NULL;
}

TEST(profile, follows_blocks_that_another_thread_frees)
{
    static void *mem[1000];
    pthread_t thread;
    REQUIRE(liballoc_prof_start(1) == 0);
    for (unsigned i = 0; i < 1000; i++) {
        mem[i] = exact(16 + i * 16);
    }
    liballoc_prof_stop();
    CHECK_EQ(site_sums(SITE_OF(exact)).live_samples, 1000);
    REQUIRE(pthread_create(&thread, NULL, free_all, mem) == 0);
    pthread_join(thread, NULL);
    CHECK_EQ(site_sums(SITE_OF(exact)).live_samples, 0);
}

/* Nothing is allocated: the stack that did stays, the size follows. */
TEST(profile, keeps_a_block_that_has_room)
{
    REQUIRE(liballoc_prof_start(1) == 0);
    void *mem = exact(3000);
    size_t usable = malloc_usable_size(mem);
    const struct prof_sample *sample = sample_of(mem);
    REQUIRE(sample != NULL);
    uint64_t born = sample->birth_ms;
    const size_t sizes[] = {2900, usable, usable / 2 + 1};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK(resized(mem, sizes[i]) == mem);
        sample = sample_of(mem);
        REQUIRE(sample != NULL);
        CHECK_EQ(sample->size, sizes[i]);
        CHECK_EQ(sample->birth_ms, born);
        CHECK_EQ(site_sums(SITE_OF(exact)).live_bytes, (double)sizes[i]);
        CHECK_EQ(site_sums(SITE_OF(resized)).samples, 0);
    }
    liballoc_prof_stop();
    CHECK(resized(mem, 2800) == mem);
    sample = sample_of(mem);
    CHECK(sample != NULL && sample->size == 2800);
    free(mem);
    CHECK_EQ(site_sums(SITE_OF(exact)).live_samples, 0);
}

/* Where it moves, or becomes another. */
TEST(profile, takes_a_resized_block_for_a_new_one)
{
    static const size_t steps[] = {100,  5000,    30000,    1 << 20,
                                   4000, 9 << 20, 12 << 20, 64};
    REQUIRE(liballoc_prof_start(1) == 0);
    void *mem = exact(50);
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        mem = resized(mem, steps[i]);
        const struct prof_sample *sample = sample_of(mem);
        REQUIRE(sample != NULL);
        CHECK_EQ(sample->size, steps[i]);
        CHECK_EQ(site_sums(SITE_OF(resized)).live_samples, 1);
        CHECK_EQ(site_sums(SITE_OF(exact)).live_samples, 0);
    }
    /* One that fails changes nothing. */
    CHECK(resized(mem, launder_size(SIZE_MAX / 2 + 2)) == NULL);
    const struct prof_sample *last = sample_of(mem);
    CHECK(last != NULL && last->size == 64);
    liballoc_prof_stop();
    /* Off: what is resized is no longer known. */
    mem = resized(mem, 2000);
    CHECK(sample_of(mem) == NULL);
    free(mem);
    CHECK_EQ(site_sums(SITE_OF(resized)).live_samples, 0);
}

TEST(profile, counts_every_entry)
{
    REQUIRE(liballoc_prof_start(1) == 0);
    void *a = zeroed(10, 50);
    void *b = aligned(4096, 8192);
    void *c = zeroed(1, 20000);
    liballoc_prof_stop();
    CHECK_EQ(site_sums(SITE_OF(zeroed)).live_samples, 2);
    CHECK_EQ(site_sums(SITE_OF(aligned)).live_samples, 1);
    CHECK_EQ(((char *)a)[499] | ((char *)c)[19999], 0);
    free(a);
    free(b);
    free(c);
    CHECK_EQ(site_sums(SITE_OF(zeroed)).live_samples, 0);
    CHECK_EQ(site_sums(SITE_OF(aligned)).live_samples, 0);
}

TEST(profile, remembers_its_peak)
{
    REQUIRE(liballoc_prof_start(1) == 0);
    uint64_t peak = profile_now()->peak_bytes;
    void *mem = exact(96 << 20);
    CHECK(profile_now()->peak_bytes >= (96 << 20));
    CHECK(profile_now()->peak_bytes >= peak);
    free(mem);
    liballoc_prof_stop();
    const struct prof *prof = profile_now();
    uint64_t at_peak = 0;
    for (uint64_t i = 0; i < prof->nstacks; i++) {
        const struct prof_stack *stack = &prof->stacks[i];
        at_peak += stack->peak_epoch == prof->peak_epoch ? stack->peak_bytes
                                                         : stack->live_bytes;
    }
    CHECK_EQ(at_peak, prof->peak_bytes);
}

TEST(profile, goes_on_in_the_child_of_a_fork)
{
    REQUIRE(liballoc_prof_start(1) == 0);
    void *mem = exact(3000);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        void *own = exact(4000);
        bool is_fine = sample_of(mem) != NULL && sample_of(own) != NULL;
        free(mem);
        free(own);
        _exit(is_fine && site_sums(SITE_OF(exact)).live_samples == 0 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_EQ(status, 0);
    liballoc_prof_stop();
    CHECK(sample_of(mem) != NULL);
    free(mem);
}

/* As heapinspect does it. */
static void ask(uint64_t what)
{
    union sigval value = {.sival_ptr = (void *)(uintptr_t)what};
    CHECK_EQ(sigqueue(getpid(), SIGUSR2, value), 0);
}

TEST(profile, obeys_its_signal)
{
    uint64_t number = 0;
    CHECK_EQ(liballoc_tunable_get("prof_signal", &number), 0);
    if (number != SIGUSR2) {
        SKIP("LIBALLOC_CONF has no prof_signal:12");
    }
    ask(PROF_ASK_ON | (uint64_t)1 << PROF_ASK_SHIFT);
    CHECK_EQ(profile_now()->active, 1);
    CHECK_EQ(profile_now()->period, 1);
    void *mem = exact(100);
    CHECK(sample_of(mem) != NULL);
    ask(PROF_ASK_OFF);
    CHECK_EQ(profile_now()->active, 0);
    free(mem);
    raise(SIGUSR2);
    CHECK_EQ(profile_now()->active, 1);
    CHECK_EQ(profile_now()->period, 2 << 20);
    raise(SIGUSR2);
    CHECK_EQ(profile_now()->active, 0);
}

/* A signal toggles it while threads allocate as fast as they can. */
TEST(profile, may_be_toggled_at_any_moment)
{
    uint64_t number = 0;
    liballoc_tunable_get("prof_signal", &number);
    if (number != SIGUSR2) {
        SKIP("LIBALLOC_CONF has no prof_signal:12");
    }
    pthread_t threads[3];
    atomic_store(&stop, false);
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, busy, NULL) == 0);
    }
    for (unsigned i = 0; i < 5000; i++) {
        ask(PROF_ASK_TOGGLE | (uint64_t)100 << PROF_ASK_SHIFT);
        free(exact(i * 16));
        if (i % 16 == 0) {
            sched_yield();
        }
    }
    ask(PROF_ASK_OFF);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    /* A request that came while this thread was busy waits for its next call
       of the slow path. */
    for (int i = 0; i < 100000 && profile_now()->active != 0; i++) {
        free(launder(malloc(300000)));
    }
    CHECK_EQ(profile_now()->active, 0);
    CHECK_EQ(site_sums(SITE_OF(busy)).live_samples, 0);
    CHECK_EQ(site_sums(SITE_OF(exact)).live_samples, 0);
}
