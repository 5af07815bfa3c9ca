/* SPDX-License-Identifier: MIT */
#ifndef FREELIST_H
#define FREELIST_H
/*
 * Which list a free object is on.  Bins, spare chains, batches and what is on
 * its way home are walked once; an object with the mark of a free one that is
 * on none of them is free in its slab or arena.
 */
#include "walk/model.h"

enum free_where {
    WHERE_BIN,        /* of heap_id, bins[index] */
    WHERE_SPARE,      /* its spare chain */
    WHERE_BATCH,      /* heap_id freed it for another, remote[index] */
    WHERE_SLAB,       /* on its slab's remote chain */
    WHERE_PENDING,    /* on the pending chunks of heap_id */
    WHERE_QUARANTINE, /* freed by heap_id, not to be reused yet */
};
extern const char *const free_where_names[];

struct free_label {
    uintptr_t mem;    /* 0: an empty place of the table */
    uint32_t heap_id; /* whose list it is */
    uint16_t index;   /* bin or batch */
    uint8_t state;    /* enum object_state: BINNED, SPARE, REMOTE */
    uint8_t where;    /* enum free_where */
};

struct freelist {
    struct free_label *table; /* open addressing */
    size_t room;              /* power of two */
    size_t count;
    size_t broken;       /* chains that left the heap or had no mark ... */
    size_t unverified;   /* ... and how many objects they still claimed */
    uintptr_t broken_at; /* head of the first such chain's list */
};

enum free_wrong {
    FREE_UNREADABLE, /* the chain leaves readable memory */
    FREE_UNMARKED,   /* an object on it is not marked as free */
    FREE_TWICE,      /* an object is on another list too, or on this again */
    FREE_COUNT,      /* the chain is longer or shorter than its count */
};

/* Where a chain is not what it should be. */
struct free_fault {
    enum free_wrong wrong;
    const struct free_label *label; /* of the object it went wrong at */
    uintptr_t list;                 /* address of the list's head */
    size_t seen;                    /* objects before */
    size_t off; /* COUNT: objects too many or too few; SIZE_MAX: many */
};
typedef void freelist_fault(void *data, const struct free_fault *fault);

/* `fault` may be NULL.  Never NULL; free it. */
struct freelist *freelist_build(const struct model *model,
                                freelist_fault *fault, void *data);
void freelist_free(struct freelist *freelist);

/* The list that `mem` is on; NULL: none of these. */
const struct free_label *freelist_find(const struct freelist *freelist,
                                       uintptr_t mem);

#endif
