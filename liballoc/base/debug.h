/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_BASE_DEBUG_H
#define LIBALLOC_BASE_DEBUG_H
/*
 * ASSERT levels for the project's own invariants, and the last words on
 * corruption by the program.
 * Layer: base.
 */
#include "base/compiler.h"
#include "base/config.h"

#include <stddef.h>

/* level: 1 cheap, 2 one object, 3 a whole structure. */
#define ASSERT(level, cond)                               \
    do {                                                  \
        if (config_debug >= (level) && UNLIKELY(!(cond))) \
            assert_fail(#cond, __FILE__, __LINE__);       \
    } while (0)

/* `check` gives NULL, or which invariant is broken: that is said. */
#define ASSERT_HOLDS(level, check)                       \
    do {                                                 \
        if (config_debug >= (level)) {                   \
            const char *wrong_ = (check);                \
            if (UNLIKELY(wrong_ != NULL))                \
                assert_fail(wrong_, __FILE__, __LINE__); \
        }                                                \
    } while (0)

NORETURN COLD void assert_fail(const char *what, const char *file, int line);

/*
 * The public function that the thread is in, for fatal()'s line.  Set on
 * slow entries only; entries on the fast path are named by the caller.
 */
extern HIDDEN TLS_IE const char *entry_name;

/*
 * Prints `liballoc: FUNCTION(): WHAT: 0xPOINTER (arena, size, state)` and
 * aborts.  Neither locks nor allocates.  Used for corruption by the program,
 * in every build.
 */
/*
 * Says what is in the brackets; set by the layer that knows, at start.  NULL:
 * the line goes without.
 */
extern HIDDEN void (*fatal_describe)(const void *mem, char *text, size_t size);

NORETURN COLD void fatal(const char *what, const void *mem);

#endif
