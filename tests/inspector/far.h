/* SPDX-License-Identifier: MIT */
#ifndef FAR_H
#define FAR_H
/*
 * Another process's memory by value, and its published root.  Knows of the
 * allocator what include/layout/ says, nothing else.  Whatever is read may be
 * garbage: every walk is bounded.
 */
#include "layout/root.h"

#include <stdbool.h>
#include <sys/types.h>

struct target {
    pid_t pid;
    uintptr_t image; /* where liballoc.so is mapped; 0 = it is not */
    uintptr_t data;  /* its writable mapping */
    size_t data_size;
    struct heap_root root; /* a copy */
};

/* False: not all of it is readable. */
bool far_read(const struct target *target, uintptr_t address, void *out,
              size_t size);

/* The address in a pointer field. */
static inline uintptr_t far_address(const volatile void *field)
{
    uintptr_t address;

    __builtin_memcpy(&address, (const void *)(uintptr_t)field, sizeof address);
    return address;
}

/*
 * Looks for liballoc.so among the mappings of `pid`, else takes the program
 * itself, which may be linked with liballoc.a.  False: no such process.
 */
bool target_attach(struct target *target, pid_t pid);

/* The three ways to the root; 0 = not found. */
uintptr_t root_by_symbol(const struct target *target);
uintptr_t root_by_note(const struct target *target);
uintptr_t root_by_magic(const struct target *target);

/* NULL if the first 32 bytes and the size are such that we may go on. */
const char *root_refusal(const struct heap_root *root, uintptr_t address);

/* Copies the root; NULL, or one line that says why it cannot be used. */
const char *target_open(struct target *target, pid_t pid);

/* The descriptor of a field by its names; false: the target has none. */
bool root_field(const struct target *target, const char *type,
                const char *field, struct field_descriptor *out);

/* NULL, or which field is not where our own headers have it. */
const char *root_compare(const struct target *target);

#endif
