/* SPDX-License-Identifier: MIT */
/*
 * An address among the guarded samples, in words: whose page it is, and how
 * far it is from the block.  After a fault there this is the answer.
 */
#include "cmd/whatis.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void say(char *text,
                                                      const char *format, ...)
{
    size_t used = strlen(text);
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text + used, GUARDED_TEXT - used, format, list);
    va_end(list);
}

static void say_block(char *text, const struct lookup *lookup, size_t i)
{
    const struct guarded_slot *slot = &lookup->model->guarded->slots[i];
    char address[32];
    char name[VIEW_NAME];

    if (slot->state == GUARDED_NEVER) {
        say(text, "sample %zu, never used", i);
        return;
    }
    if (slot->state == GUARDED_MOVING || slot->mem == 0) {
        say(text, "sample %zu, being made or freed, or damaged", i);
        return;
    }
    (void)view_thread_name(lookup->context->target, slot->tid, name);
    say(text, "sample %zu, %zu bytes at %s, %s by thread %u%s%s", i, slot->size,
        output_address(lookup->context->output, slot->mem, address,
                       sizeof address),
        slot->state == GUARDED_LIVE ? "made" : "freed", slot->tid,
        *name != '\0' ? " " : "", name);
}

static void say_distance(char *text, const struct guarded_slot *slot,
                         uintptr_t address)
{
    bool has_block =
        slot->state == GUARDED_LIVE || slot->state == GUARDED_FREED;

    if (!has_block || slot->mem == 0)
        return;
    if (address < slot->mem) {
        say(text, ": %zu bytes before it", slot->mem - address);
    } else if (address - slot->mem >= slot->size) {
        say(text, ": %zu bytes behind its end",
            address - slot->mem - slot->size);
    }
}

/* Page `page` guards the end of the sample before and the start of the next. */
static void say_guard(char *text, const struct lookup *lookup, size_t page,
                      uintptr_t address)
{
    const struct guarded_slot *slots = lookup->model->guarded->slots;

    say(text, "guard page");
    if (page > 0) {
        say(text, "; after ");
        say_block(text, lookup, page / 2 - 1);
        say_distance(text, &slots[page / 2 - 1], address);
    }
    if (page / 2 < GUARDED_SLOTS) {
        say(text, "; before ");
        say_block(text, lookup, page / 2);
        say_distance(text, &slots[page / 2], address);
    }
}

const char *whatis_guarded(const struct lookup *lookup,
                           const struct answer *answer, char text[GUARDED_TEXT])
{
    size_t page;

    if (!model_guarded_at(lookup->model, answer->address, &page))
        return NULL;
    text[0] = '\0';
    if (page % 2 == 0) {
        say_guard(text, lookup, page, answer->address);
        return text;
    }
    const struct guarded_slot *slot = &lookup->model->guarded->slots[page / 2];
    say_block(text, lookup, page / 2);
    say_distance(text, slot, answer->address);
    if (slot->state == GUARDED_FREED)
        say(text, "; a use after free faults here");
    return text;
}
