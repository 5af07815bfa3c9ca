/* SPDX-License-Identifier: MIT */
#ifndef CHECK_H
#define CHECK_H
/*
 * The invariants of layout/invariants.def, each looked for everywhere; damage
 * in one place is a finding, and the check goes on.  Structures whose owner
 * was at work while they were copied are left out and counted.
 */
#include "layout/invariants.h"
#include "walk/freelist.h"
#include "walk/model.h"

/* `detail` says what was found instead; "" if the invariant says it all. */
typedef void finding_fn(void *data, enum invariant broken, uintptr_t address,
                        const char *detail);

struct checker {
    const struct model *model;
    const struct freelist *freelist;
    finding_fn *found;
    void *data;

    /* What was looked at. */
    size_t blocks;
    size_t slots;
    size_t chunks;
    size_t cached; /* objects in bins, spares and batches */
    size_t left_out;

    bool no_content; /* a snapshot without what check_hardened() looks at */

    bool at_work; /* in the core of a process that ended within the heap */

    /* One object a running thread may be between two places. */
    bool *in_the_air;         /* by heap id: its bins have had theirs */
    unsigned may_be_off;      /* slabs whose count may yet be off by one */
    unsigned may_be_untagged; /* blocks whose tag may yet be missing */
};

/* All of them, in the order of the table. */
void check_all(struct checker *checker, const struct model *model,
               finding_fn *found, void *data);

/* Its parts; the free objects' index must have been built. */
void check_zones(struct checker *checker);
void check_slabs(struct checker *checker);
void check_arenas(struct checker *checker);
void check_cached(struct checker *checker);
void check_mmaps(struct checker *checker);
void check_hardened(struct checker *checker);

void check_found(struct checker *checker, enum invariant broken,
                 uintptr_t address, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The descriptor at an address in the target; NULL: there is none. */
const struct page *check_descriptor(const struct model *model,
                                    uintptr_t address,
                                    const struct model_zone **zone,
                                    size_t *pfn);

/*
 * A circular list of descriptors, through the model's own copies; steps are
 * bounded by their number.
 */
struct check_list {
    const struct model *model;
    uintptr_t head; /* of the list in the target */
    uintptr_t at;   /* link that comes next */
    uintptr_t prev;
    size_t steps;
    bool broken; /* it left the page map, or its links do not match */
};
struct check_list check_list_begin(const struct model *model, uintptr_t head,
                                   const struct list_head *first);
const struct page *check_list_next(struct check_list *list,
                                   const struct model_zone **zone, size_t *pfn);

#endif
