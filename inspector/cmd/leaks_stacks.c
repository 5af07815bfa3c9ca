/* SPDX-License-Identifier: MIT */
#include "cmd/leaks.h"

#include "memory.h"

#include <stdlib.h>

enum verdict { VERDICT_NONE, VERDICT_KEPT, VERDICT_SUPPRESSED };

bool leak_stacks_begin(struct leak_stacks *stacks, struct target *target,
                       const char *suppressions, struct failure *failure)
{
    struct failure unwanted; /* most targets have no profile */

    *stacks = (struct leak_stacks){.target = target};
    if (suppressions != NULL &&
        !suppressions_read(suppressions, &stacks->suppressions, failure))
        return false;
    stacks->profile = profile_load(target, &unwanted);
    if (stacks->profile != NULL) {
        size_t count = stacks->profile->nstacks;
        stacks->verdicts = xcalloc(count, 1);
        stacks->first = xcalloc(count, sizeof *stacks->first);
        stacks->chains = xcalloc(count, sizeof *stacks->chains);
        stacks->heads = xcalloc(count, sizeof *stacks->heads);
    } else if (stacks->suppressions.count > 0) {
        target_warn(target, "no suppression can match: without a profile "
                            "(LIBALLOC_CONF=prof:1,prof_period:1) there are "
                            "no stacks");
    }
    return true;
}

void leak_stacks_end(struct leak_stacks *stacks)
{
    suppressions_free(&stacks->suppressions);
    symbols_end(stacks->symbols);
    profile_free(stacks->profile);
    free(stacks->verdicts);
    free(stacks->first);
    free(stacks->chains);
    free(stacks->heads);
    *stacks = (struct leak_stacks){0};
}

const struct named_stack *leak_stacks_name(struct leak_stacks *stacks,
                                           uint32_t stack)
{
    if (stacks->symbols == NULL)
        stacks->symbols = symbols_begin(stacks->target, false);
    stack_name(stacks->profile, stacks->symbols, stack, &stacks->named);
    return &stacks->named;
}

static bool matches(const struct leak_stacks *stacks,
                    const struct symbol *symbol)
{
    const struct suppressions *all = &stacks->suppressions;
    const struct modules *modules = symbols_modules(stacks->symbols);

    return suppressions_match(all, symbol->function) ||
           suppressions_match(all, symbol->system) ||
           suppressions_match(all, symbol->file) ||
           (symbol->module < modules->count &&
            suppressions_match(all, modules->all[symbol->module].path));
}

static bool is_suppressed(void *data, uint32_t stack)
{
    struct leak_stacks *stacks = data;

    if (stack >= stacks->profile->nstacks)
        return false;
    if (stacks->verdicts[stack] == VERDICT_NONE) {
        const struct named_stack *named = leak_stacks_name(stacks, stack);
        stacks->verdicts[stack] = VERDICT_KEPT;
        for (size_t i = 0; i < named->count; i++) {
            if (matches(stacks, named->symbols[i]))
                stacks->verdicts[stack] = VERDICT_SUPPRESSED;
        }
    }
    return stacks->verdicts[stack] == VERDICT_SUPPRESSED;
}

/* Of the names: the allocator's own frames depend on how full its bins are,
   and a line of source may call at several addresses. */
static uint64_t hash_of(const struct named_stack *named)
{
    uint64_t hash = named->count;

    for (size_t i = 0; i < named->count; i++) {
        hash ^= (uintptr_t)named->symbols[i]->function;
        hash = (hash + named->symbols[i]->line) * 0x9e3779b97f4a7c15u;
    }
    return hash ^ hash >> 31;
}

static bool is_same(const struct named_stack *a, const struct named_stack *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        /* One copy of each text is kept. */
        if (a->symbols[i]->function != b->symbols[i]->function ||
            a->symbols[i]->line != b->symbols[i]->line)
            return false;
    }
    return true;
}

/* The first stack that was seen with the same functions and lines. */
static uint32_t first_of(struct leak_stacks *stacks, uint32_t stack)
{
    static struct named_stack named;

    if (stacks->first[stack] != 0)
        return stacks->first[stack];
    named = *leak_stacks_name(stacks, stack);
    uint32_t *head = &stacks->heads[hash_of(&named) % stacks->profile->nstacks];
    uint32_t found = *head;
    while (found != 0 && !is_same(&named, leak_stacks_name(stacks, found)))
        found = stacks->chains[found];
    if (found == 0) {
        found = stack;
        stacks->chains[stack] = *head;
        *head = stack;
    }
    stacks->first[stack] = found;
    return found;
}

static uint32_t stack_of(void *data, uintptr_t mem)
{
    struct leak_stacks *stacks = data;
    const struct live_sample *found = profile_find(stacks->profile, mem);

    if (found == NULL || found->sample.stack == 0 ||
        found->sample.stack >= stacks->profile->nstacks)
        return 0;
    return first_of(stacks, found->sample.stack);
}

struct leak_lore leak_stacks_lore(struct leak_stacks *stacks)
{
    return (struct leak_lore){
        .stack_of = stacks->profile != NULL ? stack_of : NULL,
        .is_suppressed = stacks->suppressions.count > 0 ? is_suppressed : NULL,
        .data = stacks,
    };
}
