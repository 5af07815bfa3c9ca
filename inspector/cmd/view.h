/* SPDX-License-Identifier: MIT */
#ifndef CMD_VIEW_H
#define CMD_VIEW_H
/*
 * What the verbs of the allocator's view share: the model with its
 * consistency said, values for rows, names of threads.
 */
#include "cmd/cmd.h"
#include "walk/model.h"
#include "walk/objects.h"

/*
 * The model of the verb's target; NULL with the verb's failure filled.
 * `held`: the target stands (in mode stop) until view_end().
 */
struct model *view_begin(struct context *context, bool held);

/*
 * Frees it.  The verb's status: `status`, or STATUS_INCOMPLETE if it was fine
 * but some of the heap could not be read.
 */
enum status view_end(struct context *context, struct model *model,
                     enum status status);

/* Objects that a walk could not verify; added to what the model says. */
void view_unverified(struct context *context, const struct model *model,
                     size_t objects);

/* Part of a whole; not known of nothing. */
static inline struct value value_part(size_t part, size_t whole)
{
    return (struct value){
        .ratio = whole != 0 ? (double)part / (double)whole : 0,
        .unknown = whole == 0,
    };
}

/* An address as users write them, in hex; `end` behind it.  False: none. */
bool view_address(const char *text, uintptr_t *address, const char **end);

/* 0 is not known: heap ids, addresses. */
static inline struct value value_nonzero(uint64_t number)
{
    return (struct value){.number = number, .unknown = number == 0};
}

enum { VIEW_NAME = 64 };

/* Its name now, or "" if the thread is gone; text >= VIEW_NAME. */
const char *view_thread_name(struct target *target, uint32_t tid, char *text);
const char *view_heap_state(const struct heap *heap);

/* "bin 12 of heap 3", "spare 12 of heap 3"; "" = no list known. */
const char *view_list_name(const struct free_label *label, char *text,
                           size_t size);

/* The list that a free object is on; NULL: none is known, or it is live. */
const char *view_object_list(const struct freelist *freelist,
                             const struct object *object, char *text);

/* PAMF: letters of the chunk flags that are set. */
const char *view_flags(unsigned flags, char text[8]);

/* "heap", "arena 3", ... of a block: text >= VIEW_NAME. */
const char *view_block_name(const struct model *model,
                            const struct block *block, char *text);

#endif
