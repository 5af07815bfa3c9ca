/* SPDX-License-Identifier: MIT */
/* Blocks of the index by address, and one after the other. */
#include "leak/index.h"

/* The last bit at or before `at`, in its window; SIZE_MAX: none. */
static size_t last_in_window(const uint64_t *bits, size_t at)
{
    size_t first = at / WINDOW_GRANULES * (WINDOW_GRANULES / WORD_BITS);
    size_t i = at / WORD_BITS;
    uint64_t word =
        bits[i] & (~(uint64_t)0 >> (WORD_BITS - 1 - at % WORD_BITS));

    while (word == 0 && i > first)
        word = bits[--i];
    if (word == 0)
        return SIZE_MAX;
    return i * WORD_BITS + 63 - (size_t)__builtin_clzl(word);
}

static bool find_in_area(struct leak_area *area, uintptr_t address,
                         struct leak_ref *ref)
{
    size_t at = (address - area->base) / GRANULE;
    size_t bound = last_in_window(area->bits[BIT_BOUND], at);

    if (bound == SIZE_MAX) {
        size_t window = at / WINDOW_GRANULES;
        if (area->before[window] == 0)
            return false;
        bound = window * WINDOW_GRANULES - area->before[window];
    }
    *ref = (struct leak_ref){area, bound, area->base + bound * GRANULE};
    return area_test(area, BIT_LIVE, bound);
}

static bool find_map(const struct leak_index *index, uintptr_t address,
                     struct leak_ref *ref)
{
    size_t low = 0;
    size_t high = index->nmaps;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->maps[middle].mem <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0)
        return false;
    const struct leak_map *map = &index->maps[low - 1];
    *ref = (struct leak_ref){NULL, low - 1, map->mem};
    return address - map->mem < map->size && map->bits[BIT_LIVE] != 0;
}

bool index_find_slow(const struct leak_index *index, uintptr_t address,
                     bool interior, struct leak_ref *ref)
{
    for (size_t i = 0; i < index->nareas; i++) {
        struct leak_area *area = &index->areas[i];
        if (address - area->base < area->size) {
            return find_in_area(area, address, ref) &&
                   (interior || ref->start == address);
        }
    }
    return find_map(index, address, ref) && (interior || ref->start == address);
}

size_t index_size(const struct leak_index *index, const struct leak_ref *ref)
{
    const struct leak_area *area = ref->area;

    if (area == NULL)
        return index->maps[ref->at].size;
    const uint64_t *bits = area->bits[BIT_BOUND];
    size_t end = area->nwindows * WINDOW_GRANULES;
    size_t at = ref->at + 1;
    while (at < end) {
        uint64_t word = bits[at / WORD_BITS] >> at % WORD_BITS;
        if (word != 0) {
            at += (size_t)__builtin_ctzl(word);
            break;
        }
        at = (at / WORD_BITS + 1) * WORD_BITS;
    }
    return (at < end ? at - ref->at : end - ref->at) * GRANULE;
}

size_t index_rank(const struct leak_index *index, const struct leak_ref *ref)
{
    size_t rank = 0;

    for (size_t i = 0; i < index->nareas && ref->area != &index->areas[i]; i++)
        rank += index->areas[i].rank[index->areas[i].nwindows];
    if (ref->area == NULL)
        return rank + ref->at;
    const uint64_t *live = ref->area->bits[BIT_LIVE];
    size_t window = ref->at / WINDOW_GRANULES;
    size_t last = ref->at / WORD_BITS;
    rank += ref->area->rank[window];
    for (size_t i = window * (WINDOW_GRANULES / WORD_BITS); i < last; i++)
        rank += (size_t)__builtin_popcountl(live[i]);
    uint64_t below = ((uint64_t)1 << ref->at % WORD_BITS) - 1;
    return rank + (size_t)__builtin_popcountl(live[last] & below);
}

/* Windows without blocks are passed at once. */
static bool next_in_area(struct leak_area *area, enum leak_bit bit, size_t *at)
{
    size_t end = area->nwindows * WINDOW_GRANULES;

    while (*at < end) {
        size_t window = *at / WINDOW_GRANULES;
        if (area->rank[window] == area->rank[window + 1]) {
            *at = (window + 1) * WINDOW_GRANULES;
            continue;
        }
        uint64_t word = area->bits[bit][*at / WORD_BITS] >> *at % WORD_BITS;
        if (word != 0) {
            *at += (size_t)__builtin_ctzl(word);
            return true;
        }
        *at = (*at / WORD_BITS + 1) * WORD_BITS;
    }
    return false;
}

bool index_next(const struct leak_index *index, enum leak_bit bit,
                struct leak_cursor *cursor, struct leak_ref *ref)
{
    for (; cursor->done < index->nareas; cursor->done++, cursor->at = 0) {
        struct leak_area *area = &index->areas[cursor->done];
        if (!next_in_area(area, bit, &cursor->at))
            continue;
        *ref = (struct leak_ref){area, cursor->at,
                                 area->base + cursor->at * GRANULE};
        cursor->at++;
        return true;
    }
    while (cursor->at < index->nmaps) {
        size_t at = cursor->at++;
        if (index->maps[at].bits[bit] != 0) {
            *ref = (struct leak_ref){NULL, at, index->maps[at].mem};
            return true;
        }
    }
    return false;
}

/* The last bit in the granules before *at; passed. */
static bool prev_in_area(struct leak_area *area, enum leak_bit bit, size_t *at)
{
    while (*at > 0) {
        size_t window = (*at - 1) / WINDOW_GRANULES;
        size_t found = SIZE_MAX;
        if (area->rank[window] != area->rank[window + 1])
            found = last_in_window(area->bits[bit], *at - 1);
        if (found != SIZE_MAX) {
            *at = found;
            return true;
        }
        *at = window * WINDOW_GRANULES;
    }
    return false;
}

bool index_prev(const struct leak_index *index, enum leak_bit bit,
                struct leak_cursor *cursor, struct leak_ref *ref)
{
    while (cursor->done == 0 && cursor->at < index->nmaps) {
        size_t at = index->nmaps - ++cursor->at;
        if (index->maps[at].bits[bit] != 0) {
            *ref = (struct leak_ref){NULL, at, index->maps[at].mem};
            return true;
        }
    }
    /* done: areas begun; at: granules before it are to come. */
    for (;;) {
        if (cursor->done > 0) {
            struct leak_area *area =
                &index->areas[index->nareas - cursor->done];
            if (prev_in_area(area, bit, &cursor->at)) {
                *ref = (struct leak_ref){area, cursor->at,
                                         area->base + cursor->at * GRANULE};
                return true;
            }
        }
        if (cursor->done == index->nareas)
            return false;
        cursor->done++;
        cursor->at = index->areas[index->nareas - cursor->done].nwindows *
                     WINDOW_GRANULES;
    }
}
