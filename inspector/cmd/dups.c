/* SPDX-License-Identifier: MIT */
/*
 * dups: live blocks with the same contents.  Contents are hashed where they
 * lie and shown nowhere.  Texts count up to their NUL; of other blocks all
 * usable bytes must agree, so there may be more duplicates than are found.
 */
#include "cmd/view.h"
#include "leak/guess.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"KIND", "kind", COLUMN_TEXT, false, "text, zero, pointers or data"},
    {"OBJECTS", "objects", COLUMN_COUNT, false, "blocks with one content"},
    {"SIZE", "size", COLUMN_BYTES, false, "of each, usable"},
    {"WASTED", "wasted", COLUMN_BYTES, false,
     "by all but one: keep one, and let the others point to it"},
    {"EXAMPLE", "example", COLUMN_ADDRESS, false, "one of them"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns, LIMIT = 30 };

enum {
    ROOM_MIN = 1024,
    CONTENTS_MAX = 1 << 22, /* different ones that are kept track of */
    BLOCK_MAX = 1 << 20,    /* larger blocks are left out */
};

/* One content. */
struct content {
    uint64_t hash; /* 0: an empty place */
    uint32_t objects;
    uint32_t guess;
    size_t size;
    uintptr_t example;
};

struct contents {
    struct content *all; /* open addressing */
    size_t room;
    size_t count;
    size_t dropped; /* blocks of contents beyond the bound, or too large */
    size_t unread;
};

/* Bytes by eights, mixed as in wyhash's final step. */
static uint64_t hash_of(const uint8_t *bytes, size_t size)
{
    uint64_t hash = size * 0x9e3779b97f4a7c15u;

    for (size_t at = 0; at < size; at += sizeof hash) {
        uint64_t word = 0;
        size_t left = size - at;
        memcpy(&word, bytes + at, left < sizeof word ? left : sizeof word);
        hash = (hash ^ word) * 0xbf58476d1ce4e5b9u;
        hash ^= hash >> 29;
    }
    hash ^= hash >> 32;
    return hash != 0 ? hash : 1;
}

static struct content *place_of(struct content *all, size_t room, uint64_t hash)
{
    size_t i = (size_t)hash & (room - 1);

    while (all[i].hash != 0 && all[i].hash != hash)
        i = (i + 1) & (room - 1);
    return &all[i];
}

static void make_room(struct contents *contents)
{
    size_t room = contents->room != 0 ? contents->room * 2 : ROOM_MIN;
    struct content *all = xcalloc(room, sizeof *all);

    for (size_t i = 0; i < contents->room; i++) {
        if (contents->all[i].hash != 0)
            *place_of(all, room, contents->all[i].hash) = contents->all[i];
    }
    free(contents->all);
    contents->all = all;
    contents->room = room;
}

static void add(struct contents *contents, uint64_t hash, enum guess guess,
                const struct object *object)
{
    if (contents->count >= contents->room / 2)
        make_room(contents);
    struct content *place = place_of(contents->all, contents->room, hash);
    if (place->hash == 0 && contents->count == CONTENTS_MAX) {
        contents->dropped++;
        return;
    }
    if (place->hash == 0) {
        contents->count++;
        *place = (struct content){.hash = hash,
                                  .guess = (uint32_t)guess,
                                  .size = object->usable,
                                  .example = object->mem};
    }
    place->objects += place->objects < UINT32_MAX;
}

static void look(void *data, struct guesser *guesser,
                 const struct object *object)
{
    struct contents *contents = data;
    size_t size = object->usable;

    if (size > BLOCK_MAX || size < sizeof(uintptr_t)) {
        contents->dropped++;
        return;
    }
    const uint8_t *bytes =
        far_view_heap(guesser->model->target, object->mem, size);
    if (bytes == NULL) {
        contents->unread++;
        return;
    }
    enum guess guess = guess_bytes(guesser, bytes, size);
    size_t length =
        guess == GUESS_TEXT ? strnlen((const char *)bytes, size) : size;
    /* Of another size class: another kind of block, though it says the same. */
    uint64_t hash = hash_of(bytes, length) + size * 0x100000001b3u;
    add(contents, hash != 0 ? hash : 1, guess, object);
}

static size_t wasted(const struct content *content)
{
    return (size_t)(content->objects - 1) * content->size;
}

static int by_waste(const void *left, const void *right)
{
    const struct content *a = left;
    const struct content *b = right;

    if (wasted(a) != wasted(b))
        return wasted(a) < wasted(b) ? 1 : -1;
    return (a->example > b->example) - (a->example < b->example);
}

/* Those that are there twice, at the front; how many. */
static size_t keep_twice(struct contents *contents, size_t *bytes)
{
    size_t kept = 0;

    *bytes = 0;
    for (size_t i = 0; i < contents->room; i++) {
        if (contents->all[i].objects < 2)
            continue;
        contents->all[kept++] = contents->all[i];
        *bytes += wasted(&contents->all[kept - 1]);
    }
    if (kept > 1)
        qsort(contents->all, kept, sizeof *contents->all, by_waste);
    return kept;
}

static enum status show(struct context *context, struct contents *contents)
{
    size_t bytes;
    size_t count = keep_twice(contents, &bytes);
    struct table *table =
        table_begin(context->output, "dups", columns, NCOLUMNS);

    for (size_t i = 0; i < count; i++) {
        const struct content *it = &contents->all[i];
        const struct value values[NCOLUMNS] = {
            value_text(guess_names[it->guess]),
            value_number(it->objects),
            value_number(it->size),
            value_number(wasted(it)),
            value_number(it->example),
        };
        if (!table_row(table, values))
            break;
    }
    enum status status = table_end(table);
    struct summary *summary = summary_begin(context->output, "sums");
    summary_add(summary, "wasted", COLUMN_BYTES, value_number(bytes),
                "live bytes that are there once more");
    summary_add(summary, "contents", COLUMN_COUNT, value_number(count),
                "that are there more than once");
    summary_add(summary, "left_out", COLUMN_COUNT,
                value_number(contents->dropped),
                "blocks above 1 MiB, or of too many different contents");
    (void)summary_end(summary);
    return status;
}

static enum status run(struct context *context)
{
    static struct guesser guesser;
    struct contents contents = {0};
    struct model *model =
        view_live_blocks(context, &guesser, look, &contents, &contents.unread);

    if (model == NULL)
        return context->failure->status;
    guesser_end(&guesser);
    output_default_limit(context->output, LIMIT);
    enum status status = show(context, &contents);
    free(contents.all);
    return view_end(context, model, status);
}

const struct command cmd_dups = {
    .name = "dups",
    .arguments = "TARGET",
    .summary = "live blocks with the same contents, which are not shown",
    .example = "heapinspect dups 1234 -q 'kind==\"text\"'",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
