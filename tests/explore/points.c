/* SPDX-License-Identifier: MIT */
#include "points.h"

#include "thread.h"
#include "world.h"

#include <string.h>

enum {
    NWORDS = 8192, /* a power of two */
};

/* Who read and wrote a word, in all steps of the search so far. */
struct word {
    const volatile void *at;
    uint8_t readers; /* bit a thread */
    uint8_t writers;
};

struct words {
    struct word of[NWORDS];
    unsigned used;
    unsigned shared;
    bool grew;
};

static struct words *words; /* not in the world: undo keeps it */
struct points_mode *points_mode;

void points_init(void)
{
    words = world_private(sizeof *words);
    points_mode = world_private(sizeof *points_mode);
}

void points_reset(void)
{
    memset(words, 0, sizeof *words);
}

bool points_grew(void)
{
    bool grew = words->grew;

    words->grew = false;
    return grew;
}

unsigned points_count(void)
{
    return words->shared;
}

static struct word *word_of(const volatile void *at)
{
    size_t i = ((uintptr_t)at >> 2) * 0x9e3779b97f4a7c15u >> 40;

    for (;; i++) {
        struct word *word = &words->of[i % NWORDS];
        if (word->at == at)
            return word;
        if (word->at != NULL)
            continue;
        if (++words->used > NWORDS / 2)
            explore_fail("the explorer knows too many words");
        word->at = at;
        return word;
    }
}

/* Somebody reads it, and somebody else writes it. */
static bool is_shared(const struct word *word)
{
    uint8_t readers = word->readers;
    uint8_t writers = word->writers;

    return readers != 0 && writers != 0 &&
           (readers != writers || (readers & (readers - 1)) != 0);
}

/* Notes the access; true: the word is shared. */
static bool word_touch(enum point point, const volatile void *at)
{
    struct word *word = word_of(at);
    uint8_t bit = (uint8_t)(1 << thread_self());
    bool before = is_shared(word);

    if (point == POINT_READ || point == POINT_RMW)
        word->readers |= bit;
    if (point == POINT_WRITE || point == POINT_RMW)
        word->writers |= bit;
    if (!before && is_shared(word)) {
        words->shared++;
        words->grew = true;
    }
    return before;
}

static bool is_access(enum point point)
{
    return point == POINT_READ || point == POINT_WRITE || point == POINT_RMW;
}

/* What cannot go on must stop, also where a replay does not ask for it. */
static bool is_stuck(enum point point, const volatile void *at)
{
    struct thread *thread = &threads->of[thread_self()];

    thread->point = point;
    thread->at = at;
    return !thread_is_enabled(thread_self());
}

void explore_point(enum point point, const volatile void *at)
{
    if (thread_self() < 0 || !points_mode->on) {
        if (point == POINT_WAIT || point == POINT_SLEEP)
            explore_fail("waits for ever: nobody else runs");
        return;
    }
    bool stop = thread_must_stop();
    bool is_wanted = !is_access(point) || word_touch(point, at);
    if (points_mode->replay)
        is_wanted = stop || is_stuck(point, at);
    if (is_wanted)
        thread_park(point, at);
}

void explore_after(const volatile void *at)
{
    if (thread_self() < 0 || !points_mode->on || !points_mode->fine)
        return;
    bool stop = thread_must_stop();
    if (points_mode->replay ? stop : is_shared(word_of(at)))
        thread_park(POINT_AFTER, at);
}

void explore_loaded(const volatile void *at, void *value, size_t size)
{
    if (thread_self() < 0 || !points_mode->on)
        return;
    struct thread *thread = &threads->of[thread_self()];
    for (size_t i = thread->nstores; i-- > 0;) {
        if (thread->stores[i].at == at) {
            memcpy(value, &thread->stores[i].value, size);
            break;
        }
    }
    thread->last_at = at;
    thread->last_value = 0;
    memcpy(&thread->last_value, value, size);
    thread->last_size = size;
}

bool explore_store(volatile void *at, const void *value, size_t size)
{
    if (thread_self() < 0 || !points_mode->on)
        return false;
    if (!points_mode->tso) {
        explore_point(POINT_WRITE, at);
        return false;
    }
    struct thread *thread = &threads->of[thread_self()];
    if (thread->nstores == NSTORES)
        explore_point(POINT_FENCE, NULL);
    bool stop = thread_must_stop();
    if (!word_touch(POINT_WRITE, at))
        return false;
    struct buffered *buffered = &thread->stores[thread->nstores++];
    *buffered = (struct buffered){.at = at, .size = size};
    memcpy(&buffered->value, value, size);
    if (points_mode->replay && stop)
        thread_park(POINT_WRITE, at);
    return true;
}
