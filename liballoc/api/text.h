/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_API_TEXT_H
#define LIBALLOC_API_TEXT_H
/*
 * A report is gathered first, in a mapping of its own, and written when no
 * lock is held: no stdio under a lock, hence no allocation and no cancellation
 * point, and a reader that does not read holds up nobody else.
 * Layer: api.
 */
#include "base/bits.h"
#include "base/print.h"
#include "os/os_mem.h"

#include <stdbool.h>

struct text {
    char *buf;
    size_t len; /* of buf */
    size_t at;  /* used */
};

/* Room for `len` bytes; false: no memory. */
static inline bool text_map(struct text *text, size_t len)
{
    text->len = round_up(len, os_page_size());
    text->at = 0;
    text->buf = os_map(text->len);
    return text->buf != NULL;
}

static inline void text_unmap(struct text *text)
{
    os_unmap(text->buf, text->len);
}

static inline size_t text_room(const struct text *text)
{
    return text->len - text->at;
}

/* Precondition: text_room() suffices. */
#define TEXT(text, ...) \
    ((text)->at +=      \
     print_buf((text)->buf + (text)->at, text_room(text), __VA_ARGS__))

#endif
