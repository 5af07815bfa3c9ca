/* SPDX-License-Identifier: MIT */
/* The ranks of pins: the best of all in bounded memory, then in order. */
#include "memory.h"
#include "walk/pins.h"

#include <stdlib.h>

/* A heap with the least gain on top. */
static void sift_down(struct pin *top, size_t count, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < count && top[child].gain < top[least].gain)
                least = child;
        }
        if (least == at)
            return;
        struct pin pin = top[at];
        top[at] = top[least];
        top[least] = pin;
        at = least;
    }
}

static void sift_up(struct pin *top, size_t at)
{
    while (at > 0 && top[at].gain < top[(at - 1) / 2].gain) {
        struct pin pin = top[at];
        top[at] = top[(at - 1) / 2];
        top[(at - 1) / 2] = pin;
        at = (at - 1) / 2;
    }
}

void pins_keep(struct pins *pins, size_t most, const struct pin *pin)
{
    pins->count++;
    if (pins->ntop < most) {
        pins->top = xgrow(pins->top, pins->ntop, sizeof *pins->top);
        pins->top[pins->ntop] = *pin;
        sift_up(pins->top, pins->ntop++);
    } else if (pins->ntop > 0 && pin->gain > pins->top[0].gain) {
        pins->top[0] = *pin;
        sift_down(pins->top, pins->ntop, 0);
    }
}

static int by_gain(const void *a, const void *b)
{
    const struct pin *left = a;
    const struct pin *right = b;

    if (left->gain != right->gain)
        return left->gain > right->gain ? -1 : 1;
    return (left->object.mem > right->object.mem) -
           (left->object.mem < right->object.mem);
}

static int by_pinned(const void *a, const void *b)
{
    const struct pin_group *left = a;
    const struct pin_group *right = b;

    return (left->pinned < right->pinned) - (left->pinned > right->pinned);
}

static int by_huge_gain(const void *a, const void *b)
{
    const struct pin_huge *left = a;
    const struct pin_huge *right = b;
    size_t left_gain = left->resident / left->objects;
    size_t right_gain = right->resident / right->objects;

    return (left_gain < right_gain) - (left_gain > right_gain);
}

void pins_sort(struct pins *pins)
{
    if (pins->ntop > 0)
        qsort(pins->top, pins->ntop, sizeof *pins->top, by_gain);
    if (pins->ngroups > 0)
        qsort(pins->groups, pins->ngroups, sizeof *pins->groups, by_pinned);
    if (pins->nhuge > 0)
        qsort(pins->huge, pins->nhuge, sizeof *pins->huge, by_huge_gain);
}

void pins_free(struct pins *pins)
{
    if (pins == NULL)
        return;
    free(pins->top);
    free(pins->groups);
    free(pins->huge);
    free(pins);
}
