/* SPDX-License-Identifier: MIT */
#ifndef PROF_INDEX_MAP_H
#define PROF_INDEX_MAP_H
/* Keys (addresses, interned texts) numbered in the order they are met. */
#include <stddef.h>
#include <stdint.h>

struct index_map {
    uint64_t *keys;    /* open addressing */
    uint32_t *numbers; /* + 1; 0: empty */
    size_t room;       /* a power of two; 0: nothing yet */
    uint32_t count;
};

/* The key's number, from 0 on; the next one if it is new. */
uint32_t index_map_add(struct index_map *map, uint64_t key);
void index_map_free(struct index_map *map);

static inline uint64_t index_key(const void *text)
{
    return (uint64_t)(uintptr_t)text;
}

#endif
