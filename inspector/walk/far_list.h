/* SPDX-License-Identifier: MIT */
#ifndef FAR_LIST_H
#define FAR_LIST_H
/*
 * Lists in the target's memory: every step is checked against the one before,
 * and there is a last one.
 */
#include "target/target.h"

enum {
    FAR_LIST_MAX = 1 << 26, /* elements: 64 TiB of slabs */
};

/* A circular list of struct list_head. */
struct far_list {
    struct target *target;
    uintptr_t head; /* of the struct list_head */
    uintptr_t at;   /* of the current link */
    uintptr_t prev;
    size_t steps;
    bool broken; /* a link was unreadable, did not match, or never ended */
};

static inline struct far_list far_list_begin(struct target *target,
                                             uintptr_t head)
{
    return (struct far_list){.target = target, .head = head, .at = head};
}

/* The address of the next link; 0 = the end, or broken. */
uintptr_t far_list_next(struct far_list *list);

/*
 * Offset of a field in the target's own declaration of `type`; SIZE_MAX: it
 * has no such field.
 */
size_t far_offset(struct target *target, const char *type, const char *field);

/* A number of up to eight bytes; false: unreadable. */
bool far_number(struct target *target, uintptr_t address, size_t width,
                uint64_t *value);

#endif
