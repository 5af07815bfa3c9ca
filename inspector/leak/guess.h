/* SPDX-License-Identifier: MIT */
#ifndef LEAK_GUESS_H
#define LEAK_GUESS_H
/*
 * What a block holds, by its first bytes.  C++ objects by their own run-time
 * type information, which stripped programs have as well:
 *
 *   block -> vptr -> | offset to top | typeinfo | functions ...
 *                                        |-> | its vptr | name -> "3Foo"
 */
#include "walk/objects.h"

enum guess {
    GUESS_OBJECT,   /* C++, of a class with virtual functions */
    GUESS_TEXT,     /* printable up to a NUL */
    GUESS_ZERO,     /* nothing but zeros */
    GUESS_POINTERS, /* half of its words that are not 0, at least */
    GUESS_DATA,
    NGUESSES,
};
extern const char *const guess_names[NGUESSES];

enum {
    GUESS_BYTES = 4096, /* looked at */
    GUESS_NAME = 256,
};

struct guesser {
    const struct model *model;
    struct type_name *types; /* by vptr: open addressing */
    size_t room;
    size_t count;
    uintptr_t heap_start; /* what a pointer may point to */
    uintptr_t heap_end;
    uint8_t bytes[GUESS_BYTES];
};

void guesser_begin(struct guesser *guesser, const struct model *model);
void guesser_end(struct guesser *guesser);

/*
 * False: not readable.  *type: the class of an object, valid until
 * guesser_end(); else NULL.
 */
bool guess_block(struct guesser *guesser, const struct object *object,
                 enum guess *guess, const char **type);

/* What the bytes alone tell; never GUESS_OBJECT. */
enum guess guess_bytes(const struct guesser *guesser, const uint8_t *bytes,
                       size_t size);

#endif
