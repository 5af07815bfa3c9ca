/* SPDX-License-Identifier: MIT */
/* The way from a root to a block; leaks --explain. */
#include "cmd/leaks.h"
#include "cmd/refs.h"

#include <stdio.h>
#include <stdlib.h>

static const struct column columns[] = {
    {"IN", "in", COLUMN_TEXT, false, "where the pointer lies: root or block"},
    {"PLACE", "place", COLUMN_TEXT, false, "which root; of blocks: heap"},
    {"SLOT", "slot", COLUMN_ADDRESS, false, "address of the pointer"},
    {"OFFSET", "offset", COLUMN_COUNT, false, "of it in its block"},
    {"BLOCK", "block", COLUMN_ADDRESS, false, "that it points into"},
    {"SIZE", "size", COLUMN_BYTES, false, "of that block"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

const char *refs_root_name(const struct path *path, const struct root *root,
                           uintptr_t slot, char *text)
{
    if (root->kind == ROOT_REGISTER) {
        size_t word = (slot - root->start) / sizeof(uint64_t);
        (void)snprintf(text, REFS_PLACE, "register %zu of thread %d", word,
                       (int)root->tid);
    } else if (root->kind == ROOT_STACK && root->tid != 0) {
        (void)snprintf(text, REFS_PLACE, "stack or TLS of thread %d",
                       (int)root->tid);
    } else {
        (void)snprintf(text, REFS_PLACE, "%s %.200s",
                       root_kind_names[root->kind],
                       root->name[0] != '\0' ? root->name : "[anonymous]");
    }
    (void)path;
    return text;
}

static enum status list(struct context *context, const struct path *path,
                        const struct path_step *steps, size_t count)
{
    struct table *table =
        table_begin(context->output, "path", columns, NCOLUMNS);
    char text[REFS_PLACE];

    for (size_t i = 0; i < count; i++) {
        const struct path_step *it = &steps[i];
        bool is_root = it->root != NULL;
        const struct value values[NCOLUMNS] = {
            value_text(is_root ? root_kind_names[it->root->kind] : "block"),
            value_text(is_root ? refs_root_name(path, it->root, it->slot, text)
                               : NULL),
            value_number(it->slot),
            is_root ? value_unknown() : value_number(it->slot - it->holder),
            value_number(it->block),
            value_number(it->size),
        };
        if (!table_row(table, values))
            break;
    }
    return table_end(table);
}

static void tell(struct context *context, const struct path *path,
                 const struct path_step *steps, size_t count, size_t more)
{
    FILE *out = output_stream(context->output);
    char text[REFS_PLACE];
    char a[32];
    char b[32];

    for (size_t i = 0; i < count; i++) {
        const struct path_step *it = &steps[i];
        if (it->root != NULL) {
            (void)fprintf(out, "%s\n",
                          refs_root_name(path, it->root, it->slot, text));
            (void)fprintf(
                out, "    word at %s ->",
                output_address(context->output, it->slot, a, sizeof a));
        } else {
            (void)fprintf(out, "    word at +%zu    ->",
                          (size_t)(it->slot - it->holder));
        }
        (void)fprintf(out, " block %s of %zu bytes\n",
                      output_address(context->output, it->block, b, sizeof b),
                      it->size);
        if (i == 0 && more > 0)
            (void)fprintf(out, "    ... %zu more blocks\n", more);
    }
}

enum status refs_show_path(struct context *context, const struct path *path)
{
    size_t count;
    size_t more;
    enum status status = STATUS_FINE;
    struct path_step *steps = path_steps(path, REFS_STEPS, &count, &more);

    if (!output_is_text(context->output)) {
        status = list(context, path, steps, count);
    } else if (steps == NULL) {
        (void)fputs("No root leads there: it leaks.\n",
                    output_stream(context->output));
    } else {
        tell(context, path, steps, count, more);
    }
    if (more > 0) {
        target_warn(context->target, "the path is %zu blocks longer", more);
    }
    free(steps);
    return status == STATUS_FINE && !path->reachable ? STATUS_FINDING : status;
}

enum status refs_refuse(struct context *context, const char *address)
{
    return fail(context->failure, STATUS_USAGE,
                "no live block is at %.64s; whatis tells what is", address);
}

enum status leaks_explain(struct context *context, const struct model *model,
                          const struct freelist *freelist, bool interior,
                          const char *address)
{
    uintptr_t at;
    const char *end;
    struct path path;
    enum status status;

    if (!view_address(address, &at, &end) || *end != '\0') {
        return fail(context->failure, STATUS_USAGE, "`%.64s` is no address",
                    address);
    }
    if (path_find(model, freelist, interior, at, &path)) {
        status = refs_show_path(context, &path);
    } else {
        status = refs_refuse(context, address);
    }
    path_free(&path);
    return status;
}
