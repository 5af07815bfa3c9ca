/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROF_PROFILE_H
#define TESTS_PROF_PROFILE_H
/*
 * The profile as a reader sees it, from within: through the published root,
 * by site.  A site is a function in a section of its own, so that the stacks
 * with a return address in it are its stacks.
 */
#include "black_box.h"
#include "layout/root.h"
#include "liballoc.h"
#include "test.h"

/* gcc's copies of a function for one caller leave its section. */
#if __has_attribute(noclone)
#    define SITE_WHOLE __attribute__((noinline, noclone))
#else
#    define SITE_WHOLE __attribute__((noinline))
#endif

/* SITE(name): before a function that asks for memory. */
#define SITE(name)                                                 \
    extern const char __start_site_##name[], __stop_site_##name[]; \
    SITE_WHOLE __attribute__((section("site_" #name)))

struct site {
    const char *start;
    const char *stop;
};
#define SITE_OF(name) ((struct site){__start_site_##name, __stop_site_##name})

/* Sums over the stacks of a site; weighted, but for the samples. */
struct site_sums {
    double alloc_objects;
    double alloc_bytes;
    double live_objects;
    double live_bytes;
    uint64_t samples;
    uint64_t live_samples;
};

/* The library's own is linked: a program that finds it needs no dlsym(). */
extern const struct heap_root liballoc_root;

static inline const struct prof *profile_now(void)
{
    return liballoc_root.prof;
}

static inline bool stack_is_of(const struct prof *prof,
                               const struct prof_stack *stack, struct site site)
{
    for (uint32_t i = 0; i < stack->depth; i++) {
        const char *pc = (const char *)prof->frames[stack->first + i];
        if (pc >= site.start && pc < site.stop) {
            return true;
        }
    }
    return false;
}

static inline struct site_sums site_sums(struct site site)
{
    const struct prof *prof = profile_now();
    struct site_sums sums = {0};
    for (uint64_t i = 0; i < prof->nstacks; i++) {
        const struct prof_stack *stack = &prof->stacks[i];
        if (!stack_is_of(prof, stack, site)) {
            continue;
        }
        sums.alloc_objects += (double)stack->alloc_objects / PROF_ONE;
        sums.alloc_bytes += (double)stack->alloc_bytes;
        sums.live_objects += (double)stack->live_objects / PROF_ONE;
        sums.live_bytes += (double)stack->live_bytes;
        sums.samples += stack->samples;
    }
    for (uint64_t i = 1; i < prof->nsamples; i++) {
        const struct prof_sample *sample = &prof->samples[i];
        sums.live_samples +=
            sample->address != 0 &&
            stack_is_of(prof, &prof->stacks[sample->stack], site);
    }
    return sums;
}

/* The sample of the block at `mem`; NULL = it has none. */
static inline const struct prof_sample *sample_of(const void *mem)
{
    const struct prof *prof = profile_now();
    for (uint64_t i = 1; i < prof->nsamples; i++) {
        if (prof->samples[i].address == (uintptr_t)mem) {
            return &prof->samples[i];
        }
    }
    return NULL;
}

#endif
