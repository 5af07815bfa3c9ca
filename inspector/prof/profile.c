/* SPDX-License-Identifier: MIT */
#include "prof/profile.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* What a hostile target may claim. */
    SAMPLES_MAX = 1 << 24,
    STACKS_MAX = 1 << 22,
    FRAMES_MAX = 1 << 26,
    COPY_STEP = 1 << 20,
};

/* An array of the target's structs into ours; false: not all is readable. */
static bool copy_table(struct target *target, enum type_id type,
                       uintptr_t start, size_t count, void *out, size_t size)
{
    size_t stride = far_sizeof(target, type);

    if (stride == 0 || start == 0)
        return count == 0;
    if (stride == size)
        return far_read(target, start, out, count * size);
    for (size_t i = 0; i < count; i++) {
        if (!far_struct(target, type, start + i * stride,
                        (char *)out + i * size))
            return false;
    }
    return true;
}

/* Sizes are the target's word: mapped, or refused. */
static bool is_sane(struct target *target, const struct prof *head)
{
    return head->nsamples <= SAMPLES_MAX && head->nstacks > 0 &&
           head->nstacks <= STACKS_MAX && head->nframes <= FRAMES_MAX &&
           (head->nsamples == 0 ||
            target_is_mapped(target, FAR_ADDRESS(head->samples),
                             head->nsamples)) &&
           (head->nframes == 0 ||
            target_is_mapped(target, FAR_ADDRESS(head->frames),
                             head->nframes * sizeof(uintptr_t)));
}

static void drop_tables(struct profile *profile)
{
    free(profile->live);
    free(profile->stacks);
    free(profile->frames);
    profile->live = NULL;
    profile->stacks = NULL;
    profile->frames = NULL;
    profile->nlive = 0;
    profile->nstacks = 0;
    profile->nframes = 0;
}

static bool copy_stacks(struct profile *profile)
{
    const struct prof *head = &profile->head;

    profile->stacks = xcalloc((size_t)head->nstacks, sizeof *profile->stacks);
    profile->frames = xcalloc((size_t)head->nframes, sizeof *profile->frames);
    profile->nstacks = (size_t)head->nstacks;
    profile->nframes = (size_t)head->nframes;
    return copy_table(profile->target, TYPE_ID_prof_stack,
                      FAR_ADDRESS(head->stacks), profile->nstacks,
                      profile->stacks, sizeof *profile->stacks) &&
           (profile->nframes == 0 ||
            far_read(profile->target, FAR_ADDRESS(head->frames),
                     profile->frames,
                     profile->nframes * sizeof *profile->frames));
}

/* The free ones are left out, and those that make no sense. */
static void keep_live(struct profile *profile, const struct prof_sample *all,
                      size_t count)
{
    profile->live = xcalloc(count, sizeof *profile->live);
    profile->strange = 0;
    for (size_t i = 1; i < count; i++) {
        const struct prof_sample *sample = &all[i];
        if (sample->address == 0)
            continue;
        if (sample->stack >= profile->nstacks || sample->weight < PROF_ONE ||
            sample->size > sample->usable) {
            profile->strange++;
            continue;
        }
        profile->live[profile->nlive++].sample = *sample;
    }
}

static bool copy_samples(struct profile *profile)
{
    size_t count = (size_t)profile->head.nsamples;
    struct prof_sample *all = xcalloc(count, sizeof *all);
    bool copied =
        copy_table(profile->target, TYPE_ID_prof_sample,
                   FAR_ADDRESS(profile->head.samples), count, all, sizeof *all);

    if (copied)
        keep_live(profile, all, count);
    free(all);
    return copied;
}

/* Once; false: not readable.  Torn if a writer was at work meanwhile. */
static bool copy_once(struct profile *profile, uintptr_t at)
{
    struct target *target = profile->target;
    struct prof after;

    drop_tables(profile);
    far_forget(target);
    if (!far_struct(target, TYPE_ID_prof, at, &profile->head))
        return false;
    if (profile->head.started_ms == 0)
        return true;
    if (!is_sane(target, &profile->head) || !copy_stacks(profile) ||
        !copy_samples(profile) || !far_struct(target, TYPE_ID_prof, at, &after))
        return false;
    profile->is_torn =
        (profile->head.seq & 1) != 0 || profile->head.seq != after.seq;
    return true;
}

static int by_address(const void *left, const void *right)
{
    uintptr_t a = ((const struct live_sample *)left)->sample.address;
    uintptr_t b = ((const struct live_sample *)right)->sample.address;

    return (a > b) - (a < b);
}

static void finish(struct profile *profile)
{
    struct target *target = profile->target;

    if (profile->nlive > 1) {
        qsort(profile->live, profile->nlive, sizeof *profile->live, by_address);
    }
    profile->now_ms = target_clock_ms(target);
    for (size_t i = 0; profile->now_ms == 0 && i < profile->nlive; i++) {
        uint64_t birth = profile->live[i].sample.birth_ms;
        if (birth > profile->now_ms)
            profile->now_ms = birth;
    }
    if (profile->is_torn) {
        target_warn(target,
                    "the profile changed while it was copied, %d "
                    "times: its figures may be off by some samples",
                    PROFILE_ROUNDS);
    }
    if (profile->strange > 0) {
        target_warn(target, "%zu samples made no sense and were left out",
                    profile->strange);
    }
    if (profile->head.lost_samples + profile->head.lost_stacks > 0) {
        target_warn(target,
                    "the profile had no room for %llu samples and %llu "
                    "stacks: they are not in it",
                    (unsigned long long)profile->head.lost_samples,
                    (unsigned long long)profile->head.lost_stacks);
    }
}

struct profile *profile_load(struct target *target, struct failure *failure)
{
    const struct heap_root *root = target_root(target);
    uintptr_t at = root != NULL ? FAR_ADDRESS(root->prof) : 0;
    struct profile *profile = xcalloc(1, sizeof *profile);
    bool read = at != 0;

    profile->target = target;
    for (unsigned round = 0; read && round < PROFILE_ROUNDS; round++) {
        read = copy_once(profile, at);
        if (!profile->is_torn || target_kind(target) != TARGET_PROCESS)
            break;
    }
    if (!read) {
        (void)fail(failure, at != 0 ? STATUS_INCOMPLETE : STATUS_UNSUPPORTED,
                   at != 0 ? "the profile's tables are not readable"
                           : "this liballoc has no profile");
    } else if (profile->head.started_ms == 0) {
        (void)fail(failure, STATUS_GONE,
                   "the profile was never on: LIBALLOC_CONF=prof:1, or "
                   "heapinspect prof PID on");
        read = false;
    }
    if (!read) {
        profile_free(profile);
        return NULL;
    }
    finish(profile);
    return profile;
}

void profile_free(struct profile *profile)
{
    if (profile == NULL)
        return;
    drop_tables(profile);
    free(profile);
}

const uintptr_t *profile_frames(const struct profile *profile, size_t stack,
                                size_t *depth)
{
    const struct prof_stack *it = &profile->stacks[stack];

    *depth = 0;
    if (stack == PROF_NO_STACK || it->first >= profile->nframes)
        return NULL;
    *depth = it->depth <= PROF_DEPTH ? it->depth : PROF_DEPTH;
    if (*depth > profile->nframes - it->first)
        *depth = profile->nframes - it->first;
    return profile->frames + it->first;
}

const struct live_sample *profile_find(const struct profile *profile,
                                       uintptr_t mem)
{
    const struct live_sample wanted = {.sample.address = mem};

    if (profile->nlive == 0)
        return NULL;
    return bsearch(&wanted, profile->live, profile->nlive, sizeof wanted,
                   by_address);
}
