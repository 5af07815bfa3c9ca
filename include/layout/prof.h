/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_PROF_H
#define LAYOUT_PROF_H
/*
 * The sampled heap profile: who allocated what is live, and how much in all.
 *
 *   heap_root.prof -> struct prof
 *        samples[]  one per live sampled block, chained by its page
 *        stacks[]   one per distinct stack, with its sums
 *        frames[]   return addresses, innermost first
 *        modules[]  libraries that stacks went through: they may be unloaded
 *                   by the time that somebody reads this
 *
 * Blocks are picked at random, one in `period` bytes on average: of `size`
 * bytes with probability 1 - exp(-size / period).  `weight` undoes that: a
 * sample stands for weight / PROF_ONE blocks of its size.  A sampled block
 * stays where any other would be; its page's owner tag says KIND_SAMPLED.
 *
 * Writers hold `lock` and make `seq` odd meanwhile; a reader of a live process
 * copies, and again if `seq` moved.
 */
#include "layout/layout.h"

#include "layout/lock.h"

#define PROF_PERIOD_MAX ((uint64_t)1 << 40) /* bytes */

enum {
    PROF_ONE = 1 << 16, /* weight of a block that stands for itself alone */
    PROF_DEPTH = 64,    /* frames of a stack at most */
    PROF_NO_STACK = 0,  /* stacks[0]: could not be unwound, or no room */
    PROF_NO_SAMPLE = 0, /* samples[0] is never used */
    PROF_BUILD_ID = 32, /* bytes of a build id at most */
};

/*
 * What the value of the signal `prof_signal` asks for, when it was sent with
 * one (sigqueue): these bits, and a period in bytes above them; 0 = the
 * tunable's.
 */
enum {
    PROF_ASK_ON = 1,
    PROF_ASK_OFF = 2,
    PROF_ASK_TOGGLE = 4,
    PROF_ASK_SHIFT = 8,
};

/* One live sampled block; address 0: free, on the free list by `next`. */
struct prof_sample {
    _Atomic uintptr_t address;
    uint64_t size;         /* bytes asked for */
    uint64_t usable;       /* bytes of the block */
    uint64_t weight;       /* in units of 1 / PROF_ONE */
    uint64_t birth_ms;     /* CLOCK_MONOTONIC */
    uint32_t stack;        /* index in stacks[] */
    uint32_t tid;          /* of the thread that asked for it */
    _Atomic uint32_t next; /* index in samples[]; PROF_NO_SAMPLE = the last */
    uint32_t unused;
};

/* One distinct stack.  Sums are weighted: estimates of all blocks. */
struct prof_stack {
    uint64_t hash;
    uint32_t first;         /* index in frames[] */
    uint32_t depth;         /* frames */
    uint64_t samples;       /* ever taken here, unweighted */
    uint64_t alloc_objects; /* ever allocated, in units of 1 / PROF_ONE */
    uint64_t alloc_bytes;
    uint64_t live_objects; /* in units of 1 / PROF_ONE */
    uint64_t live_bytes;
    uint64_t freed_age_ms; /* sum of the ages of freed samples, unweighted */
    uint64_t peak_bytes;   /* live_bytes when all stacks' sum was highest,
                               if peak_epoch is that of struct prof; else
                               live_bytes has not changed since */
    uint32_t peak_epoch;
    uint32_t next; /* index in stacks[] of the same bucket; 0 = end */
};

/* A library: by its address, its file and its build. */
struct prof_module {
    uintptr_t start; /* of its ELF header */
    uintptr_t end;   /* of its last mapping */
    uint32_t name;   /* index in names[] of its path, NUL-terminated */
    uint32_t id_size;
    uint8_t build_id[PROF_BUILD_ID];
};

struct prof {
    _Atomic uint32_t seq;    /* odd while a writer changes what follows */
    _Atomic uint32_t active; /* samples are being taken */
    uint64_t period;         /* bytes between samples, on average */
    uint64_t started_ms;     /* CLOCK_MONOTONIC; 0 = never */
    uint64_t stopped_ms;     /* 0 = never, or active */
    struct prof_sample FAR *samples;
    uint64_t nsamples; /* [1, nsamples) were ever used */
    struct prof_stack FAR *stacks;
    uint64_t nstacks; /* [0, nstacks) are used */
    uintptr_t FAR *frames;
    uint64_t nframes; /* [0, nframes) are used */
    struct prof_module FAR *modules;
    uint64_t nmodules; /* [0, nmodules) are used; the latest at an address is
                          the last */
    char FAR *names;
    uint64_t nnames;               /* bytes used */
    _Atomic uint32_t FAR *buckets; /* samples by page: heads, 0 = empty */
    uint64_t nbuckets;
    uint64_t live_samples;
    uint64_t live_bytes;   /* sum over the stacks */
    uint64_t peak_bytes;   /* the highest it has been ... */
    uint64_t peak_ms;      /* ... and when */
    uint32_t peak_epoch;   /* counts the new peaks */
    uint32_t unwinder;     /* enum prof_unwinder */
    uint64_t lost_samples; /* no room in samples[] */
    uint64_t lost_stacks;  /* no room in stacks[] or frames[] */
    uint64_t memory;       /* bytes in use for all of this */
    struct lock lock;
};

enum prof_unwinder {
    PROF_UNWIND_NONE,    /* not loaded: every stack is PROF_NO_STACK */
    PROF_UNWIND_DWARF,   /* libunwind */
    PROF_UNWIND_POINTERS /* frame pointers alone */
};

#endif
