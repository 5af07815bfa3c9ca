/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_API_WATCH_H
#define LIBALLOC_API_WATCH_H
/*
 * A tool that watches the program's blocks: then every call takes the slow
 * path, and the slow path asks the tool's functions instead of the heap.
 *
 *   valgrind    our blocks with red zones around them, made known to Memcheck
 *   sanitizer   the program has a malloc of its own: all calls go there
 *
 * Layer: api.  Costs nothing when nobody watches.
 */
#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

struct watcher {
    /* `align`: a power of two, 16 at least.  NULL = no memory. */
    void *(*alloc)(size_t size, size_t align);
    void (*free)(void *mem);
    void *(*realloc)(void *mem, size_t size);
    size_t (*usable)(const void *mem);
};

/* NULL: nobody watches.  Immutable after start. */
extern HIDDEN const struct watcher *watcher;

/*
 * An entry, by an address that the compiler knows nothing of: valgrind puts
 * its own functions in the place of those it knows, and what others build
 * upon them must go there as well.
 */
#define watch_call(entry)               \
    __extension__({                     \
        __typeof__(&entry) to_ = entry; \
        FORGET(to_);                    \
        to_;                            \
    })

/* Finds out who watches; at start, before the first block. */
void watch_init(void);

/*
 * The malloc of a sanitizer serves the program: there is no heap of ours.  Its
 * run-time library may be starting still, and libc's functions be its own:
 * none may be called.
 */
bool watch_is_aside(void);

#endif
