/* SPDX-License-Identifier: MIT */
#ifndef CMD_LEAKS_H
#define CMD_LEAKS_H
/* The parts of `leaks`: what is known of the blocks' stacks, what is shown. */
#include "cmd/view.h"
#include "leak/leaks.h"
#include "leak/suppress.h"
#include "prof/stack.h"

/*
 * view_begin() of a moment at which no thread is within the allocator: what
 * it hands out or takes back just then is on no list and nobody's yet.
 */
struct model *leaks_model(struct context *context);

/* The profile, if the target has one, and names for its stacks. */
struct leak_stacks {
    struct target *target;
    struct profile *profile; /* NULL: there is none */
    struct symbols *symbols; /* NULL: not needed yet */
    struct suppressions suppressions;
    uint8_t *verdicts; /* by stack: is it suppressed? */
    uint32_t *first;   /* by stack: the first that is the same outside of the
                          allocator; 0: not looked for yet */
    uint32_t *chains;  /* of those: the next of the same hash, by stack ... */
    uint32_t *heads;   /* ... and the first; by hash */
    struct named_stack named;
};

/* False with *failure: the file of suppressions. */
bool leak_stacks_begin(struct leak_stacks *stacks, struct target *target,
                       const char *suppressions, struct failure *failure);
void leak_stacks_end(struct leak_stacks *stacks);

/* What leaks_find() asks; valid as long as the stacks. */
struct leak_lore leak_stacks_lore(struct leak_stacks *stacks);

/* Innermost first; until the next call. */
const struct named_stack *leak_stacks_name(struct leak_stacks *stacks,
                                           uint32_t stack);

enum status leaks_show_groups(struct context *context,
                              const struct model *model,
                              const struct leaks *leaks,
                              struct leak_stacks *stacks);
enum status leaks_show_objects(struct context *context,
                               const struct leaks *leaks);
void leaks_show_sums(struct context *context, const struct leaks *leaks);

/* In the words of LeakSanitizer. */
void leaks_tell(struct context *context, const struct model *model,
                const struct leaks *leaks, struct leak_stacks *stacks);

/* --explain ADDRESS: the way from a root to the block. */
enum status leaks_explain(struct context *context, const struct model *model,
                          const struct freelist *freelist, bool interior,
                          const char *address);

#endif
