/* SPDX-License-Identifier: MIT */
/*
 * vis: the chunks or slots around an address, with headers, flags and lists.
 * What the program wrote is never shown.
 */
#include "cmd/view.h"
#include "number.h"

#include <stdio.h>
#include <string.h>

enum {
    AROUND = 6, /* objects before and behind */
    AROUND_MAX = 4096,
};

static const struct column columns[] = {
    {"", "selected", COLUMN_TEXT, false, "> : holds the address"},
    {"START", "start", COLUMN_ADDRESS, false, "of the slot or chunk"},
    {"ADDRESS", "address", COLUMN_ADDRESS, false, "what malloc returned"},
    {"SIZE", "size", COLUMN_BYTES, false, "of the slot or chunk"},
    {"PREV_SIZE", "prev_size", COLUMN_COUNT, false,
     "header: size of the chunk before, if that is free"},
    {"FLAGS", "flags", COLUMN_TEXT, false,
     "header: P the chunk before is in use, M mmapped, A not the main arena, "
     "F free"},
    {"STATE", "state", COLUMN_TEXT, false,
     "live; binned, spare, remote: cached by threads; free; top; virgin"},
    {"LIST", "list", COLUMN_TEXT, false, "the list of free objects it is on"},
    {"NEXT", "next", COLUMN_ADDRESS, false,
     "link to the next on that list (fd of free chunks)"},
    {"BK", "bk", COLUMN_ADDRESS, true, "free chunks: the one before"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

struct vis {
    struct context *context;
    const struct model *model;
    const struct freelist *freelist;
    uintptr_t address;
    size_t around;
};

/* The allocator's own words in an object; 0 where it has none. */
struct words {
    size_t prev_size;
    uintptr_t next;
    uintptr_t bk;
};

static struct words read_words(const struct vis *vis,
                               const struct object *object)
{
    struct words words = {0};
    struct target *target = vis->model->target;
    bool is_chunk = object->block == BLOCK_SEGMENT;
    uintptr_t link = is_chunk ? object->start + CHUNK_HEADER : object->start;

    if (is_chunk && (object->flags & PREV_INUSE) == 0)
        (void)far_read(target, object->start, &words.prev_size, 8);
    if (object->state == OBJECT_FREE || object_is_cached(object))
        (void)far_read(target, link, &words.next, sizeof words.next);
    if (is_chunk && (object->flags & CHUNK_FREE) != 0)
        (void)far_read(target, link + 8, &words.bk, sizeof words.bk);
    return words;
}

static bool row(struct table *table, const struct vis *vis,
                const struct object *object)
{
    struct words words = read_words(vis, object);
    bool is_chunk =
        object->block == BLOCK_SEGMENT || object->block == BLOCK_MMAP;
    char flags[8];
    char list[VIEW_NAME];
    struct value values[NCOLUMNS] = {
        value_text(object_holds(object, vis->address) ? ">" : ""),
        value_number(object->start),
        value_number(object->mem),
        value_number(object->size),
        value_nonzero(words.prev_size),
        value_text(is_chunk ? view_flags(object->flags, flags) : NULL),
        value_text(object_state_names[object->state]),
        value_text(view_object_list(vis->freelist, object, list)),
        value_nonzero(words.next),
        value_nonzero(words.bk),
    };

    return table_row(table, values);
}

static const char *color_of(const struct vis *vis, enum object_state state)
{
    static const char *const colors[NOBJECTSTATES] = {
        [OBJECT_LIVE] = "\033[32m",   [OBJECT_BINNED] = "\033[33m",
        [OBJECT_SPARE] = "\033[33m",  [OBJECT_REMOTE] = "\033[35m",
        [OBJECT_FREE] = "\033[34m",   [OBJECT_TOP] = "\033[36m",
        [OBJECT_VIRGIN] = "\033[90m", [OBJECT_DAMAGED] = "\033[31m",
    };
    return output_has_color(vis->context->output) ? colors[state] : "";
}

static void draw_header(FILE *out, const struct vis *vis,
                        const struct object *object, const struct words *words)
{
    char flags[8];
    char prev[32] = "data of the chunk before";

    if ((object->flags & PREV_INUSE) == 0)
        (void)snprintf(prev, sizeof prev, "prev_size 0x%zx", words->prev_size);
    (void)fprintf(out, "%18s | %-25s| size 0x%zx %s\n", "", prev, object->size,
                  view_flags(object->flags, flags));
    (void)vis;
}

/* One object as a box: header words of chunks, state, list, links. */
static void draw(FILE *out, const struct vis *vis, const struct object *object)
{
    struct words words = read_words(vis, object);
    const struct output *output = vis->context->output;
    const char *reset = output_has_color(output) ? "\033[0m" : "";
    char text[32];
    char list[VIEW_NAME];
    char bytes[32];
    const char *name = view_object_list(vis->freelist, object, list);
    bool is_chunk =
        object->block == BLOCK_SEGMENT || object->block == BLOCK_MMAP;

    (void)fprintf(out, "%18s +%.*s\n",
                  output_address(output, object->start, text, sizeof text), 54,
                  "------------------------------------------------------");
    if (is_chunk && object->state != OBJECT_DAMAGED)
        draw_header(out, vis, object, &words);
    (void)fprintf(out, "%c%17s | %s%-8s%s %10s%s%s",
                  object_holds(object, vis->address) ? '>' : ' ',
                  output_address(output, object->mem, text, sizeof text),
                  color_of(vis, object->state),
                  object_state_names[object->state], reset,
                  output_bytes(output, object->size, bytes, sizeof bytes),
                  name != NULL ? "  on " : "", name != NULL ? name : "");
    if (words.next != 0) {
        (void)fprintf(out, " -> %s",
                      output_address(output, words.next, text, sizeof text));
    }
    (void)fputc('\n', out);
}

static bool show(struct table *table, const struct vis *vis,
                 const struct object *object)
{
    if (table != NULL)
        return row(table, vis, object);
    draw(output_stream(vis->context->output), vis, object);
    return true;
}

/* The last objects before the one that is looked for. */
struct ring {
    struct object objects[AROUND_MAX];
    size_t count;
};

/* Objects of the block, from `around` before the address to as many behind. */
static size_t show_block(struct table *table, const struct vis *vis,
                         const struct block *block)
{
    static struct object_walk walk;
    static struct ring ring;
    struct object object;
    size_t shown = 0;
    bool found = false;

    ring.count = 0;
    object_walk_begin(&walk, vis->model, vis->freelist);
    object_walk_block(&walk, block);
    while (shown < 2 * vis->around + 1 &&
           object_walk_in_block(&walk, &object)) {
        if (!found && object.start <= vis->address &&
            !object_holds(&object, vis->address)) {
            ring.objects[ring.count++ % vis->around] = object;
            continue;
        }
        size_t first = ring.count > vis->around ? ring.count - vis->around : 0;
        for (size_t i = first; !found && i < ring.count; i++)
            shown += show(table, vis, &ring.objects[i % vis->around]);
        if (!found)
            shown = vis->around;
        found = true;
        shown++;
        if (!show(table, vis, &object))
            break;
    }
    object_walk_end(&walk);
    return found ? shown : 0;
}

static bool parse(struct context *context, struct vis *vis)
{
    const char *around = command_option(context, "around");
    uint64_t number = AROUND;
    const char *end;

    if (context->argc != 1 ||
        !view_address(context->argv[0], &vis->address, &end) || *end != '\0') {
        (void)fail(context->failure, STATUS_USAGE, "vis needs one address");
        return false;
    }
    if (around != NULL && (!parse_number(around, &number) || number == 0 ||
                           number > AROUND_MAX)) {
        (void)fail(context->failure, STATUS_USAGE,
                   "--around is a number from 1 to %d", AROUND_MAX);
        return false;
    }
    vis->around = (size_t)number;
    return true;
}

static enum status show_around(struct vis *vis)
{
    struct context *context = vis->context;
    struct block block;
    struct table *table = NULL;
    char name[VIEW_NAME];

    if (!block_at(vis->model, vis->address, &block)) {
        return fail(context->failure, STATUS_FINDING,
                    "nothing of the heap lies at 0x%lx", vis->address);
    }
    if (output_is_text(context->output)) {
        (void)fprintf(output_stream(context->output), "%s\n",
                      view_block_name(vis->model, &block, name));
    } else {
        table = table_begin(context->output, "vis", columns, NCOLUMNS);
    }
    size_t shown = show_block(table, vis, &block);
    enum status status = table != NULL ? table_end(table) : STATUS_FINE;
    if (shown == 0) {
        return fail(context->failure, STATUS_FINDING,
                    "a %s block: no object lies at 0x%lx",
                    block_kind_names[block.kind], vis->address);
    }
    return status;
}

static enum status run(struct context *context)
{
    struct vis vis = {.context = context};

    if (!parse(context, &vis))
        return STATUS_USAGE;
    struct model *model = view_begin(context, true);
    if (model == NULL)
        return context->failure->status;
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    vis.model = model;
    vis.freelist = freelist;
    enum status status = show_around(&vis);
    freelist_free(freelist);
    return view_end(context, model, status);
}

const struct command cmd_vis = {
    .name = "vis",
    .arguments = "TARGET ADDR",
    .summary = "the chunks or slots around an address, drawn",
    .example = "heapinspect vis 1234 0x7f3210004020 --around 10",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options = {{"around", "N", "objects before and behind it"}},
};
