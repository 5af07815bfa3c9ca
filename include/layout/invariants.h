/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_INVARIANTS_H
#define LAYOUT_INVARIANTS_H
/* The table of invariants: one numbering for the allocator and its readers. */

struct invariant_entry {
    const char *id;       /* "C1" */
    const char *where;    /* "chunk" */
    const char *sentence; /* what should hold */
    const char *line;     /* "C1 chunk: ..." */
};

enum invariant {
#define I(name, id, where, sentence) INVARIANT_##name,
#include "layout/invariants.def"
#undef I
    NINVARIANTS
};

static inline const struct invariant_entry *invariant_entry(enum invariant it)
{
    static const struct invariant_entry entries[NINVARIANTS] = {
#define I(name, id, where, sentence) \
    {#id, where, sentence, #id " " where ": not so: " sentence},
#include "layout/invariants.def"
#undef I
    };
    return &entries[it];
}

/* For debug checks: which one is broken, as one line. */
static inline const char *invariant_broken(enum invariant it)
{
    return invariant_entry(it)->line;
}

#endif
