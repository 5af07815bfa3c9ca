/* SPDX-License-Identifier: MIT */
/* smaps joined with the walk: what holds each VMA's memory. */
#include "cmd/view.h"
#include "kernel/regions.h"
#include "kernel/vma_use.h"

#include <stdlib.h>

enum {
    VMAS_START,
    VMAS_END,
    VMAS_SIZE,
    VMAS_RSS,
    VMAS_PSS,
    VMAS_DIRTY,
    VMAS_SWAP,
    VMAS_THP,
    VMAS_LAZYFREE,
    VMAS_LIVE,
    VMAS_CACHED,
    VMAS_FREE,
    VMAS_WASTE,
    VMAS_ANONYMOUS,
    VMAS_LOCKED,
    VMAS_FLAGS,
    VMAS_PERM,
    VMAS_NAME,
    VMAS_REGION,
    VMAS_COLUMNS,
};

static const struct column columns[VMAS_COLUMNS] = {
    [VMAS_START] = {"START", "start", COLUMN_ADDRESS, false, "first byte"},
    [VMAS_END] = {"END", "end", COLUMN_ADDRESS, true, "behind the last"},
    [VMAS_SIZE] = {"SIZE", "size", COLUMN_BYTES, false, "of addresses"},
    [VMAS_RSS] = {"RSS", "rss", COLUMN_BYTES, false, "resident"},
    [VMAS_PSS] = {"PSS", "pss", COLUMN_BYTES, false,
                  "resident, shared pages by their share"},
    [VMAS_DIRTY] = {"DIRTY", "dirty", COLUMN_BYTES, false,
                    "changed pages of our own: cannot just be dropped"},
    [VMAS_SWAP] = {"SWAP", "swap", COLUMN_BYTES, false, "swapped out"},
    [VMAS_THP] = {"THP", "thp", COLUMN_BYTES, false, "in huge pages"},
    [VMAS_LAZYFREE] = {"LAZYFREE", "lazyfree", COLUMN_BYTES, false,
                       "given back by MADV_FREE, not taken yet"},
    [VMAS_LIVE] = {"LIVE", "live", COLUMN_BYTES, false,
                   "in the program's hands"},
    [VMAS_CACHED] = {"CACHED", "cached", COLUMN_BYTES, false,
                     "in threads' bins, or on the way between threads"},
    [VMAS_FREE] = {"FREE", "free", COLUMN_BYTES, false,
                   "free in slabs, arenas, page and buddy lists, resident or "
                   "not"},
    [VMAS_WASTE] = {"WASTE", "waste", COLUMN_BYTES, false,
                    "resident, but not live: what tuning could win at most"},
    [VMAS_ANONYMOUS] = {"ANON", "anonymous", COLUMN_BYTES, true,
                        "resident and of no file"},
    [VMAS_LOCKED] = {"LOCKED", "locked", COLUMN_BYTES, true, "mlock()"},
    [VMAS_FLAGS] = {"VMFLAGS", "vmflags", COLUMN_TEXT, true,
                    "the kernel's two-letter flags"},
    [VMAS_PERM] = {"PERM", "perm", COLUMN_TEXT, false, "as in maps"},
    [VMAS_NAME] = {"NAME", "name", COLUMN_TEXT, false, "as in maps"},
    [VMAS_REGION] = {"REGION", "region", COLUMN_TEXT, false,
                     "what it is to liballoc"},
};

static struct value known(const struct vma *vma, size_t bytes)
{
    return vma->has_use ? value_number(bytes) : value_unknown();
}

static void set_use(struct value *row, const struct vma *vma,
                    const struct vma_use *use)
{
    row[VMAS_LIVE] = value_number(use->live);
    row[VMAS_CACHED] = value_number(use->cached);
    row[VMAS_FREE] = value_number(use->free);
    size_t held = vma->rss > use->resident ? vma->rss - use->resident : 0;
    row[VMAS_WASTE] = known(vma, held);
}

static bool put_vma(struct table *table, const struct vma *vma,
                    const struct vma_use *use, const struct regions *regions)
{
    char text[256];
    struct value row[VMAS_COLUMNS] = {
        [VMAS_START] = value_number(vma->start),
        [VMAS_END] = value_number(vma->end),
        [VMAS_SIZE] = value_number(vma->end - vma->start),
        [VMAS_RSS] = known(vma, vma->rss),
        [VMAS_PSS] = known(vma, vma->pss),
        [VMAS_DIRTY] = known(vma, vma->private_dirty),
        [VMAS_SWAP] = known(vma, vma->swap),
        [VMAS_THP] = known(vma, vma->anon_huge),
        [VMAS_LAZYFREE] = known(vma, vma->lazyfree),
        [VMAS_LIVE] = value_unknown(),
        [VMAS_CACHED] = value_unknown(),
        [VMAS_FREE] = value_unknown(),
        [VMAS_WASTE] = value_unknown(),
        [VMAS_ANONYMOUS] = known(vma, vma->anonymous),
        [VMAS_LOCKED] = known(vma, vma->locked),
        [VMAS_FLAGS] = value_text(vma->has_use ? vma->flags : NULL),
        [VMAS_PERM] = value_text(vma->prot),
        [VMAS_NAME] = value_text(vma->name[0] != '\0' ? vma->name : NULL),
    };

    if (use != NULL && use->ours)
        set_use(row, vma, use);
    (void)regions_describe(regions, vma->start, vma->end, text, sizeof text);
    row[VMAS_REGION] = value_text(text[0] != '\0' ? text : NULL);
    return table_row(table, row);
}

static bool put_gap(struct table *table, uintptr_t start, uintptr_t end)
{
    struct value row[VMAS_COLUMNS];

    for (int i = 0; i < VMAS_COLUMNS; i++)
        row[i] = value_unknown();
    row[VMAS_START] = value_number(start);
    row[VMAS_END] = value_number(end);
    row[VMAS_SIZE] = value_number(end - start);
    row[VMAS_NAME] = value_text("gap");
    return table_row(table, row);
}

static void put_all(struct context *context, struct table *table,
                    const struct vma_use *uses, const struct regions *regions)
{
    bool gaps = command_option(context, "gaps") != NULL;
    uintptr_t end = 0;
    size_t count;
    const struct vma *vmas = target_vmas(context->target, &count);

    for (size_t i = 0; i < count; i++) {
        if (gaps && vmas[i].start > end && i > 0 &&
            !put_gap(table, end, vmas[i].start))
            return;
        if (!put_vma(table, &vmas[i], uses != NULL ? &uses[i] : NULL, regions))
            return;
        end = vmas[i].end;
    }
}

static enum status run(struct context *context)
{
    struct regions regions = {0};
    struct vma_use *uses = NULL;
    struct model *model = NULL;
    size_t unverified = 0;
    struct table *table =
        table_begin(context->output, "vmas", columns, VMAS_COLUMNS);

    if (table == NULL)
        return STATUS_USAGE;
    if (target_root(context->target) != NULL)
        model = view_begin(context, true);
    if (model == NULL && context->failure->text[0] != '\0') {
        target_warn(context->target, "%s", context->failure->text);
        *context->failure = (struct failure){0};
    }
    if (model != NULL) {
        regions_find(model, &regions);
        uses = vma_use_count(model, &unverified);
        view_unverified(context, model, unverified);
    }
    put_all(context, table, uses, &regions);
    regions_free(&regions);
    free(uses);
    enum status status = table_end(table);
    return model != NULL ? view_end(context, model, status) : status;
}

const struct command cmd_vmas = {
    .name = "vmas",
    .arguments = "TARGET",
    .summary = "smaps joined with the heap: resident, live, cached, free, "
               "wasted bytes of each mapping",
    .example = "heapinspect vmas 1234 --sort waste --limit 10",
    .run = run,
    .options = {{"gaps", NULL, "Also the stretches between the mappings"}},
};
