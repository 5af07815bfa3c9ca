/* SPDX-License-Identifier: MIT */
/* Takes a snapshot: a file that gdb opens and all verbs read. */
#include "cmd/snap.h"

#include <stdio.h>
#include <string.h>

static void say(struct context *context, const char *path,
                const struct snapshot_result *result)
{
    struct summary *summary = summary_begin(context->output, "snap");

    summary_add(summary, "file", COLUMN_TEXT, value_text(path),
                "the snapshot: give it to any verb, or to gdb -c");
    summary_add(summary, "on_disk", COLUMN_BYTES, value_number(result->on_disk),
                "what it takes");
    summary_add(summary, "size", COLUMN_BYTES, value_number(result->size),
                "with its holes: copy it by cp --sparse=always, or tar -S");
    summary_add(summary, "memory", COLUMN_BYTES, value_number(result->memory),
                "memory that it describes");
    summary_add(summary, "kept", COLUMN_BYTES, value_number(result->kept),
                "bytes of that memory in it; all else is zeros");
    summary_add(summary, "unreadable", COLUMN_COUNT,
                value_number(result->unreadable),
                "structures that could not be copied");
    (void)summary_end(summary);
}

void snap_default_name(const struct context *context, char path[SNAP_PATH])
{
    const char *program = target_program(context->target);

    (void)snprintf(path, SNAP_PATH, "%s.%d",
                   *program != '\0' ? program : "snapshot",
                   (int)target_pid(context->target));
    for (char *at = strchr(path, '/'); at != NULL; at = strchr(at, '/'))
        *at = '_';
}

enum status snap_take(struct context *context,
                      const struct snapshot_request *request,
                      struct snapshot_result *result)
{
    struct model *model = view_begin(context, true);

    if (model == NULL)
        return context->failure->status;
    struct snapshot *snapshot = snapshot_take(model, request, context->failure);
    enum status status = view_end(context, model, STATUS_FINE);
    if (snapshot == NULL ||
        !snapshot_store(snapshot, target_stop_ms(context->target), result,
                        context->failure))
        return context->failure->status;
    return status == STATUS_FINE && result->unreadable > 0 ? STATUS_INCOMPLETE
                                                           : status;
}

static enum status run(struct context *context)
{
    char path[SNAP_PATH];
    struct snapshot_result result = {0};
    struct snapshot_request request = {
        .path = context->file,
        .content = command_option(context, "content") != NULL,
        .force = context->force,
    };

    if (request.path == NULL && context->argc > 0)
        request.path = context->argv[0];
    if (request.path == NULL) {
        snap_default_name(context, path);
        if (!snap_is_series(context))
            strncat(path, ".heap", sizeof path - strlen(path) - 1);
        request.path = path;
    }
    if (snap_is_series(context))
        return snap_series(context, &request, request.path);
    enum status status = snap_take(context, &request, &result);
    if (context->failure->text[0] == '\0')
        say(context, request.path, &result);
    return status;
}

const struct command cmd_snap = {
    .name = "snap",
    .arguments = "TARGET [FILE]",
    .summary = "a snapshot file of the heap's metadata, for all verbs and gdb",
    .example = "heapinspect snap 1234 -o before.heap --stop",
    .flags = COMMAND_NEEDS_ROOT | COMMAND_OWN_FILE,
    .run = run,
    .options = {{"content", NULL,
                 "With the program's bytes: the whole heap, stacks, data"},
                {"every", "TIME",
                 "A series FILE.0001.heap ...: one each TIME (60s, 5m, 1h)"},
                {"on-rss", "SIZE",
                 "A snapshot when the process has SIZE in memory, and more "
                 "whenever that grew by a tenth, at most one each --every "
                 "(60s)"},
                {"on-memory-high", NULL,
                 "The same when its cgroup passes memory.high, or, without "
                 "cgroup v2, when tasks wait for memory (PSI)"},
                {"count", "N",
                 "Snapshots of a series at most (10 with --on-..., else "
                 "no bound)"}},
};
