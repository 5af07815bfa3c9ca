/* SPDX-License-Identifier: MIT */
/* The memory descriptor: where the kernel says that things lie, and counts. */
#include "cmd/cmd.h"
#include "kernel/smaps.h"
#include "kernel/stat.h"

#include <stdio.h>
#include <string.h>

static void add_address(struct summary *summary, const char *key,
                        uint64_t address, const char *meaning)
{
    /* 0 and 1 is what the kernel shows to those who may not know. */
    summary_add(summary, key, COLUMN_ADDRESS,
                address > 1 ? value_number(address) : value_unknown(), meaning);
}

static void add_layout(struct summary *summary, struct target *target)
{
    struct mm_layout layout = {0};
    bool known = stat_parse(target_proc(target, "stat"), &layout);
    uint64_t brk = 0;
    size_t count;
    const struct vma *vmas = target_vmas(target, &count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(vmas[i].name, "[heap]") == 0)
            brk = vmas[i].end;
    }
    add_address(summary, "start_code", layout.start_code,
                "the program's text begins");
    add_address(summary, "end_code", layout.end_code, "and ends");
    add_address(summary, "start_data", layout.start_data,
                "its initialised data begins");
    add_address(summary, "end_data", layout.end_data, "and ends");
    add_address(summary, "start_brk", layout.start_brk,
                "the break began here: the lowest address of [heap]");
    add_address(summary, "brk", brk,
                "the break now: the main arena grows up to here");
    add_address(summary, "start_stack", layout.start_stack,
                "bottom of the main thread's stack");
    if (!known)
        return;
    summary_add(summary, "threads", COLUMN_COUNT, value_number(layout.threads),
                "each may have a heap of its own");
    summary_add(summary, "minor_faults", COLUMN_COUNT,
                value_number(layout.minor_faults),
                "pages that came without input or output: first touches, also "
                "of memory that was given back");
    summary_add(summary, "major_faults", COLUMN_COUNT,
                value_number(layout.major_faults),
                "pages read from disk: many mean too little memory");
}

static void add_counters(struct summary *summary, struct target *target)
{
    static const struct {
        const char *key;
        const char *name;
        const char *meaning;
    } counters[] = {
        {"vm_size", "VmSize", "addresses in use, reservations included"},
        {"vm_peak", "VmPeak", "and at most"},
        {"rss", "VmRSS", "resident: what the process costs now"},
        {"rss_peak", "VmHWM", "and at most"},
        {"rss_anon", "RssAnon", "of it anonymous: heaps and stacks"},
        {"rss_file", "RssFile", "of it mapped files: the kernel may drop it"},
        {"rss_shmem", "RssShmem", "of it shared memory"},
        {"data", "VmData", "private writable mappings"},
        {"page_tables", "VmPTE", "page tables: the map itself"},
        {"swap", "VmSwap", "swapped out: reading it brings it back"},
        {"locked", "VmLck", "locked in memory"},
    };
    const char *status = target_proc(target, "status");
    uint64_t bytes;

    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        bool known =
            status != NULL && status_bytes(status, counters[i].name, &bytes);
        summary_add(summary, counters[i].key, COLUMN_BYTES,
                    known ? value_number(bytes) : value_unknown(),
                    counters[i].meaning);
    }
}

static void add_limits(struct summary *summary, struct target *target)
{
    static const struct {
        const char *key;
        const char *name;
        const char *meaning;
    } limits[] = {
        {"limit_as", "Max address space",
         "bound on addresses: zones shrink to fit it; - is none"},
        {"limit_data", "Max data size", "bound on the break and private maps"},
        {"limit_stack", "Max stack size", "bound on the main stack"},
        {"limit_locked", "Max locked memory", "bound on locked memory"},
    };
    const char *text = target_proc(target, "limits");
    uint64_t soft;
    uint64_t hard;

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        bool bounded = limits_parse(text, limits[i].name, &soft, &hard) &&
                       soft != UINT64_MAX;
        summary_add(summary, limits[i].key, COLUMN_BYTES,
                    bounded ? value_number(soft) : value_unknown(),
                    limits[i].meaning);
    }
}

static void add_root(struct summary *summary, struct target *target)
{
    const struct heap_root *root = target_root(target);
    char layout[32];
    char build[2 * ROOT_BUILD_ID + 1] = "";
    char version[ROOT_NAME + 1] = "";

    add_address(summary, "root", target_root_address(target),
                "liballoc's published root; - means: it is not loaded");
    if (root == NULL)
        return;
    memcpy(version, root->version, ROOT_NAME);
    (void)snprintf(layout, sizeof layout, "%u.%u", root->major, root->minor);
    for (size_t i = 0; i < root->build_id_size && i < ROOT_BUILD_ID; i++)
        (void)snprintf(build + 2 * i, 3, "%02x", root->build_id[i]);
    summary_add(summary, "liballoc", COLUMN_TEXT, value_text(version),
                "its version");
    summary_add(summary, "layout", COLUMN_TEXT, value_text(layout),
                "version of its structures");
    summary_add(summary, "build_id", COLUMN_TEXT, value_text(build),
                "which build of it");
    summary_add(summary, "system_page", COLUMN_BYTES,
                value_number(root->system_page), "page of the kernel");
    summary_add(summary, "page", COLUMN_BYTES,
                value_number((uint64_t)1 << root->page_shift),
                "page of liballoc's zones");
}

static enum status run(struct context *context)
{
    struct target *target = context->target;
    struct summary *summary = summary_begin(context->output, "info");
    pid_t pid = target_pid(target);

    summary_add(summary, "program", COLUMN_TEXT,
                value_text(target_program(target)), "the name of the program");
    summary_add(summary, "pid", COLUMN_COUNT,
                pid > 0 ? value_number((uint64_t)pid) : value_unknown(),
                "the process");
    add_root(summary, target);
    add_layout(summary, target);
    add_counters(summary, target);
    add_limits(summary, target);
    return summary_end(summary);
}

const struct command cmd_info = {
    .name = "info",
    .arguments = "TARGET",
    .summary =
        "the memory descriptor: code, data, break, stack, counts, limits",
    .example = "heapinspect info redis-server",
    .run = run,
};
