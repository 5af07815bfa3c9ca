/* SPDX-License-Identifier: MIT */
#ifndef CMD_VIEW_H
#define CMD_VIEW_H
/*
 * What the verbs of the allocator's view share: the model with its
 * consistency said, values for rows, names of threads.
 */
#include "cmd/cmd.h"
#include "leak/guess.h"
#include "walk/model.h"
#include "walk/objects.h"
#include "walk/usage.h"

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

/* A verb's whole run: a row for each heap.  False: no more are wanted. */
typedef bool view_row(struct table *table, const struct model *model,
                      const struct model_heap *heap,
                      const struct heap_use *use);
enum status view_heaps(struct context *context, const char *name,
                       const struct column *columns, size_t ncolumns,
                       view_row *row);

/*
 * The model as view_begin() has it, held, and each live block with the means
 * to guess what it holds; *unread: what visit() counted as not readable.  NULL
 * with the verb's failure filled: no contents in the snapshot, no heap.  The
 * caller ends the guesser.
 */
typedef void view_visit(void *data, struct guesser *guesser,
                        const struct object *object);
struct model *view_live_blocks(struct context *context, struct guesser *guesser,
                               view_visit *visit, void *data,
                               const size_t *unread);

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
