/* SPDX-License-Identifier: MIT */
/* Files in the page cache: how much, and with --runs which parts. */
#include "kernel/pagecache.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COL_FILE,
    COL_SIZE,
    COL_CACHED,
    COL_PART,
    COL_DIRTY,
    COL_WRITEBACK,
    COL_EVICTED,
    COL_RECENT,
    COL_BY,
    COLUMNS,
};

static const struct column columns[COLUMNS] = {
    [COL_FILE] = {"FILE", "file", COLUMN_TEXT, false, "as given"},
    [COL_SIZE] = {"SIZE", "size", COLUMN_BYTES, false, "of the file"},
    [COL_CACHED] = {"CACHED", "cached", COLUMN_BYTES, false,
                    "pages of it in memory"},
    [COL_PART] = {"PART", "part", COLUMN_RATIO, false, "of its pages"},
    [COL_DIRTY] = {"DIRTY", "dirty", COLUMN_BYTES, false,
                   "changed, not on disk yet"},
    [COL_WRITEBACK] = {"WRITEBACK", "writeback", COLUMN_BYTES, false,
                       "on its way to the disk"},
    [COL_EVICTED] = {"EVICTED", "evicted", COLUMN_BYTES, false,
                     "was cached, went"},
    [COL_RECENT] = {"RECENT", "recently_evicted", COLUMN_BYTES, false,
                    "of it so recently that memory was too little"},
    [COL_BY] = {"BY", "by", COLUMN_TEXT, true, "the system call that told"},
};

enum { RUN_FILE, RUN_OFFSET, RUN_SIZE, RUN_COLUMNS };

static const struct column run_columns[RUN_COLUMNS] = {
    [RUN_FILE] = {"FILE", "file", COLUMN_TEXT, false, "as given"},
    [RUN_OFFSET] = {"OFFSET", "offset", COLUMN_ADDRESS, false,
                    "where a cached stretch begins"},
    [RUN_SIZE] = {"SIZE", "size", COLUMN_BYTES, false, "how long it is"},
};

static struct value pages(const struct pagecache *cache, uint64_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return cache->has_states ? value_number(count * page) : value_unknown();
}

static bool put_counts(struct table *table, const char *name, int file,
                       uint64_t size)
{
    struct pagecache cache;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t whole = (size + page - 1) / page;

    if (!pagecache_count(file, size, &cache))
        return false;
    const struct value row[COLUMNS] = {
        [COL_FILE] = value_text(name),
        [COL_SIZE] = value_number(size),
        [COL_CACHED] = value_number(cache.cached * page),
        [COL_PART] = whole > 0
                         ? value_ratio((double)cache.cached / (double)whole)
                         : value_unknown(),
        [COL_DIRTY] = pages(&cache, cache.dirty),
        [COL_WRITEBACK] = pages(&cache, cache.writeback),
        [COL_EVICTED] = pages(&cache, cache.evicted),
        [COL_RECENT] = pages(&cache, cache.recently_evicted),
        [COL_BY] = value_text(cache.by),
    };
    (void)table_row(table, row);
    return true;
}

static bool put_runs(struct table *table, const char *name, int file,
                     uint64_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t count = (size + page - 1) / page;
    uint8_t *map = pagecache_map(file, size);

    if (map == NULL)
        return false;
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && (map[end] & 1) != 0)
            end++;
        if (end > i) {
            const struct value row[RUN_COLUMNS] = {
                [RUN_FILE] = value_text(name),
                [RUN_OFFSET] = value_number(i * page),
                [RUN_SIZE] = value_number((end - i) * page),
            };
            if (!table_row(table, row))
                break;
        }
        i = end + 1;
    }
    free(map);
    return true;
}

static enum status put(struct context *context, struct table *table,
                       const char *name, bool runs)
{
    struct stat stat_of;
    /* O_NONBLOCK: a fifo must not make us wait. */
    int file = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool done = file >= 0 && fstat(file, &stat_of) == 0;

    if (done && !S_ISREG(stat_of.st_mode)) {
        (void)close(file);
        return fail(context->failure, STATUS_USAGE,
                    "%.200s is not a regular file", name);
    }
    if (done) {
        uint64_t size = (uint64_t)stat_of.st_size;
        done = runs ? put_runs(table, name, file, size)
                    : put_counts(table, name, file, size);
    }
    int error = errno;
    if (file >= 0)
        (void)close(file);
    if (done)
        return STATUS_FINE;
    enum status status =
        error == EACCES || error == EPERM ? STATUS_PERMISSION : STATUS_GONE;
    return fail(context->failure, status, "%.200s: %s", name,
                strerror(error)); /* NOLINT(concurrency-mt-unsafe) */
}

static enum status run(struct context *context)
{
    bool runs = command_option(context, "runs") != NULL;
    struct table *table =
        runs ? table_begin(context->output, "runs", run_columns, RUN_COLUMNS)
             : table_begin(context->output, "pagecache", columns, COLUMNS);
    enum status status = STATUS_FINE;

    if (table == NULL)
        return STATUS_USAGE;
    if (context->argc == 0)
        status = fail(context->failure, STATUS_USAGE, "pagecache: no files");
    for (int i = 0; i < context->argc && status == STATUS_FINE; i++)
        status = put(context, table, context->argv[i], runs);
    enum status end = table_end(table);
    return status != STATUS_FINE ? status : end;
}

const struct command cmd_pagecache = {
    .name = "pagecache",
    .arguments = "FILE...",
    .summary = "blocks of files in the page cache",
    .example = "heapinspect pagecache /usr/bin/python3 --runs",
    .flags = COMMAND_NO_TARGET,
    .run = run,
    .options = {{"runs", NULL, "The cached stretches of each file"}},
};
