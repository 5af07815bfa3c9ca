/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_SAMPLE_TABLE_H
#define LIBALLOC_PROF_SAMPLE_TABLE_H
/*
 * The side table: live sampled blocks by address, chained by page, with the
 * sums of their stacks.  A page with samples carries KIND_SAMPLED in its tag,
 * so the fast path of free() passes it on; that is all that frees pay.
 * Layer: prof.  Finding takes no lock where nobody writes; the rest is
 * protected by the lock of `prof`.
 */
#include "layout/prof.h"

#include <stdbool.h>

enum {
    SAMPLES_MAX = 1 << 20,
};

/* Reserves; false: no address space, nothing was changed. */
bool sample_table_init(struct prof *prof);

/*
 * False = certainly not sampled.  The caller owns the block, so nobody adds
 * or takes just this one meanwhile.
 */
bool sample_table_holds(const struct prof *prof, uintptr_t address);

/* Adds *sample (all but its links), or counts it as lost: false. */
bool sample_table_add(struct prof *prof, const struct prof_sample *sample);

/* All bytes that it stands for. */
uint64_t sample_bytes(const struct prof_sample *sample);

/* Takes it out; false: it is not there.  *sample gets what it was. */
bool sample_table_take(struct prof *prof, uintptr_t address,
                       struct prof_sample *sample);

#endif
