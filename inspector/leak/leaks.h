/* SPDX-License-Identifier: MIT */
#ifndef LEAK_LEAKS_H
#define LEAK_LEAKS_H
/*
 * What no root reaches.  Of a set of unreachable blocks the direct leaks are
 * the fewest that lead to all others, one a cycle that nothing leads into;
 * the others are indirect, and gone when the direct ones are freed rightly.
 */
#include "leak/roots.h"

/* Leaked blocks that have all but their address in common. */
struct leak_group {
    bool direct;
    enum block_kind kind;
    uint32_t heap_id; /* 0: none, or several */
    uint32_t stack;   /* that allocated them, of the profile; 0: not known */
    size_t size;      /* usable bytes of each; 0: they differ */
    size_t objects;
    size_t bytes;
    size_t indirect_objects; /* direct: that they lead to ... */
    size_t indirect_bytes;   /* ... and their bytes; each counts once */
    uintptr_t example;
};

/* What is known of blocks beyond the heap; any may be NULL. */
struct leak_lore {
    uint32_t (*stack_of)(void *data, uintptr_t mem);
    bool (*is_suppressed)(void *data, uint32_t stack);
    void *data;
};

struct leaks {
    struct leak_index *index; /* holds what leaks */
    struct roots roots;
    struct leak_group *groups; /* the largest first, direct before indirect */
    size_t ngroups;
    size_t direct_objects, direct_bytes;
    size_t indirect_objects, indirect_bytes;
    size_t suppressed_objects, suppressed_bytes;
    size_t blocks; /* live ones */
    size_t bytes;
    size_t scanned;    /* bytes read */
    size_t unreadable; /* bytes that were not */
    size_t unread;     /* slabs and chunks that made no sense */
};

/* Of a model whose target stands.  End with leaks_free(). */
void leaks_find(const struct model *model, const struct freelist *freelist,
                bool interior, const struct leak_lore *lore,
                struct leaks *leaks);
void leaks_free(struct leaks *leaks);

/* A block of the index: what kind, whose, how large. */
void leak_describe(const struct leak_index *index, const struct leak_ref *ref,
                   struct leak_group *group);

#endif
