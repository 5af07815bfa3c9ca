/* SPDX-License-Identifier: MIT */
#include "prof/sample_table.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "os/os_mem.h"
#include "page/page_map.h"
#include "prof/grow.h"

enum {
    NBUCKETS_LOG = 16,
    NBUCKETS = 1 << NBUCKETS_LOG,
};

static struct grow samples_room;
static struct grow buckets_room;
static uint32_t free_list; /* samples[] that can be used again, by next */

bool sample_table_init(struct prof *prof)
{
    if (prof->samples != NULL)
        return true;
    if (!grow_reserve(&samples_room,
                      SAMPLES_MAX * sizeof(struct prof_sample)) ||
        !grow_reserve(&buckets_room, NBUCKETS * sizeof(uint32_t)) ||
        !grow_to(&buckets_room, NBUCKETS * sizeof(uint32_t), &prof->memory))
        return false;
    prof->buckets = buckets_room.start;
    prof->nbuckets = NBUCKETS;
    prof->nsamples = 1; /* PROF_NO_SAMPLE */
    prof->samples = samples_room.start;
    return true;
}

static _Atomic uint32_t *bucket_of(const struct prof *prof, uintptr_t address)
{
    uint64_t hash = (address >> PAGE_SHIFT) * 0x9e3779b97f4a7c15u;

    return &prof->buckets[hash >> (64 - NBUCKETS_LOG)];
}

/* Lookups may run meanwhile: they see that seq moved, and look again. */
static void begin_change(struct prof *prof)
{
    /* stale ok: only the holder of the lock writes */
    store_relaxed(&prof->seq, load_relaxed(&prof->seq) + 1);
    /* release: the odd number before the change; pairs with the acquire
       fence in was_still() */
    fence_release();
}

static void end_change(struct prof *prof)
{
    /* release: the change before the even number; pairs with the load in
       sample_table_holds().  stale ok: as above */
    store_release(&prof->seq, load_relaxed(&prof->seq) + 1);
}

static bool was_still(const struct prof *prof, uint32_t seq)
{
    /* acquire: what was read before stays before; pairs with begin_change() */
    fence_acquire();
    /* stale ok: ordered by the fence */
    return (seq & 1) == 0 && load_relaxed(&prof->seq) == seq;
}

/* Its index; PROF_NO_SAMPLE = not there.  Bounded even where links change. */
static uint32_t find(const struct prof *prof, uintptr_t address)
{
    /* stale ok: the lock is held, or seq is compared afterwards */
    uint32_t at = load_relaxed(bucket_of(prof, address));

    for (uint32_t n = 0; at != PROF_NO_SAMPLE && n < SAMPLES_MAX; n++) {
        const struct prof_sample *sample = &prof->samples[at];
        /* stale ok: as above */
        if (load_relaxed(&sample->address) == address)
            return at;
        /* stale ok: as above */
        at = load_relaxed(&sample->next);
    }
    return PROF_NO_SAMPLE;
}

/*
 * False: the page is nobody's.  Mappings may lie where the break has room to
 * grow (qemu's do); their tags cannot be written.
 */
static bool find_page(uintptr_t address, struct page_ref *ref)
{
    return page_lookup(address, ref) && ref->tag != 0;
}

bool sample_table_holds(const struct prof *prof, uintptr_t address)
{
    struct page_ref ref;

    if (find_page(address, &ref) && !tag_is_sampled(&ref))
        return false;
    /* acquire: pairs with the release in end_change() */
    uint32_t seq = load_acquire(&prof->seq);
    return find(prof, address) != PROF_NO_SAMPLE || !was_still(prof, seq);
}

uint64_t sample_bytes(const struct prof_sample *sample)
{
    /* size * weight is at most about 2 * PROF_ONE * the larger of size and
       period, and the period at most PROF_PERIOD_MAX */
    return sample->size < PROF_PERIOD_MAX
               ? sample->size * sample->weight / PROF_ONE
               : sample->size;
}

/* Before live_bytes changes: what it was at the last peak, if it was so. */
static void keep_peak(const struct prof *prof, struct prof_stack *stack)
{
    if (stack->peak_epoch != prof->peak_epoch) {
        stack->peak_epoch = prof->peak_epoch;
        stack->peak_bytes = stack->live_bytes;
    }
}

static void add_sums(struct prof *prof, const struct prof_sample *sample)
{
    struct prof_stack *stack = &prof->stacks[sample->stack];
    uint64_t bytes = sample_bytes(sample);

    keep_peak(prof, stack);
    stack->live_objects += sample->weight;
    stack->live_bytes += bytes;
    prof->live_samples++;
    prof->live_bytes += bytes;
    if (prof->live_bytes > prof->peak_bytes) {
        prof->peak_bytes = prof->live_bytes;
        prof->peak_ms = os_time_ms();
        prof->peak_epoch++;
    }
}

static void subtract_sums(struct prof *prof, const struct prof_sample *sample)
{
    struct prof_stack *stack = &prof->stacks[sample->stack];
    uint64_t bytes = sample_bytes(sample);

    keep_peak(prof, stack);
    stack->live_objects -= sample->weight;
    stack->live_bytes -= bytes;
    prof->live_samples--;
    prof->live_bytes -= bytes;
}

/* A free one; PROF_NO_SAMPLE = full, or no memory. */
static uint32_t take_free(struct prof *prof)
{
    uint32_t at = free_list;

    if (at != PROF_NO_SAMPLE) {
        /* stale ok: the lock is held */
        free_list = load_relaxed(&prof->samples[at].next);
        return at;
    }
    if (prof->nsamples >= SAMPLES_MAX ||
        !grow_to(&samples_room,
                 (prof->nsamples + 1) * sizeof(struct prof_sample),
                 &prof->memory))
        return PROF_NO_SAMPLE;
    return (uint32_t)prof->nsamples++;
}

bool sample_table_add(struct prof *prof, const struct prof_sample *sample)
{
    /* stale ok: the caller's own copy */
    uintptr_t address = load_relaxed(&sample->address);
    _Atomic uint32_t *bucket = bucket_of(prof, address);
    struct prof_sample *slot;
    struct page_ref ref;

    begin_change(prof);
    uint32_t at = take_free(prof);
    if (at == PROF_NO_SAMPLE) {
        prof->lost_samples++;
        end_change(prof);
        return false;
    }
    slot = &prof->samples[at];
    slot->size = sample->size;
    slot->usable = sample->usable;
    slot->weight = sample->weight;
    slot->birth_ms = sample->birth_ms;
    slot->stack = sample->stack;
    slot->tid = sample->tid;
    /* stale ok: the lock is held; lookups compare seq */
    store_relaxed(&slot->address, address);
    /* stale ok: as above */
    store_relaxed(&slot->next, load_relaxed(bucket));
    /* stale ok: as above */
    store_relaxed(bucket, at);
    add_sums(prof, sample);
    if (find_page(address, &ref))
        tag_set_sampled(&ref, true);
    end_change(prof);
    return true;
}

/* Its page has no other: frees there are as fast as ever again. */
static void unmark_page(const struct prof *prof, uintptr_t address)
{
    struct page_ref ref;

    if (!find_page(address, &ref))
        return;
    /* stale ok: the lock is held */
    uint32_t at = load_relaxed(bucket_of(prof, address));
    while (at != PROF_NO_SAMPLE) {
        const struct prof_sample *sample = &prof->samples[at];
        /* stale ok: as above */
        if (load_relaxed(&sample->address) >> PAGE_SHIFT ==
            address >> PAGE_SHIFT)
            return;
        /* stale ok: as above */
        at = load_relaxed(&sample->next);
    }
    tag_set_sampled(&ref, false);
}

bool sample_table_take(struct prof *prof, uintptr_t address,
                       struct prof_sample *sample)
{
    _Atomic uint32_t *link = bucket_of(prof, address);
    uint32_t at = find(prof, address);

    if (at == PROF_NO_SAMPLE)
        return false;
    /* stale ok: the lock is held */
    while (load_relaxed(link) != at)
        link = &prof->samples[load_relaxed(link)].next; /* stale ok: as above */
    struct prof_sample *slot = &prof->samples[at];
    begin_change(prof);
    /* stale ok: the lock is held; lookups compare seq */
    store_relaxed(link, load_relaxed(&slot->next));
    *sample = *slot;
    subtract_sums(prof, sample);
    /* stale ok: as above */
    store_relaxed(&slot->address, 0);
    /* stale ok: as above */
    store_relaxed(&slot->next, free_list);
    free_list = at;
    unmark_page(prof, address);
    end_change(prof);
    return true;
}
