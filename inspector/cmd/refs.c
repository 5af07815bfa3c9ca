/* SPDX-License-Identifier: MIT */
/*
 * refs: who points to a block, the way from a root to it, and how much would
 * be unreachable without it.
 */
#include "cmd/refs.h"

#include "cmd/leaks.h"
#include "target/threads.h"

#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    {"IN", "in", COLUMN_TEXT, false,
     "where the pointer lies: block, lost (an unreachable block), or a root"},
    {"SLOT", "slot", COLUMN_ADDRESS, false, "address of the pointer"},
    {"HOLDER", "holder", COLUMN_ADDRESS, false, "block that it lies in"},
    {"OFFSET", "offset", COLUMN_COUNT, false, "of it there"},
    {"SIZE", "size", COLUMN_BYTES, false, "of that block"},
    {"TO", "to", COLUMN_COUNT, false, "offset in the block that it points to"},
    {"PLACE", "place", COLUMN_TEXT, false, "which root"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static bool show_ref(struct table *table, const struct path *path,
                     const struct path_ref *ref)
{
    const struct root *root = roots_at(&path->roots, ref->slot);
    struct leak_ref holder = {0};
    struct leak_group group = {0};
    char text[REFS_PLACE];
    bool in_block =
        root == NULL && index_find(path->index, ref->slot, true, &holder);

    if (in_block)
        leak_describe(path->index, &holder, &group);
    const struct value values[NCOLUMNS] = {
        value_text(root != NULL ? root_kind_names[root->kind]
                   : ref->lost  ? "lost"
                                : "block"),
        value_number(ref->slot),
        in_block ? value_number(holder.start) : value_unknown(),
        in_block ? value_number(ref->slot - holder.start) : value_unknown(),
        in_block ? value_number(group.size) : value_unknown(),
        value_number(ref->word - path->block.start),
        value_text(root != NULL ? refs_root_name(path, root, ref->slot, text)
                                : NULL),
    };
    return table_row(table, values);
}

static enum status show_refs(struct context *context, const struct path *path)
{
    struct table *table =
        table_begin(context->output, "refs", columns, NCOLUMNS);

    for (size_t i = 0; i < path->nrefs; i++) {
        if (!show_ref(table, path, &path->refs[i]))
            break;
    }
    if (path->more > 0) {
        target_warn(context->target, "%zu more pointers are not listed",
                    path->more);
    }
    return table_end(table);
}

/* Pointers among blocks and roots, for Graphviz. */
static void draw(struct context *context, const struct path *path)
{
    FILE *out = output_stream(context->output);
    char text[REFS_PLACE];

    (void)fprintf(out, "digraph refs {\n  rankdir=LR;\n  node [shape=box];\n");
    (void)fprintf(out, "  b%zx [label=\"0x%zx\\n%zu bytes\", style=bold];\n",
                  path->block.start, path->block.start, path->size);
    for (size_t i = 0; i < path->nrefs; i++) {
        const struct path_ref *ref = &path->refs[i];
        const struct root *root = roots_at(&path->roots, ref->slot);
        struct leak_ref holder;
        if (root != NULL) {
            (void)refs_root_name(path, root, ref->slot, text);
            for (char *at = text; (at = strpbrk(at, "\"\\")) != NULL;)
                *at = '_';
            (void)fprintf(out,
                          "  r%zx [label=\"%s\\n0x%zx\", shape=ellipse];\n"
                          "  r%zx -> b%zx [label=\"+%zu\"];\n",
                          ref->slot, text, ref->slot, ref->slot,
                          path->block.start, ref->word - path->block.start);
        } else if (index_find(path->index, ref->slot, true, &holder)) {
            (void)fprintf(out,
                          "  b%zx [label=\"0x%zx\"%s];\n"
                          "  b%zx -> b%zx [label=\"+%zu to +%zu\"];\n",
                          holder.start, holder.start,
                          ref->lost ? ", style=dashed" : "", holder.start,
                          path->block.start, ref->slot - holder.start,
                          ref->word - path->block.start);
        }
    }
    (void)fputs("}\n", out);
}

static void show_sums(struct context *context, struct path *path)
{
    struct summary *summary = summary_begin(context->output, "sums");
    size_t objects;
    size_t bytes;

    path_retained(path, &objects, &bytes);
    summary_add(summary, "block", COLUMN_ADDRESS,
                value_number(path->block.start), "that is pointed to");
    summary_add(summary, "size", COLUMN_BYTES, value_number(path->size),
                "of it, usable");
    summary_add(summary, "pointers", COLUMN_COUNT,
                value_number(path->nrefs + path->more), "to it");
    summary_add(summary, "retained", COLUMN_BYTES, value_number(bytes),
                "would be unreachable without it, itself included");
    summary_add(summary, "retained.objects", COLUMN_COUNT,
                value_number(objects), "of these");
    (void)summary_end(summary);
}

static enum status show(struct context *context, struct path *path)
{
    if (command_option(context, "dot") != NULL) {
        draw(context, path);
        output_no_consistency(context->output);
        return STATUS_FINE;
    }
    enum status status = show_refs(context, path);
    if (output_is_text(context->output))
        (void)fputc('\n', output_stream(context->output));
    enum status found = refs_show_path(context, path);
    if (output_is_text(context->output))
        (void)fputc('\n', output_stream(context->output));
    show_sums(context, path);
    return status == STATUS_FINE ? found : status;
}

static enum status run(struct context *context)
{
    bool interior = command_option(context, "no-interior") == NULL;
    const char *text = context->argc == 1 ? context->argv[0] : "";
    uintptr_t address;
    const char *end;
    struct path path;

    if (!view_address(text, &address, &end) || *end != '\0') {
        return fail(context->failure, STATUS_USAGE,
                    "refs needs the address of a block");
    }
    if (!target_has_content(context->target)) {
        return fail(context->failure, STATUS_INCOMPLETE,
                    "the snapshot has no contents, so no pointers: take one "
                    "with `heapinspect snap PID --content --stop`");
    }
    struct model *model = leaks_model(context);
    if (model == NULL)
        return context->failure->status;
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    bool found = path_find(model, freelist, interior, address, &path);
    enum status status =
        found ? show(context, &path) : refs_refuse(context, text);
    path_free(&path);
    freelist_free(freelist);
    return view_end(context, model, status);
}

const struct command cmd_refs = {
    .name = "refs",
    .arguments = "TARGET ADDRESS",
    .summary = "who points to a block, and what would go with it",
    .example = "heapinspect refs 1234 0x7f3210004020 --dot | dot -Tsvg",
    .flags = COMMAND_NEEDS_ROOT | COMMAND_STOPS,
    .run = run,
    .options = {{"dot", NULL, "A graph for Graphviz"},
                {"no-interior", NULL,
                 "Only pointers to the start of a block count"}},
};
