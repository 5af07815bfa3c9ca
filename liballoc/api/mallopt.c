/* SPDX-License-Identifier: MIT */
/*
 * mallopt(3) with glibc's semantics, tunables by name, and what glibc keeps
 * for old binaries.
 */
#include "api/entry.h"
#include "arena/mmap_chunk.h"
#include "base/bits.h"
#include "liballoc.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

enum {
    MXFAST_MAX = 80 * sizeof(size_t) / 4,
};

int __libc_mallopt(int param, int value);
void *malloc_get_state(void);
int malloc_set_state(void *state);

/* Assigns a tunable by its address; negative values are huge, as in glibc. */
static int assign(const char *name, int value)
{
    const struct tunable *tunable = tunable_find(name, strlen(name));
    size_t wide = value < 0 ? SIZE_MAX : (size_t)value;

    return tunable_assign(tunable,
                          clamp_size(wide, tunable->min, tunable->max));
}

static int set_mmap_threshold(int value)
{
    mmap_threshold_fix();
    return assign("mmap_threshold", value);
}

static int set_trim_threshold(int value)
{
    mmap_threshold_fix();
    return assign("trim_threshold", value);
}

/*
 * M_PERTURB is looked at on the slow path only, which all threads take from
 * now on.
 */
static int set_perturb(int value)
{
    tunables.perturb = (unsigned)value & 0xff;
    registry_set_slow(SLOW_ALWAYS,
                      tunables.perturb != 0 || harden_wraps || watcher != NULL);
    if (is_counting())
        (void)prof_start(profile.period); /* which looks at perturb */
    return 1;
}

static int set_arena_max(int value)
{
    if (value > 0)
        assign("arena_max", value);
    return 1;
}

/* 1 = taken (or unknown, as in glibc), 0 = refused. */
EXPORT int mallopt(int param, int value)
{
    if (!init_check())
        return 0;
    switch (param) {
    case M_MXFAST:
        return value >= 0 && (size_t)value <= MXFAST_MAX;
    case M_TRIM_THRESHOLD:
        return set_trim_threshold(value);
    case M_TOP_PAD:
        mmap_threshold_fix();
        return assign("top_pad", value);
    case M_MMAP_THRESHOLD:
        return set_mmap_threshold(value);
    case M_MMAP_MAX:
        mmap_threshold_fix();
        return assign("mmap_max", value);
    case M_PERTURB:
        return set_perturb(value);
    case M_ARENA_MAX:
        return set_arena_max(value);
    default: /* M_CHECK_ACTION, M_ARENA_TEST, and what nobody knows */
        return 1;
    }
}

ALIAS(mallopt) int __libc_mallopt(int param, int value);

EXPORT int liballoc_tunable_get(const char *name, uint64_t *value)
{
    const struct tunable *tunable = tunable_find(name, strlen(name));

    if (tunable == NULL) {
        errno = ENOENT;
        return -1;
    }
    (void)init_check();
    *value = tunable_value(tunable);
    return 0;
}

EXPORT int liballoc_tunable_set(const char *name, uint64_t value)
{
    const struct tunable *tunable = tunable_find(name, strlen(name));
    int error = 0;

    (void)init_check();
    if (tunable == NULL) {
        error = ENOENT;
    } else if (value < tunable->min || value > tunable->max) {
        error = ERANGE;
    } else if (!tunable->at_run_time) {
        error = EPERM;
    }
    if (error != 0) {
        errno = error;
        return -1;
    }
    if (strcmp(name, "mmap_threshold") == 0)
        mmap_threshold_fix();
    if (strcmp(name, "perturb") == 0)
        return set_perturb((int)value) == 1 ? 0 : -1;
    (void)tunable_assign(tunable, value);
    return 0;
}

EXPORT const char *liballoc_version(void)
{
    return "0.1.0";
}

/* glibc dropped these for new programs; old emacs binaries still ask. */
EXPORT void *malloc_get_state(void)
{
    errno = ENOSYS;
    return NULL;
}

EXPORT int malloc_set_state(void *state)
{
    (void)state;
    errno = ENOSYS;
    return -1;
}
