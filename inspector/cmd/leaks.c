/* SPDX-License-Identifier: MIT */
/*
 * leaks: live blocks that no pointer leads to any more, in the words of
 * LeakSanitizer; and, with --explain, the way from a root to one that is not
 * lost.
 */
#include "leak/leaks.h"
#include "cmd/view.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { GROUPS_LIMIT = 50 };

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

static enum status list_groups(struct context *context,
                               const struct model *model,
                               const struct leaks *leaks)
{
    struct table *table =
        table_begin(context->output, "leaks", columns, NCOLUMNS);

    for (size_t i = 0; i < leaks->ngroups; i++) {
        const struct leak_group *group = &leaks->groups[i];
        const struct value values[NCOLUMNS] = {
            value_text(group->direct ? "direct" : "indirect"),
            value_number(group->bytes),
            value_number(group->objects),
            value_number(group->size),
            group->direct ? value_number(group->indirect_bytes)
                          : value_unknown(),
            group->direct ? value_number(group->indirect_objects)
                          : value_unknown(),
            value_nonzero(group->heap_id),
            value_nonzero(thread_id(model, group->heap_id)),
            value_text(block_kind_names[group->kind]),
            value_number(group->example),
        };
        if (!table_row(table, values))
            break;
    }
    return table_end(table);
}

static enum status list_objects(struct context *context,
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

static void tell_group(struct context *context, const struct model *model,
                       const struct leak_group *group)
{
    FILE *out = output_stream(context->output);
    char text[32];
    char name[VIEW_NAME];

    (void)fprintf(
        out,
        "%s leak of %zu byte(s) in %zu object(s) of %zu bytes, "
        "e.g. %s\n",
        group->direct ? "Direct" : "Indirect", group->bytes, group->objects,
        group->size,
        output_address(context->output, group->example, text, sizeof text));
    if (group->indirect_objects > 0) {
        (void)fprintf(out, "    lead to %zu byte(s) in %zu object(s) more\n",
                      group->indirect_bytes, group->indirect_objects);
    }
    uint32_t tid = thread_id(model, group->heap_id);
    if (tid == 0) {
        (void)fprintf(out, "    allocated from %s\n\n",
                      block_kind_names[group->kind]);
        return;
    }
    (void)fprintf(out, "    allocated from the heap of thread %u %s (%s)\n\n",
                  tid, view_thread_name(context->target, tid, name),
                  block_kind_names[group->kind]);
}

static void tell(struct context *context, const struct model *model,
                 const struct leaks *leaks)
{
    FILE *out = output_stream(context->output);
    size_t objects = leaks->direct_objects + leaks->indirect_objects;

    if (objects == 0) {
        (void)fprintf(out, "No leaks: %zu live object(s), all reachable.\n",
                      leaks->blocks);
        return;
    }
    (void)fprintf(out, "==%d==ERROR: heapinspect: detected memory leaks\n\n",
                  (int)target_pid(context->target));
    for (size_t i = 0; i < leaks->ngroups && i < GROUPS_LIMIT; i++)
        tell_group(context, model, &leaks->groups[i]);
    if (leaks->ngroups > GROUPS_LIMIT) {
        (void)fprintf(out, "... %zu more groups (use --limit 0 --sort bytes)\n",
                      leaks->ngroups - GROUPS_LIMIT);
    }
    (void)fprintf(out,
                  "SUMMARY: heapinspect: %zu byte(s) leaked in %zu "
                  "allocation(s).\n",
                  leaks->direct_bytes + leaks->indirect_bytes, objects);
}

static void show_sums(struct context *context, const struct leaks *leaks)
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

/* What the answer lacks: pointers there may be that were not seen. */
static void say_missed(struct context *context, const struct leaks *leaks)
{
    if (leaks->roots.unknown > 0) {
        target_warn(context->target,
                    "registers are not known%s: the whole of each stack "
                    "counts, so that leaks may be missed",
                    target_kind(context->target) == TARGET_PROCESS
                        ? " (--mode=stop reads them)"
                        : " of some threads");
    }
    if (leaks->unreadable > 0) {
        target_warn(context->target,
                    "%zu KiB of live blocks and roots were not readable: "
                    "what only they point to is shown as leaked",
                    leaks->unreadable / 1024);
    }
}

static enum status report(struct context *context, const struct model *model,
                          const struct leaks *leaks)
{
    bool found = leaks->direct_objects + leaks->indirect_objects > 0;
    enum status status = STATUS_FINE;

    if (!found && command_option(context, "quiet") != NULL) {
        const struct consistency unsaid = {.known = false};
        output_consistency(context->output, &unsaid);
        return STATUS_FINE;
    }
    if (command_option(context, "objects") != NULL) {
        status = list_objects(context, leaks);
    } else if (output_is_text(context->output) &&
               !output_wants_rows(context->output)) {
        tell(context, model, leaks);
    } else {
        status = list_groups(context, model, leaks);
    }
    if (!output_is_text(context->output))
        show_sums(context, leaks);
    say_missed(context, leaks);
    return status == STATUS_FINE && found ? STATUS_FINDING : status;
}

/* A process that ends meanwhile leaves us with half of its pointers. */
static bool has_ended(struct context *context)
{
    pid_t pid = target_pid(context->target);

    if (target_kind(context->target) != TARGET_PROCESS || kill(pid, 0) == 0)
        return false;
    (void)fail(context->failure, STATUS_GONE,
               "process %d ended while it was read", (int)pid);
    return true;
}

static enum status run(struct context *context)
{
    const struct leak_lore lore = {0};
    bool interior = command_option(context, "no-interior") == NULL;
    struct leaks leaks;

    if (!target_has_content(context->target)) {
        return fail(context->failure, STATUS_INCOMPLETE,
                    "the snapshot has no contents, so no pointers: take one "
                    "with `heapinspect snap PID --content --stop`");
    }
    struct model *model = view_begin(context, true);
    if (model == NULL)
        return context->failure->status;
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    leaks_find(model, freelist, interior, &lore, &leaks);
    enum status status = STATUS_GONE;
    if (!has_ended(context)) {
        model_release(model);
        view_unverified(context, model, leaks.unread);
        status = report(context, model, &leaks);
    }
    leaks_free(&leaks);
    freelist_free(freelist);
    return view_end(context, model, status);
}

const struct command cmd_leaks = {
    .name = "leaks",
    .arguments = "TARGET",
    .summary = "live blocks that nothing points to any more",
    .example = "heapinspect leaks 1234",
    .flags = COMMAND_NEEDS_ROOT | COMMAND_STOPS,
    .run = run,
    .options = {{"objects", NULL, "Each leaked block, not grouped"},
                {"quiet", NULL, "Say nothing where nothing leaks"},
                {"no-interior", NULL,
                 "Only pointers to the start of a block keep it"}},
};
