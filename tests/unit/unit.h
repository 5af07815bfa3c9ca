/* SPDX-License-Identifier: MIT */
#ifndef UNIT_H
#define UNIT_H
/*
 * What the unit tests share.  Each test links the layers up to the one it
 * tests, never api/: malloc in these programs is glibc's.  A case that needs
 * the layers' global state (zones, heaps, brk) runs in a child of its own,
 * and so starts from nothing.
 */
#include "test.h"

#include "base/bits.h"
#include "base/compiler.h"
#include "base/config.h"

#include <signal.h>

/* A case that runs in a forked child. */
#define TEST_CHILD(module, sentence)                                         \
    static void child_##module##_##sentence(void *unused);                   \
    TEST(module, sentence)                                                   \
    {                                                                        \
        CHECK_EQ(test_child(child_##module##_##sentence, NULL, NULL, 0), 0); \
    }                                                                        \
    NO_THREAD_SAFETY static void child_##module##_##sentence(                \
        UNUSED void *unused)

/* A case whose child must abort, with `words` on its stderr. */
#define TEST_DIES(module, sentence, words)                    \
    static void child_##module##_##sentence(void *unused);    \
    TEST(module, sentence)                                    \
    {                                                         \
        check_death(child_##module##_##sentence, words);      \
    }                                                         \
    NO_THREAD_SAFETY static void child_##module##_##sentence( \
        UNUSED void *unused)

UNUSED static void check_death(void (*fn)(void *arg), const char *words)
{
    char text[512];
    int status = test_child(fn, NULL, text, sizeof(text));

    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    if (strstr(text, words) == NULL)
        TEST_FAILED("stderr has no \"%s\": %s", words, text);
}

/* A check that returned what is wrong: NULL is what we want. */
#define CHECK_NULL_TEXT(call)                     \
    do {                                          \
        const char *wrong_ = (call);              \
        if (wrong_ != NULL)                       \
            TEST_FAILED("%s: %s", #call, wrong_); \
    } while (0)

/* Source: Marsaglia, Xorshift RNGs (2003).  *state must not be 0. */
UNUSED static uint64_t random_from(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The same sequence in every run; main thread only. */
UNUSED static uint64_t random_next(void)
{
    static uint64_t state = 88172645463325252u;

    return random_from(&state);
}

/* 0 .. bound - 1 */
UNUSED static size_t random_below(size_t bound)
{
    return (size_t)(random_next() % bound);
}

/* True when all `n` bytes are `value`. */
UNUSED static bool is_filled(const void *mem, int value, size_t n)
{
    const unsigned char *byte = mem;

    for (size_t i = 0; i < n; i++) {
        if (byte[i] != (unsigned char)value)
            return false;
    }
    return true;
}

#endif
