/* SPDX-License-Identifier: MIT */
/* What leaks: tables, sums, and sentences. */
#include "cmd/leaks.h"

#include <stdio.h>

enum { GROUPS_LIMIT = 50, FRAMES = 32 };

static const struct column columns[] = {
    {"KIND", "kind", COLUMN_TEXT, false,
     "direct: nothing that leaks leads there; indirect: something does"},
    {"BYTES", "bytes", COLUMN_BYTES, false, "of these blocks, usable"},
    {"OBJECTS", "objects", COLUMN_COUNT, false, "blocks"},
    {"SIZE", "size", COLUMN_BYTES, false, "of each"},
    {"INDIRECT", "indirect.bytes", COLUMN_BYTES, false,
     "of blocks that direct leaks lead to: freed with them if freed rightly"},
    {"IND.OBJECTS", "indirect.objects", COLUMN_COUNT, false, "of these"},
    {"HEAP", "heap", COLUMN_COUNT, false, "thread heap that owns them"},
    {"TID", "tid", COLUMN_COUNT, false, "its thread"},
    {"PLACE", "place", COLUMN_TEXT, true, "slab, arena, run or mmap"},
    {"EXAMPLE", "example", COLUMN_ADDRESS, false,
     "one of them: whatis and refs tell more"},
    {"STACK", "stack", COLUMN_TEXT, false,
     "who allocated them, if the profile has it: innermost function first"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static const struct column object_columns[] = {
    {"ADDRESS", "address", COLUMN_ADDRESS, false, "what malloc returned"},
    {"SIZE", "size", COLUMN_BYTES, false, "usable bytes"},
    {"KIND", "kind", COLUMN_TEXT, false, "direct or indirect"},
    {"HEAP", "heap", COLUMN_COUNT, false, "thread heap that owns it"},
    {"PLACE", "place", COLUMN_TEXT, false, "slab, arena, run or mmap"},
};
enum { NOBJECTS = sizeof object_columns / sizeof *object_columns };

static uint32_t thread_id(const struct model *model, uint32_t heap_id)
{
    const struct model_heap *heap = model_heap(model, heap_id);

    return heap != NULL ? heap->heap.tid : 0;
}

static const char *stack_words(struct leak_stacks *stacks, uint32_t stack,
                               char text[STACK_TEXT])
{
    if (stack == 0)
        return NULL;
    return stack_text(leak_stacks_name(stacks, stack), FRAMES, text);
}

enum status leaks_show_groups(struct context *context,
                              const struct model *model,
                              const struct leaks *leaks,
                              struct leak_stacks *stacks)
{
    static char text[STACK_TEXT];
    struct table *table =
        table_begin(context->output, "leaks", columns, NCOLUMNS);

    for (size_t i = 0; i < leaks->ngroups; i++) {
        const struct leak_group *group = &leaks->groups[i];
        const struct value values[NCOLUMNS] = {
            value_text(group->direct ? "direct" : "indirect"),
            value_number(group->bytes),
            value_number(group->objects),
            value_nonzero(group->size),
            group->direct ? value_number(group->indirect_bytes)
                          : value_unknown(),
            group->direct ? value_number(group->indirect_objects)
                          : value_unknown(),
            value_nonzero(group->heap_id),
            value_nonzero(thread_id(model, group->heap_id)),
            value_text(block_kind_names[group->kind]),
            value_number(group->example),
            value_text(stack_words(stacks, group->stack, text)),
        };
        if (!table_row(table, values))
            break;
    }
    return table_end(table);
}

enum status leaks_show_objects(struct context *context,
                               const struct leaks *leaks)
{
    struct table *table =
        table_begin(context->output, "objects", object_columns, NOBJECTS);
    struct leak_cursor cursor = {0};
    struct leak_ref ref;

    while (index_next(leaks->index, BIT_LIVE, &cursor, &ref)) {
        bool direct = ref_test(leaks->index, &ref, BIT_HEAD);
        struct leak_group group;
        leak_describe(leaks->index, &ref, &group);
        const struct value values[NOBJECTS] = {
            value_number(ref.start),
            value_number(group.size),
            value_text(direct ? "direct" : "indirect"),
            value_nonzero(group.heap_id),
            value_text(block_kind_names[group.kind]),
        };
        if (!table_row(table, values))
            break;
    }
    return table_end(table);
}

/* "    #0 function source:line", or who owns the heap. */
static void tell_origin(struct context *context, const struct model *model,
                        const struct leak_group *group,
                        struct leak_stacks *stacks)
{
    FILE *out = output_stream(context->output);
    uint32_t tid = thread_id(model, group->heap_id);
    char name[VIEW_NAME];

    if (group->stack != 0) {
        const struct named_stack *it = leak_stacks_name(stacks, group->stack);
        for (size_t i = 0; i < it->count && i < FRAMES; i++) {
            const struct symbol *symbol = it->symbols[i];
            (void)fprintf(out, "    #%zu %s", i, symbol->function);
            if (symbol->file != NULL)
                (void)fprintf(out, " %s:%u", symbol->file, symbol->line);
            (void)fputc('\n', out);
        }
    } else if (tid != 0) {
        (void)fprintf(out, "    from the heap that thread %u %s has now (%s)\n",
                      tid, view_thread_name(context->target, tid, name),
                      block_kind_names[group->kind]);
    } else {
        (void)fprintf(out, "    from %s\n", block_kind_names[group->kind]);
    }
}

static void tell_group(struct context *context, const struct model *model,
                       const struct leak_group *group,
                       struct leak_stacks *stacks)
{
    FILE *out = output_stream(context->output);
    char text[32];

    (void)fprintf(out, "%s leak of %zu byte(s) in %zu object(s)",
                  group->direct ? "Direct" : "Indirect", group->bytes,
                  group->objects);
    if (group->size != 0)
        (void)fprintf(out, " of %zu bytes", group->size);
    (void)fprintf(
        out, ", e.g. %s\n",
        output_address(context->output, group->example, text, sizeof text));
    tell_origin(context, model, group, stacks);
    if (group->indirect_objects > 0) {
        (void)fprintf(out, "    leads to %zu byte(s) in %zu object(s) more\n",
                      group->indirect_bytes, group->indirect_objects);
    }
    (void)fputc('\n', out);
}

void leaks_tell(struct context *context, const struct model *model,
                const struct leaks *leaks, struct leak_stacks *stacks)
{
    FILE *out = output_stream(context->output);
    size_t objects = leaks->direct_objects + leaks->indirect_objects;
    size_t limit = output_limit(context->output, GROUPS_LIMIT);

    if (objects == 0) {
        (void)fprintf(out, "No leaks: %zu live object(s), all reachable.\n",
                      leaks->blocks);
        return;
    }
    (void)fprintf(out, "==%d==ERROR: heapinspect: detected memory leaks\n\n",
                  (int)target_pid(context->target));
    for (size_t i = 0; i < leaks->ngroups && i < limit; i++)
        tell_group(context, model, &leaks->groups[i], stacks);
    if (leaks->ngroups > limit) {
        (void)fprintf(out, "... %zu more groups (use --limit 0)\n\n",
                      leaks->ngroups - limit);
    }
    if (leaks->suppressed_objects > 0) {
        (void)fprintf(out, "Suppressed: %zu byte(s) in %zu object(s).\n\n",
                      leaks->suppressed_bytes, leaks->suppressed_objects);
    }
    (void)fprintf(out,
                  "SUMMARY: heapinspect: %zu byte(s) leaked in %zu "
                  "allocation(s).\n",
                  leaks->direct_bytes + leaks->indirect_bytes, objects);
}

void leaks_show_sums(struct context *context, const struct leaks *leaks)
{
    struct summary *summary = summary_begin(context->output, "sums");

    summary_add(summary, "direct.bytes", COLUMN_BYTES,
                value_number(leaks->direct_bytes),
                "lost: no pointer to them is anywhere");
    summary_add(summary, "direct.objects", COLUMN_COUNT,
                value_number(leaks->direct_objects), "of these");
    summary_add(summary, "indirect.bytes", COLUMN_BYTES,
                value_number(leaks->indirect_bytes),
                "only what is lost leads there: mend the direct leaks first");
    summary_add(summary, "indirect.objects", COLUMN_COUNT,
                value_number(leaks->indirect_objects), "of these");
    summary_add(summary, "suppressed.bytes", COLUMN_BYTES,
                value_number(leaks->suppressed_bytes),
                "by --suppressions, with what they lead to");
    summary_add(summary, "live.bytes", COLUMN_BYTES, value_number(leaks->bytes),
                "of all live blocks");
    summary_add(summary, "live.objects", COLUMN_COUNT,
                value_number(leaks->blocks), "of these");
    summary_add(summary, "roots.bytes", COLUMN_BYTES,
                value_number(leaks->roots.bytes),
                "addresses of stacks, data and mappings that were searched");
    summary_add(summary, "scanned.bytes", COLUMN_BYTES,
                value_number(leaks->scanned),
                "read in all, roots and reachable blocks");
    (void)summary_end(summary);
}
