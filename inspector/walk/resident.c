/* SPDX-License-Identifier: MIT */
#include "walk/resident.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    WINDOW_PAGES = 4096, /* asked for at a time: 16 MiB */
};

void resident_begin(struct resident *resident, struct target *target)
{
    *resident = (struct resident){
        .target = target,
        .page = target_page_size(target),
        .map = xcalloc(WINDOW_PAGES, 1),
    };
}

void resident_end(struct resident *resident)
{
    free(resident->map);
    resident->map = NULL;
}

static void window_move(struct resident *resident, uintptr_t address)
{
    size_t span = WINDOW_PAGES * resident->page;

    resident->start = address / span * span;
    resident->count = WINDOW_PAGES;
    memset(resident->map, 0, WINDOW_PAGES);
    if (target_residency(resident->target, resident->start, WINDOW_PAGES,
                         resident->map)) {
        resident->known = true;
    } else {
        /* Cores do not tell: what is there counts. */
        resident->unknown = true;
        memset(resident->map, RESIDENT, WINDOW_PAGES);
    }
}

unsigned resident_bits(struct resident *resident, uintptr_t address)
{
    if (address < resident->start ||
        (address - resident->start) / resident->page >= resident->count)
        window_move(resident, address);
    return resident->map[(address - resident->start) / resident->page];
}

void resident_add(struct resident *resident, uintptr_t start, size_t size,
                  struct resident_use *use)
{
    uintptr_t end = start + size;

    while (start < end) {
        uintptr_t next = (start / resident->page + 1) * resident->page;
        size_t part = (next < end ? next : end) - start;
        unsigned bits = resident_bits(resident, start);
        if ((bits & RESIDENT) != 0) {
            use->resident += part;
            use->huge += (bits & HUGE) != 0 ? part : 0;
        } else if ((bits & SWAPPED) != 0) {
            use->swapped += part;
        }
        start += part;
    }
}

size_t resident_bytes(struct resident *resident, uintptr_t start, size_t size)
{
    struct resident_use use = {0};

    resident_add(resident, start, size, &use);
    return use.resident;
}

size_t resident_whole(struct resident *resident, uintptr_t start, size_t size)
{
    uintptr_t from = (start + resident->page - 1) / resident->page;
    uintptr_t to = (start + size) / resident->page;

    if (to <= from)
        return 0;
    return resident_bytes(resident, from * resident->page,
                          (to - from) * resident->page);
}
