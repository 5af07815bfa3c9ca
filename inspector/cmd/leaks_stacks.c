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
        stacks->verdicts = xcalloc(stacks->profile->nstacks, 1);
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

static uint32_t stack_of(void *data, uintptr_t mem)
{
    const struct leak_stacks *stacks = data;
    const struct live_sample *found = profile_find(stacks->profile, mem);

    return found != NULL ? found->sample.stack : 0;
}

struct leak_lore leak_stacks_lore(struct leak_stacks *stacks)
{
    return (struct leak_lore){
        .stack_of = stacks->profile != NULL ? stack_of : NULL,
        .is_suppressed = stacks->suppressions.count > 0 ? is_suppressed : NULL,
        .data = stacks,
    };
}
