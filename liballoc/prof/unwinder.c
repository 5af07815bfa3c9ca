/* SPDX-License-Identifier: MIT */
#include "prof/unwinder.h"

#include "prof/unwind_learn.h"
#include "prof/unwind_object.h"

#include <string.h>

enum {
    REGISTER_BP = 6,
    REGISTER_SP = 7,
    REGISTER_PC = 16,
};

/* No code lies in it. */
static const struct unwind_object no_object;

void unwinder_begin(struct unwinder *unwinder, const uintptr_t *registers,
                    bool full)
{
    unwinder->nrecent = 0;
    unwinder->full = full;
    unwinder->frame = (struct frame){.at = registers[REGISTER_PC],
                                     .sp = registers[REGISTER_SP],
                                     .bp = registers[REGISTER_BP]};
    if (full) {
        memcpy(unwinder->registers, registers,
               REGISTERS * sizeof *unwinder->registers);
    }
    stack_reader_begin(&unwinder->stack, unwinder->frame.sp);
}

static const struct rule *rule_find(const struct rule *bucket, uint64_t key)
{
    if ((bucket[0].key & ~RULE_RARE) == key)
        return &bucket[0];
    return (bucket[1].key & ~RULE_RARE) == key ? &bucket[1] : NULL;
}

COLD static const struct rule *rule_add(struct unwinder *unwinder,
                                        const struct unwind_object *object,
                                        uintptr_t at)
{
    struct rule rule = learn_rule(unwinder, object, at);
    uint64_t key = object->key | at;
    struct rule *bucket = rule_bucket(unwinder, key);

    /* unwinder_walk() passes it by. */
    rule.key = rule.kind <= RULE_BP ? key : key | RULE_RARE;
    bucket[1] = bucket[0];
    bucket[0] = rule;
    return bucket;
}

static enum step apply(struct unwinder *unwinder, const struct rule *rule)
{
    struct frame *frame = &unwinder->frame;
    struct frame caller = {.bp = frame->bp};
    uintptr_t pc;
    uintptr_t bp_base = frame->bp;
    uintptr_t offset = (uintptr_t)(intptr_t)rule->cfa;

    unwinder->by_sp = rule->kind == RULE_SP;
    switch ((enum rule_kind)rule->kind) {
    case RULE_SP:
        bp_base = caller.sp = frame->sp + offset;
        break;
    case RULE_BP:
        bp_base = caller.sp = frame->bp + offset;
        break;
    case RULE_BP_AT:
        if (!stack_word(&unwinder->stack, frame->bp + offset, &caller.sp))
            return STEP_LOST;
        break;
    case RULE_SIGNAL:
        return learn_signal(unwinder);
    case RULE_OTHER:
        return STEP_OTHER;
    case RULE_END:
        return STEP_END;
    case RULE_NOTHING:
    case RULE_NONE:
        return STEP_LOST;
    }
    if (rule->bp != 0)
        caller.bp_at = bp_base + (uintptr_t)(intptr_t)rule->bp;
    if (caller.sp <= frame->sp ||
        !stack_word(&unwinder->stack, caller.sp - sizeof pc, &pc) ||
        (caller.bp_at != 0 &&
         !stack_word(&unwinder->stack, caller.bp_at, &caller.bp)))
        return STEP_LOST;
    caller.at = pc - 1;
    *frame = caller;
    return pc != 0 ? STEP_ON : STEP_END;
}

enum step unwinder_step(struct unwinder *unwinder)
{
    uintptr_t at = unwinder->frame.at;
    const struct unwind_object *object = unwind_object_find(unwinder, at);

    if (object == NULL)
        return STEP_FOREIGN;
    if (unwinder->full)
        return learn_step(unwinder, object, at);
    uint64_t key = object->key | at;
    const struct rule *rule = rule_find(rule_bucket(unwinder, key), key);
    return apply(unwinder, rule ? rule : rule_add(unwinder, object, at));
}

/*
 * The same as unwinder_step() for most frames: a rule that goes by RSP or RBP,
 * and words that are certainly readable.  Variables of its own, which stay in
 * registers: this is what a sample costs.  A caller at 0 is stored, seen in
 * the next turn, and taken back.
 */
enum step unwinder_walk(struct unwinder *unwinder, uintptr_t *pcs, unsigned max,
                        unsigned *count)
{
    const struct unwind_object *object = &no_object;
    uintptr_t at = unwinder->frame.at;
    uintptr_t sp = unwinder->frame.sp;
    uintptr_t bp = unwinder->frame.bp;
    uintptr_t *next = pcs;
    enum step step = STEP_ON;

    while (next < pcs + max) {
        FORGET(at); /* gcc would keep it and `sp` in one vector register */
        FORGET(sp);
        if (UNLIKELY(at - object->start >= object->size)) {
            object = unwind_object_find(unwinder, at);
            if (object == NULL || unwinder->full)
                object = &no_object;
        }
        uint64_t key = object->key | at;
        const struct rule *rule = rule_bucket(unwinder, key);
        uintptr_t base = rule->kind == RULE_SP ? sp : bp;
        uintptr_t cfa = base + (uintptr_t)(intptr_t)rule->cfa;
        uintptr_t pc;
        if (LIKELY(rule->key == key) && LIKELY(cfa > sp) &&
            LIKELY(stack_word_direct(&unwinder->stack, cfa - sizeof pc, &pc)) &&
            LIKELY(rule->bp == 0 ||
                   stack_word_direct(&unwinder->stack,
                                     cfa + (uintptr_t)(intptr_t)rule->bp,
                                     &bp))) {
            at = pc - 1;
            sp = cfa;
        } else {
            if (at == UINTPTR_MAX)
                break;
            unwinder->frame = (struct frame){.at = at, .sp = sp, .bp = bp};
            step = unwinder_step(unwinder);
            if (step != STEP_ON)
                break;
            at = unwinder->frame.at;
            sp = unwinder->frame.sp;
            bp = unwinder->frame.bp;
        }
        *next++ = at + 1;
    }
    bool is_end = at == UINTPTR_MAX;
    *count = (unsigned)(next - pcs) - is_end;
    return is_end ? STEP_END : step;
}
