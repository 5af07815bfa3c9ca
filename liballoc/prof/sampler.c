/* SPDX-License-Identifier: MIT */
#include "prof/sampler.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "layout/prof.h"
#include "os/os_env.h"

#include <string.h>

#define LN2 0.693147180559945309417

TLS_IE struct sampler thread_sampler;
_Atomic uint64_t sampler_period = 1;
_Atomic uint32_t sampler_generation;

void sampler_set_period(uint64_t period)
{
    /* stale ok: the generation says when to look */
    store_relaxed(&sampler_period, max_size(period, 1));
    /* stale ok: a thread that sees it late draws anew a little later */
    add_relaxed(&sampler_generation, 1);
}

static double from_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/*
 * x = m * 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s),
 * s = (m - 1) / (m + 1), |s| < 0.172: the next term of the series is below
 * 1e-10.
 */
static double log_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    double m = from_bits((bits & 0xfffffffffffffu) | 0x3ff0000000000000u);
    if (m > 1.41421356237309504880) {
        m /= 2;
        exponent++;
    }
    double s = (m - 1) / (m + 1);
    double q = s * s;
    double sum =
        1 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q * (1.0 / 9))));
    return exponent * LN2 + 2 * s * sum;
}

double sampler_exponential(uint64_t random)
{
    return 64 * LN2 - log_of((double)random);
}

double sampler_exp_minus(double x)
{
    if (x > 700)
        return 0;
    uint64_t halvings = (uint64_t)(x / LN2);
    double rest = (double)halvings * LN2 - x; /* in (-ln 2, 0] */
    double term = 1;
    double sum = 1;
    for (int i = 1; i < 20; i++) {
        term *= rest / i;
        sum += term;
    }
    return sum * from_bits((1023 - halvings) << 52);
}

uint64_t sampler_weight(size_t size, uint64_t period)
{
    double x = (double)max_size(size, 1) / (double)period;

    /* 1 - exp(-x) cancels where x is small: the series then. */
    double chance =
        x < 1e-5 ? x * (1 - x / 2 * (1 - x / 3)) : 1 - sampler_exp_minus(x);
    return (uint64_t)(PROF_ONE / chance + 0.5);
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift
   generators, scrambled". */
static uint64_t next_random(struct sampler *sampler)
{
    uint64_t x = sampler->random;

    if (x == 0)
        x = (os_random() ^ os_tid() * 0x9e3779b97f4a7c15u) | 1;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    sampler->random = x;
    return x * 0x2545f4914f6cdd1du;
}

static int64_t draw(struct sampler *sampler)
{
    /* stale ok: see sampler_period */
    double period = (double)load_relaxed(&sampler_period);
    double bytes = sampler_exponential(next_random(sampler) | 1) * period;

    return bytes < 0x1p62 ? (int64_t)bytes + 1 : INT64_MAX / 2;
}

bool sampler_is_hit(size_t size)
{
    struct sampler *sampler = &thread_sampler;
    /* stale ok: as above */
    uint32_t generation = load_relaxed(&sampler_generation);

    if (sampler->generation != generation) {
        sampler->generation = generation;
        sampler->left = draw(sampler) - (int64_t)size;
    }
    if (sampler->left > 0)
        return false;
    sampler->left = draw(sampler);
    return true;
}
