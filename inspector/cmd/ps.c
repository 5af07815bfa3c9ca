/* SPDX-License-Identifier: MIT */
/* Processes on this machine that run on liballoc, and how large their heaps
   are by metadata alone. */
#include "cmd/cmd.h"
#include "kernel/smaps.h"
#include "walk/usage.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum {
    PS_PID,
    PS_PROGRAM,
    PS_VERSION,
    PS_HEAPS,
    PS_LIVE,
    PS_HEAP,
    PS_RSS,
    PS_NOTE,
    PS_COLUMNS,
};

static const struct column columns[PS_COLUMNS] = {
    [PS_PID] = {"PID", "pid", COLUMN_COUNT, false, "process"},
    [PS_PROGRAM] = {"PROGRAM", "program", COLUMN_TEXT, false, "its name"},
    [PS_VERSION] = {"LIBALLOC", "liballoc", COLUMN_TEXT, false,
                    "version; - is none"},
    [PS_HEAPS] = {"HEAPS", "heaps", COLUMN_COUNT, false, "thread heaps"},
    [PS_LIVE] = {"LIVE", "live", COLUMN_BYTES, false,
                 "in the program's hands, by counts"},
    [PS_HEAP] = {"HEAP", "heap", COLUMN_BYTES, false,
                 "memory of all heaps, resident or not"},
    [PS_RSS] = {"RSS", "rss", COLUMN_BYTES, false,
                "resident memory of the whole process"},
    [PS_NOTE] = {"NOTE", "note", COLUMN_TEXT, false,
                 "why there is nothing more to say"},
};

static void take_heap(struct target *target, struct value *row)
{
    struct failure failure;
    struct model *model = model_load(target, &failure);

    if (model == NULL) {
        row[PS_NOTE] = value_text("asleep, or not readable");
        return;
    }
    struct usage *usage = usage_count(model);
    size_t bytes = 0;
    for (int kind = 0; kind < NBLOCKKINDS; kind++)
        bytes += usage->bytes[kind];
    row[PS_HEAPS] = value_number(model->nheaps);
    row[PS_LIVE] = value_number(usage_live(usage));
    row[PS_HEAP] = value_number(bytes);
    usage_free(usage);
    model_free(model);
}

static void take_process(struct target *target, struct value *row)
{
    const char *status = target_proc(target, "status");
    const struct heap_root *root = target_root(target);
    uint64_t rss;

    row[PS_PROGRAM] = value_text(target_program(target));
    if (status != NULL && status_bytes(status, "VmRSS", &rss))
        row[PS_RSS] = value_number(rss);
    if (root != NULL) {
        row[PS_VERSION] = value_text(root->version);
        take_heap(target, row);
    } else if (target_why_rootless(target)->status != STATUS_GONE) {
        row[PS_NOTE] = value_text(target_why_rootless(target)->text);
    }
}

/* A process whose memory is not ours to read has a status all the same. */
static void take_closed(const char *pid, struct value *row, char *program,
                        size_t size)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(program, (int)size, file) != NULL) {
        program[strcspn(program, "\n")] = '\0';
        row[PS_PROGRAM] = value_text(program);
    }
    (void)fclose(file);
}

/* False: nobody reads on. */
static bool list(struct table *table, const char *pid, bool all)
{
    const struct target_options options = {.mode = MODE_PEEK};
    struct failure failure;
    char program[64] = "";
    struct value row[PS_COLUMNS];

    for (int i = 0; i < PS_COLUMNS; i++)
        row[i] = value_unknown();
    row[PS_PID] = value_number(strtoull(pid, NULL, 10));
    struct target *target = target_open(pid, &options, &failure);
    if (target != NULL) {
        take_process(target, row);
    } else if (all && failure.status == STATUS_PERMISSION) {
        take_closed(pid, row, program, sizeof program);
        row[PS_NOTE] = value_text("permission denied: see doctor");
    } else if (all) {
        take_closed(pid, row, program, sizeof program);
        row[PS_NOTE] = value_text("no memory of its own");
    }
    bool more = true;
    if (all || row[PS_VERSION].text != NULL)
        more = table_row(table, row);
    target_close(target);
    return more;
}

static enum status run(struct context *context)
{
    bool all = command_option(context, "all") != NULL;
    struct table *table =
        table_begin(context->output, "ps", columns, PS_COLUMNS);
    DIR *proc = opendir("/proc");

    if (proc == NULL) {
        (void)table_end(table);
        return fail(context->failure, STATUS_PERMISSION,
                    "/proc is not readable");
    }
    for (const struct dirent *entry; table != NULL;) {
        entry = readdir(proc); /* NOLINT(concurrency-mt-unsafe) */
        if (entry == NULL)
            break;
        if (entry->d_name[strspn(entry->d_name, "0123456789")] != '\0')
            continue;
        if (!list(table, entry->d_name, all))
            break;
    }
    (void)closedir(proc);
    return table_end(table);
}

const struct command cmd_ps = {
    .name = "ps",
    .arguments = "",
    .summary = "processes that run on liballoc, with the size of their heaps",
    .example = "heapinspect ps --sort heap",
    .flags = COMMAND_NO_TARGET,
    .run = run,
    .options = {{"all", NULL, "Every process"}},
};
