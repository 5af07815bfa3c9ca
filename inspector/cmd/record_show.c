/* SPDX-License-Identifier: MIT */
/* record: its figures, and its stacks. */
#include "cmd/record.h"
#include "record/names.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const char *ending(const struct record *record, char text[64])
{
    int status = (int)record->end.wait_status;

    if (!record->has_end)
        return "not known: the recording was cut short";
    if (WIFSIGNALED(status)) {
        (void)snprintf(text, 64, "killed by SIG%s",
                       sigabbrev_np(WTERMSIG(status)));
    } else {
        (void)snprintf(text, 64, "exit status %d", WEXITSTATUS(status));
    }
    return text;
}

static void add_count(struct summary *summary, const char *key, uint64_t value,
                      const char *meaning)
{
    summary_add(summary, key, COLUMN_COUNT, value_number(value), meaning);
}

static void add_bytes(struct summary *summary, const char *key, uint64_t value,
                      const char *meaning)
{
    summary_add(summary, key, COLUMN_BYTES, value_number(value), meaning);
}

static void add_run(struct summary *summary, const char *path,
                    const struct record *record,
                    const struct record_totals *totals)
{
    char text[64];

    summary_add(summary, "file", COLUMN_TEXT, value_text(path),
                "of the record; record --analyse FILE reads it again");
    add_bytes(summary, "file_size", record->size, "of the record");
    summary_add(summary, "command", COLUMN_TEXT, value_text(record->words),
                "that was recorded");
    summary_add(summary, "ended", COLUMN_TEXT, value_text(ending(record, text)),
                "how the program ended");
    summary_add(summary, "duration", COLUMN_MS,
                value_ratio(record->has_end ? record->end.duration_ms
                                            : totals->last_ms),
                "from its start to its end, recorder and all");
    add_count(summary, "threads", record->end.threads,
              "that allocated or freed");
}

static void add_calls(struct summary *summary,
                      const struct record_totals *totals)
{
    const uint64_t *calls = totals->calls;

    add_count(summary, "allocations", totals->allocations,
              "calls that gave a block, reallocations included");
    add_count(summary, "malloc", calls[RECORD_MALLOC], "and C++'s new");
    add_count(summary, "calloc", calls[RECORD_CALLOC], "that gave a block");
    add_count(summary, "realloc", calls[RECORD_REALLOCED],
              "of a block: one freed, one allocated");
    add_count(summary, "memalign", calls[RECORD_ALIGNED],
              "and all with an alignment");
    add_count(summary, "frees", totals->frees, "of recorded blocks");
    add_count(summary, "unknown_frees", totals->unknown_frees,
              "of blocks whose allocation is not in the record");
    add_bytes(summary, "bytes", totals->bytes, "asked for, in all");
    add_count(summary, "temporary", totals->temporary,
              "freed by the next call of their thread: worth a buffer");
    add_bytes(summary, "peak", totals->peak, "most that was live at once");
    summary_add(summary, "peak_time", COLUMN_MS, value_ratio(totals->peak_ms),
                "when it was reached, from the start");
    add_bytes(summary, "leaked", totals->live, "live at the end");
    add_count(summary, "leaked_blocks", totals->live_blocks, "live at the end");
}

enum status record_show_summary(struct context *context, const char *path,
                                const struct record *record,
                                const struct analysis *analysis)
{
    struct summary *summary = summary_begin(context->output, "record");

    add_run(summary, path, record, &analysis->totals);
    add_calls(summary, &analysis->totals);
    add_count(summary, "lost", analysis_missing(record, analysis),
              "events that the file does not hold");
    add_count(summary, "cut_stacks", record->end.stackless,
              "frames left out: there were too many different stacks");
    add_count(summary, "forked", record->end.forked,
              "children that allocated: they are not recorded");
    add_count(summary, "others", record->end.others,
              "children that began anew, as by exec(): they are not recorded");
    add_count(summary, "executed", record->end.execs,
              "programs before this one in the same process: left out");
    return summary_end(summary);
}

enum {
    COL_ALLOCATIONS,
    COL_BYTES,
    COL_TEMPORARY,
    COL_PEAK,
    COL_LEAKED,
    COL_LEAKED_BLOCKS,
    COL_LIFETIME,
    COL_STACK,
    COLUMNS,
};

static const struct column columns[COLUMNS] = {
    [COL_ALLOCATIONS] = {"ALLOCATIONS", "allocations", COLUMN_COUNT, false,
                         "calls from there that gave a block"},
    [COL_BYTES] = {"BYTES", "bytes", COLUMN_BYTES, false, "asked for, in all"},
    [COL_TEMPORARY] = {"TEMPORARY", "temporary", COLUMN_COUNT, false,
                       "freed by the next call of their thread"},
    [COL_PEAK] = {"PEAK", "peak", COLUMN_BYTES, false,
                  "live when the whole program's was most"},
    [COL_LEAKED] = {"LEAKED", "leaked", COLUMN_BYTES, false, "live at the end"},
    [COL_LEAKED_BLOCKS] = {"BLOCKS", "leaked_blocks", COLUMN_COUNT, true,
                           "live at the end"},
    [COL_LIFETIME] = {"LIFETIME", "lifetime", COLUMN_MS, false,
                      "mean of those that were freed"},
    [COL_STACK] = {"STACK", "stack", COLUMN_TEXT, false,
                   "innermost function first"},
};

enum status record_show_stacks(struct context *context,
                               const struct record *record,
                               const struct analysis *analysis)
{
    static char text[STACK_TEXT];
    struct record_names *names =
        names_begin(record, command_option(context, "debuginfod") != NULL);
    struct table *table =
        table_begin(context->output, "stacks", columns, COLUMNS);

    for (size_t i = 0; i < analysis->nrows && table != NULL; i++) {
        const struct record_row *row = &analysis->rows[i];
        struct value values[COLUMNS] = {
            [COL_ALLOCATIONS] = value_number(row->allocations),
            [COL_BYTES] = value_number(row->bytes),
            [COL_TEMPORARY] = value_number(row->temporary),
            [COL_PEAK] = value_number(row->at_peak),
            [COL_LEAKED] = value_number(row->live),
            [COL_LEAKED_BLOCKS] = value_number(row->live_blocks),
            [COL_LIFETIME] =
                row->frees > 0
                    ? value_ratio((double)row->lifetime_ms / (double)row->frees)
                    : value_unknown(),
        };
        values[COL_STACK] = value_text(
            stack_text(names_of(names, row->stack), STACK_SYMBOLS, text));
        if (!table_row(table, values))
            break;
    }
    enum status status = table_end(table);
    names_end(names);
    return table != NULL ? status : STATUS_USAGE;
}
