/* SPDX-License-Identifier: MIT */
#include "prof/index_map.h"

#include "memory.h"

#include <stdlib.h>

static size_t slot_of(const struct index_map *map, uint64_t key)
{
    size_t at = (size_t)((key * 0x9e3779b97f4a7c15u) >> 24);

    for (;; at++) {
        at &= map->room - 1;
        if (map->numbers[at] == 0 || map->keys[at] == key)
            return at;
    }
}

static void grow(struct index_map *map)
{
    struct index_map old = *map;

    map->room = old.room != 0 ? old.room * 2 : 256;
    map->keys = xcalloc(map->room, sizeof *map->keys);
    map->numbers = xcalloc(map->room, sizeof *map->numbers);
    for (size_t i = 0; i < old.room; i++) {
        if (old.numbers[i] == 0)
            continue;
        size_t at = slot_of(map, old.keys[i]);
        map->keys[at] = old.keys[i];
        map->numbers[at] = old.numbers[i];
    }
    free(old.keys);
    free(old.numbers);
}

uint32_t index_map_add(struct index_map *map, uint64_t key)
{
    if ((size_t)map->count * 2 >= map->room)
        grow(map);
    size_t at = slot_of(map, key);
    if (map->numbers[at] == 0) {
        map->keys[at] = key;
        map->numbers[at] = ++map->count;
    }
    return map->numbers[at] - 1;
}

void index_map_free(struct index_map *map)
{
    free(map->keys);
    free(map->numbers);
    *map = (struct index_map){0};
}
