/* SPDX-License-Identifier: MIT */
/*
 * Are the profile's estimates unbiased?  For each size, a site allocates
 * blocks and keeps every fourth; what the profile says of the site, live and
 * in all, must lie within five standard errors of the truth, which the design
 * predicts: of n blocks hit with probability p each,
 *
 *     variance of the estimated number = n (1 - p) / p
 *
 * With one thread, and with eight at once; pairs of malloc and free, which no
 * slow path of the allocator ever sees, are among it.  TEST_SCALE repeats.
 */
#include "profile.h"

#include <malloc.h>
#include <math.h>
#include <pthread.h>

enum { KEEP = 4, NKEPT_MAX = 70000 };

static const struct shape {
    size_t size;
    size_t count;
    size_t period;
} shapes[] = {
    {8, 200000, 4096},       {100, 200000, 16384},     {1000, 50000, 65536},
    {5000, 20000, 262144},   {40000, 4000, 262144},    {300000, 1000, 2097152},
    {5 << 20, 200, 2097152}, {64 << 20, 40, 67108864},
};

SITE(kept) static void *kept(size_t size)
{
    void *mem = launder(malloc(size));
    launder(mem); /* no tail call: this function must be on the stack */
    return mem;
}

SITE(freed) static void freed(size_t size)
{
    free(launder(malloc(size)));
}

/* One thread's part: `count` blocks, every KEEP-th of them stays. */
static size_t allocate(const struct shape *shape, void **mem)
{
    size_t n = 0;
    for (size_t i = 0; i < shape->count; i++) {
        if (i % KEEP == 0) {
            mem[n++] = kept(shape->size);
        } else {
            freed(shape->size);
        }
    }
    return n;
}

struct job {
    const struct shape *shape;
    void *mem[NKEPT_MAX];
    size_t n;
};

static void *job_run(void *arg)
{
    struct job *job = arg;
    job->n = allocate(job->shape, job->mem);
    return NULL;
}

static double hit_chance(const struct shape *shape)
{
    return -expm1(-(double)shape->size / (double)shape->period);
}

/* In standard errors of `count` blocks. */
static void check_close(const char *what, const struct shape *shape,
                        double estimate, double truth, double count)
{
    double p = hit_chance(shape);
    double error = sqrt(count * (1 - p) / p) * truth / count;
    double off = (estimate - truth) / (error > 0 ? error : truth * 1e-3);
    if (fabs(off) > 5) {
        TEST_FAILED("%s of %zu: %.0f for %.0f, %.1f standard errors", what,
                    shape->size, estimate, truth, off);
    }
}

static double check_shape(const struct shape *shape, unsigned nthreads)
{
    static struct job jobs[8];
    pthread_t threads[8];
    double n = (double)shape->count * nthreads;
    REQUIRE(liballoc_prof_start(shape->period) == 0);
    struct site_sums kept0 = site_sums(SITE_OF(kept));
    struct site_sums freed0 = site_sums(SITE_OF(freed));
    for (unsigned i = 0; i < nthreads; i++) {
        jobs[i].shape = shape;
        REQUIRE(pthread_create(&threads[i], NULL, job_run, &jobs[i]) == 0);
    }
    for (unsigned i = 0; i < nthreads; i++) {
        pthread_join(threads[i], NULL);
    }
    struct site_sums kept1 = site_sums(SITE_OF(kept));
    struct site_sums freed1 = site_sums(SITE_OF(freed));
    double alive = n / KEEP;
    double gone = n - alive;
    double size = (double)shape->size;
    check_close("live objects", shape, kept1.live_objects - kept0.live_objects,
                alive, alive);
    check_close("live bytes", shape, kept1.live_bytes - kept0.live_bytes,
                alive * size, alive);
    check_close("bytes of pairs", shape,
                freed1.alloc_bytes - freed0.alloc_bytes, gone * size, gone);
    check_close("pairs", shape, freed1.alloc_objects - freed0.alloc_objects,
                gone, gone);
    CHECK_EQ(freed1.live_samples, 0);
    CHECK(freed1.samples > freed0.samples);
    for (unsigned i = 0; i < nthreads; i++) {
        for (size_t j = 0; j < jobs[i].n; j++) {
            free(jobs[i].mem[j]);
        }
    }
    CHECK_EQ(site_sums(SITE_OF(kept)).live_samples, 0);
    CHECK(site_sums(SITE_OF(kept)).live_bytes < 1);
    return (kept1.live_bytes - kept0.live_bytes) / (alive * size);
}

static void check_shapes(unsigned nthreads)
{
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        double ratio = 0;
        for (unsigned n = 0; n < test_scale(); n++) {
            ratio += check_shape(&shapes[i], nthreads);
        }
        test_print(STDOUT_FILENO,
                   "  %u threads, %8zu bytes, period %8zu: live estimated at "
                   "%.3f of the truth\n",
                   nthreads, shapes[i].size, shapes[i].period,
                   ratio / test_scale());
    }
}

TEST(estimates, converge_with_one_thread)
{
    check_shapes(1);
}

TEST(estimates, converge_with_eight_threads)
{
    check_shapes(8);
}
