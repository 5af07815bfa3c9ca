/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "layout/prof.h"
#include "prof/sampler.h"

#include <math.h>

TEST(sampler, exp_agrees_with_libm)
{
    for (double x = 0; x < 40; x += 0.0137) {
        double mine = sampler_exp_minus(x);
        if (fabs(mine - exp(-x)) > 1e-13 * exp(-x) + 1e-300)
            TEST_FAILED("exp(-%f) = %g, not %g", x, mine, exp(-x));
    }
    CHECK(sampler_exp_minus(1e9) < 1e-300);
}

TEST(sampler, logarithm_agrees_with_libm)
{
    uint64_t x = 1;

    for (int i = 0; i < 20000; i++) {
        double truth = -log((double)x / 0x1p64);
        double mine = sampler_exponential(x);
        if (fabs(mine - truth) > 1e-9 * fabs(truth) + 1e-9)
            TEST_FAILED("%ju: %.12f, not %.12f", (uintmax_t)x, mine, truth);
        x = x * 0x5851f42d4c957f2du + 0x14057b7ef767814fu;
        x += x == 0;
    }
}

TEST(sampler, weight_is_the_inverse_of_the_chance)
{
    static const size_t sizes[] = {1, 8, 100, 4096, 1 << 20, 64 << 20};

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (uint64_t period = 1; period <= PROF_PERIOD_MAX; period *= 16) {
            double chance = -expm1(-(double)sizes[i] / (double)period);
            double weight = (double)sampler_weight(sizes[i], period) / PROF_ONE;
            if (fabs(weight * chance - 1) > 2e-5)
                TEST_FAILED("%zu in %ju: %f", sizes[i], (uintmax_t)period,
                            weight);
        }
    }
    CHECK_EQ(sampler_weight(0, 1 << 20), sampler_weight(1, 1 << 20));
}

static double hits_of(size_t size, size_t bytes)
{
    double hits = 0;

    for (size_t done = 0; done < bytes; done += size)
        hits += sampler_passes(size) && sampler_is_hit(size);
    return hits;
}

/* Expected: bytes / period where sizes are small; 6 standard errors. */
TEST(sampler, hits_come_at_the_rate_that_was_asked_for)
{
    static const size_t sizes[] = {16, 100, 1000};

    sampler_set_period(10000);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        double chance = -expm1(-(double)sizes[i] / 10000);
        double wanted = 1e8 / (double)sizes[i] * chance;
        double hits = hits_of(sizes[i], 100000000);
        if (fabs(hits - wanted) > 6 * sqrt(wanted))
            TEST_FAILED("%.0f hits, not %.0f", hits, wanted);
    }
}

TEST(sampler, a_new_period_takes_effect_at_once)
{
    sampler_set_period(PROF_PERIOD_MAX);
    CHECK(hits_of(100, 1000000) < 2);
    sampler_set_period(1);
    CHECK(hits_of(100, 1000000) > 9990);
}
