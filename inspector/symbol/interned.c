/* SPDX-License-Identifier: MIT */
#include "symbol/interned.h"

#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct interned {
    char **table; /* open addressing; NULL: empty */
    size_t room;  /* a power of two */
    size_t count;
};

static size_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return (size_t)(hash ^ hash >> 32);
}

static size_t slot_of(const struct interned *interned, const char *text)
{
    size_t at = hash_of(text) & (interned->room - 1);

    while (interned->table[at] != NULL &&
           strcmp(interned->table[at], text) != 0)
        at = (at + 1) & (interned->room - 1);
    return at;
}

static void grow(struct interned *interned)
{
    char **old = interned->table;
    size_t room = interned->room;

    interned->room *= 2;
    interned->table = xcalloc(interned->room, sizeof *interned->table);
    for (size_t i = 0; i < room; i++) {
        if (old[i] != NULL)
            interned->table[slot_of(interned, old[i])] = old[i];
    }
    free(old);
}

struct interned *interned_begin(void)
{
    struct interned *interned = xcalloc(1, sizeof *interned);

    interned->room = 1024;
    interned->table = xcalloc(interned->room, sizeof *interned->table);
    return interned;
}

const char *interned_text(struct interned *interned, const char *text)
{
    if (interned->count * 2 >= interned->room)
        grow(interned);
    size_t at = slot_of(interned, text);
    if (interned->table[at] == NULL) {
        interned->table[at] = xstrdup(text);
        interned->count++;
    }
    return interned->table[at];
}

void interned_end(struct interned *interned)
{
    for (size_t i = 0; i < interned->room; i++)
        free(interned->table[i]);
    free(interned->table);
    free(interned);
}
