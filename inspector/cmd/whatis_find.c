/* SPDX-License-Identifier: MIT */
/*
 * The addresses of whatis.  Many are looked up in ascending order and shown in
 * the order given.
 */
#include "cmd/whatis.h"
#include "memory.h"
#include "walk/resident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ADDRESSES_MAX = 1 << 26,
    LINE = 128,
};

static void add(struct lookup *lookup, uintptr_t address)
{
    lookup->answers =
        xgrow(lookup->answers, lookup->count, sizeof *lookup->answers);
    memset(&lookup->answers[lookup->count], 0, sizeof *lookup->answers);
    lookup->answers[lookup->count].address = address;
    lookup->answers[lookup->count].order = lookup->count;
    lookup->count++;
}

/* False: it is no address; said in the verb's failure. */
static bool add_text(struct lookup *lookup, const char *text)
{
    const char *end;
    uintptr_t address;

    if (!view_address(text, &address, &end) || *end != '\0') {
        (void)fail(lookup->context->failure, STATUS_USAGE,
                   "`%.64s` is no address", text);
        return false;
    }
    add(lookup, address);
    return true;
}

static bool add_stdin(struct lookup *lookup)
{
    char line[LINE];

    while (lookup->count < ADDRESSES_MAX &&
           fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, " \t\r\n")] = '\0';
        if (line[0] != '\0' && !add_text(lookup, line))
            return false;
    }
    return true;
}

bool whatis_collect(struct lookup *lookup)
{
    const struct context *context = lookup->context;

    for (int i = 0; i < context->argc; i++) {
        bool added = strcmp(context->argv[i], "-") == 0
                         ? add_stdin(lookup)
                         : add_text(lookup, context->argv[i]);
        if (!added)
            return false;
    }
    if (lookup->count == 0) {
        (void)fail(context->failure, STATUS_USAGE,
                   "whatis needs an address, or - to read them from stdin");
    }
    return lookup->count > 0;
}

static int by_address(const void *a, const void *b)
{
    const struct answer *left = a;
    const struct answer *right = b;

    return (left->address > right->address) - (left->address < right->address);
}

static int by_order(const void *a, const void *b)
{
    const struct answer *left = a;
    const struct answer *right = b;

    return (left->order > right->order) - (left->order < right->order);
}

void whatis_find(struct lookup *lookup)
{
    static struct object_finder finder;
    struct resident resident;

    qsort(lookup->answers, lookup->count, sizeof *lookup->answers, by_address);
    object_finder_begin(&finder, lookup->model, lookup->freelist);
    resident_begin(&resident, lookup->context->target);
    for (size_t i = 0; i < lookup->count; i++) {
        struct answer *answer = &lookup->answers[i];
        answer->has_object =
            object_find(&finder, answer->address, &answer->object);
        answer->has_block = finder.has_block;
        answer->block = finder.block;
        answer->bits = (uint8_t)resident_bits(&resident, answer->address);
    }
    if (!resident.known) {
        for (size_t i = 0; i < lookup->count; i++)
            lookup->answers[i].bits = 0;
    }
    resident_end(&resident);
    object_finder_end(&finder);
    qsort(lookup->answers, lookup->count, sizeof *lookup->answers, by_order);
}
