/* SPDX-License-Identifier: MIT */
/*
 * types: what live blocks hold, by a look at them: classes of C++ objects by
 * their run-time type information, else text, zeros, pointers, data.
 */
#include "cmd/view.h"
#include "leak/guess.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"KIND", "kind", COLUMN_TEXT, false,
     "object, text, zero, pointers or data: a guess"},
    {"TYPE", "type", COLUMN_TEXT, false, "class of the objects"},
    {"OBJECTS", "objects", COLUMN_COUNT, false, "blocks"},
    {"BYTES", "bytes", COLUMN_BYTES, false, "of these, usable"},
    {"PART", "part", COLUMN_RATIO, false, "of all live bytes"},
    {"EXAMPLE", "example", COLUMN_ADDRESS, false, "one of them"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns, LIMIT = 40 };

struct row {
    enum guess guess;
    const char *type; /* NULL: of no class */
    size_t objects;
    size_t bytes;
    uintptr_t example;
};

struct rows {
    struct row *all;
    size_t count;
    size_t bytes;
    size_t unread;
};

/* Classes are few; the last one found is the likeliest. */
static struct row *row_of(struct rows *rows, enum guess guess, const char *type)
{
    for (size_t i = rows->count; i-- > 0;) {
        struct row *it = &rows->all[i];
        if (it->guess == guess &&
            (it->type == type ||
             (it->type != NULL && type != NULL && strcmp(it->type, type) == 0)))
            return it;
    }
    rows->all = xgrow(rows->all, rows->count, sizeof *rows->all);
    rows->all[rows->count] = (struct row){.guess = guess, .type = type};
    return &rows->all[rows->count++];
}

static void count(void *data, struct guesser *guesser,
                  const struct object *object)
{
    struct rows *rows = data;
    enum guess guess;
    const char *type;

    rows->bytes += object->usable;
    if (!guess_block(guesser, object, &guess, &type)) {
        rows->unread++;
        return;
    }
    struct row *row = row_of(rows, guess, type);
    row->objects++;
    row->bytes += object->usable;
    row->example = object->mem;
}

static int by_bytes(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;

    return (a->bytes < b->bytes) - (a->bytes > b->bytes);
}

static enum status show(struct context *context, struct rows *rows)
{
    struct table *table =
        table_begin(context->output, "types", columns, NCOLUMNS);

    if (rows->count > 1)
        qsort(rows->all, rows->count, sizeof *rows->all, by_bytes);
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *it = &rows->all[i];
        const struct value values[NCOLUMNS] = {
            value_text(guess_names[it->guess]), value_text(it->type),
            value_number(it->objects),          value_number(it->bytes),
            value_part(it->bytes, rows->bytes), value_number(it->example),
        };
        if (!table_row(table, values))
            break;
    }
    return table_end(table);
}

static enum status run(struct context *context)
{
    static struct guesser guesser;
    struct rows rows = {0};
    struct model *model =
        view_live_blocks(context, &guesser, count, &rows, &rows.unread);

    if (model == NULL)
        return context->failure->status;
    output_default_limit(context->output, LIMIT);
    enum status status = show(context, &rows);
    guesser_end(&guesser);
    free(rows.all);
    return view_end(context, model, status);
}

const struct command cmd_types = {
    .name = "types",
    .arguments = "TARGET",
    .summary = "what live blocks hold: C++ classes, text, zeros, pointers",
    .example = "heapinspect types 1234 -q 'kind==\"object\"'",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
