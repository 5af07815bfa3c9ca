/* SPDX-License-Identifier: MIT */
/* From an address to its page table entry and page frame. */
#include "cmd/cmd.h"
#include "kernel/page_flags.h"
#include "kernel/pagemap.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    COL_ADDRESS,
    COL_TABLE,
    COL_OFFSET,
    COL_STATE,
    COL_HUGE,
    COL_PFN,
    COL_COUNT,
    COL_FLAGS,
    COL_VMA,
    COLUMNS,
};

static const struct column columns[COLUMNS] = {
    [COL_ADDRESS] = {"ADDRESS", "address", COLUMN_ADDRESS, false, "virtual"},
    [COL_TABLE] = {"TABLE", "table", COLUMN_TEXT, false,
                   "index at each level of the page table, from the top"},
    [COL_OFFSET] = {"OFFSET", "offset", COLUMN_COUNT, false, "in the page"},
    [COL_STATE] = {"STATE", "state", COLUMN_TEXT, false,
                   "present, swapped, none: not touched or given back"},
    [COL_HUGE] = {"HUGE", "huge", COLUMN_TEXT, false,
                  "mapped by the PMD as a huge page: the PTE level is absent"},
    [COL_PFN] = {"PFN", "pfn", COLUMN_COUNT, false,
                 "page frame number; root alone may know"},
    [COL_COUNT] = {"MAPPED", "mapcount", COLUMN_COUNT, false,
                   "how often the frame is mapped; root alone may know"},
    [COL_FLAGS] = {"FLAGS", "flags", COLUMN_TEXT, false,
                   "of the frame, as page-types names them"},
    [COL_VMA] = {"VMA", "vma", COLUMN_TEXT, false, "mapping that holds it"},
};

struct row_text {
    char table[96];
    char flags[256];
    char vma[160];
};

static void set_indices(uintptr_t address, size_t page_size,
                        struct row_text *text, struct value *row)
{
    struct table_index indices[TABLE_LEVELS];
    size_t used = 0;
    size_t count =
        page_table_indices(address, page_size, has_five_levels(), indices);

    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text->table + used, sizeof text->table - used,
                                 "%s%s %u", i > 0 ? " " : "", indices[i].level,
                                 indices[i].index);
    }
    row[COL_TABLE] = value_text(text->table);
    row[COL_OFFSET] = value_number(address & (page_size - 1));
}

static const char *state_of(uint8_t bits)
{
    if ((bits & RESIDENT) != 0)
        return "present";
    return (bits & SWAPPED) != 0 ? "swapped" : "none";
}

/* Frame number, flags and count, as far as the kernel lets us know. */
static void set_frame(struct target *target, uintptr_t address,
                      struct row_text *text, struct value *row)
{
    char path[64];
    uint64_t word;
    uint64_t flags;
    uint64_t count;

    if (target_kind(target) != TARGET_PROCESS) {
        target_warn(target, "page frames are not known from files");
        return;
    }
    (void)snprintf(path, sizeof path, "/proc/%d/pagemap",
                   (int)target_pid(target));
    int pagemap = open(path, O_RDONLY | O_CLOEXEC);
    bool read = pagemap >= 0 &&
                pagemap_word(pagemap, target_page_size(target), address, &word);
    if (pagemap >= 0)
        (void)close(pagemap);
    if (!read || (word & PAGEMAP_PRESENT) == 0)
        return;
    uint64_t pfn = word & PAGEMAP_PFN;
    if (pfn == 0) {
        target_warn(target, "page frame numbers are shown to root alone "
                            "(CAP_SYS_ADMIN)");
        return;
    }
    row[COL_PFN] = value_number(pfn);
    if (!page_frame_word("/proc/kpageflags", pfn, &flags) ||
        !page_frame_word("/proc/kpagecount", pfn, &count)) {
        target_warn(target, "/proc/kpageflags and kpagecount are not readable "
                            "(root alone, and not in all kernels)");
        return;
    }
    row[COL_FLAGS] =
        value_text(page_flags_text(flags, text->flags, sizeof text->flags));
    row[COL_COUNT] = value_number(count);
}

static bool put(struct target *target, struct table *table, uintptr_t address)
{
    struct row_text text;
    struct value row[COLUMNS];
    size_t page_size = target_page_size(target);
    uint8_t bits;

    for (int i = 0; i < COLUMNS; i++)
        row[i] = value_unknown();
    row[COL_ADDRESS] = value_number(address);
    set_indices(address, page_size, &text, row);
    if (target_residency(target, address & ~(page_size - 1), 1, &bits) &&
        (bits & KNOWN) != 0) {
        row[COL_STATE] = value_text(state_of(bits));
        row[COL_HUGE] = value_text((bits & HUGE) != 0 ? "yes" : "no");
    }
    set_frame(target, address, &text, row);
    const struct vma *vma = target_vma_at(target, address);
    (void)snprintf(text.vma, sizeof text.vma, "%s",
                   vma == NULL            ? "none"
                   : vma->name[0] != '\0' ? vma->name
                                          : "anonymous");
    row[COL_VMA] = value_text(text.vma);
    return table_row(table, row);
}

/* All arguments are looked at before anything is shown. */
static bool are_addresses(struct context *context)
{
    uint64_t address;

    if (context->argc == 0) {
        (void)fail(context->failure, STATUS_USAGE,
                   "translate: an address is missing");
        return false;
    }
    for (int i = 0; i < context->argc; i++) {
        if (!parse_number(context->argv[i], &address)) {
            (void)fail(context->failure, STATUS_USAGE,
                       "\"%.64s\" is no address", context->argv[i]);
            return false;
        }
    }
    return true;
}

static enum status run(struct context *context)
{
    uint64_t address;

    if (!are_addresses(context))
        return STATUS_USAGE;
    struct table *table =
        table_begin(context->output, "translate", columns, COLUMNS);
    for (int i = 0; i < context->argc && table != NULL; i++) {
        if (!parse_number(context->argv[i], &address) ||
            !put(context->target, table, address))
            break;
    }
    return table_end(table);
}

const struct command cmd_translate = {
    .name = "translate",
    .arguments = "TARGET ADDRESS...",
    .summary = "page table indices, frame and flags of addresses",
    .example = "heapinspect translate 1234 0x7f0000001000",
    .run = run,
};
