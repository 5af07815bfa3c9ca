/* SPDX-License-Identifier: MIT */
#ifndef PINS_H
#define PINS_H
/*
 * Which live objects hold otherwise free memory.  Memory goes back in units:
 * a slab, a page of 16 KiB among chunks, a stretch of 2 MiB for huge pages;
 * a unit goes when its last live object does.  So each of the m live objects
 * of a unit with R resident bytes is good for R / m.
 */
#include "walk/objects.h"
#include "walk/resident.h"

enum pin_unit { PIN_SLAB, PIN_PAGE, PIN_HUGE };

struct pin {
    struct object object;
    enum pin_unit unit;
    uintptr_t start;  /* of the unit */
    size_t resident;  /* bytes of the unit */
    size_t live;      /* of these */
    unsigned objects; /* live ones in it */
    size_t gain;      /* resident / objects */
};

/* Objects of one class and heap that hold units. */
struct pin_group {
    unsigned cls; /* NCLASS: larger than any, or of an object cache */
    uint32_t heap_id;
    size_t objects;
    size_t bytes;  /* of the objects */
    size_t pinned; /* bytes that would go with all objects of their units */
};

/* A stretch of 2 MiB. */
struct pin_huge {
    uintptr_t start;
    size_t resident;
    size_t live;
    size_t objects;
};

struct pins {
    struct pin *top; /* the best, by gain */
    size_t ntop;
    size_t count; /* all objects that hold a unit */
    struct pin_group *groups;
    size_t ngroups;
    struct pin_huge *huge; /* those below the bound, by gain */
    size_t nhuge;
    size_t units;  /* slabs and pages below the bound */
    size_t pinned; /* their bytes that are not live */
    size_t unread;
};

/*
 * Units of which at most `fullest` percent of the resident bytes are live;
 * the best `most` objects are kept.  Never NULL; end with pins_free().
 */
struct pins *pins_find(const struct model *model, unsigned fullest,
                       size_t most);
void pins_free(struct pins *pins);

/* The same, and calls `take` for every object that holds a unit. */
typedef void pin_fn(void *data, const struct pin *pin);
struct pins *pins_each(const struct model *model, unsigned fullest, size_t most,
                       pin_fn *take, void *data);

/* For pins_find(): one more, kept if it is among the best; then the order. */
void pins_keep(struct pins *pins, size_t most, const struct pin *pin);
void pins_sort(struct pins *pins);

#endif
