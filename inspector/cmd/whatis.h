/* SPDX-License-Identifier: MIT */
#ifndef INSPECTOR_CMD_WHATIS_H
#define INSPECTOR_CMD_WHATIS_H
/*
 * What lies at addresses: asked for, and found.
 */
#include "cmd/profiled.h"
#include "walk/freelist.h"
#include "walk/objects.h"

enum { GUARDED_TEXT = 512 };

/* What was found out about one address. */
struct answer {
    uintptr_t address;
    size_t order; /* in which it was asked */
    struct block block;
    struct object object;
    uint8_t has_block;
    uint8_t has_object;
    uint8_t bits; /* of its system page */
};

struct lookup {
    struct context *context;
    const struct model *model;
    const struct freelist *freelist;
    struct profiled profiled; /* profile NULL: there is none */
    struct answer *answers;
    size_t count;
};

/*
 * The addresses that the verb was given, by arguments or from stdin.  False:
 * one of them is none, or there are none; said in the verb's failure.
 */
bool whatis_collect(struct lookup *lookup);

/* Fills in the answers. */
void whatis_find(struct lookup *lookup);

/* Of an address among the guarded samples, in `text`; NULL: it is not. */
const char *whatis_guarded(const struct lookup *lookup,
                           const struct answer *answer,
                           char text[GUARDED_TEXT]);

#endif
