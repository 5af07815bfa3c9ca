/* SPDX-License-Identifier: MIT */
/* /proc/PID/maps, with what the allocator calls the stretches. */
#include "cmd/cmd.h"
#include "kernel/regions.h"

enum {
    MAPS_START,
    MAPS_END,
    MAPS_SIZE,
    MAPS_PERM,
    MAPS_OFFSET,
    MAPS_INODE,
    MAPS_NAME,
    MAPS_REGION,
    MAPS_COLUMNS,
};

static const struct column columns[MAPS_COLUMNS] = {
    [MAPS_START] = {"START", "start", COLUMN_ADDRESS, false, "first byte"},
    [MAPS_END] = {"END", "end", COLUMN_ADDRESS, false, "behind the last"},
    [MAPS_SIZE] = {"SIZE", "size", COLUMN_BYTES, false, "of addresses"},
    [MAPS_PERM] = {"PERM", "perm", COLUMN_TEXT, false,
                   "read, write, execute; private or shared"},
    [MAPS_OFFSET] = {"OFFSET", "offset", COLUMN_BYTES, true, "in the file"},
    [MAPS_INODE] = {"INODE", "inode", COLUMN_COUNT, true, "of the file"},
    [MAPS_NAME] = {"NAME", "name", COLUMN_TEXT, false,
                   "file, or the kernel's name; - is anonymous"},
    [MAPS_REGION] = {"REGION", "region", COLUMN_TEXT, false,
                     "what it is to liballoc"},
};

static enum status run(struct context *context)
{
    struct target *target = context->target;
    struct regions regions = {0};
    struct failure failure;
    char text[256];
    size_t count;
    struct table *table =
        table_begin(context->output, "maps", columns, MAPS_COLUMNS);
    struct model *model =
        target_root(target) != NULL ? model_load(target, &failure) : NULL;

    if (model != NULL) {
        regions_find(model, &regions);
    } else if (target_root(target) != NULL) {
        target_warn(target, "%s", failure.text);
    }
    const struct vma *vmas = target_vmas(target, &count);
    for (size_t i = 0; i < count && table != NULL; i++) {
        const struct vma *vma = &vmas[i];
        (void)regions_describe(&regions, vma->start, vma->end, text,
                               sizeof text);
        const struct value row[MAPS_COLUMNS] = {
            [MAPS_START] = value_number(vma->start),
            [MAPS_END] = value_number(vma->end),
            [MAPS_SIZE] = value_number(vma->end - vma->start),
            [MAPS_PERM] = value_text(vma->prot),
            [MAPS_OFFSET] = value_number(vma->offset),
            [MAPS_INODE] = value_number(vma->inode),
            [MAPS_NAME] = value_text(vma->name[0] != '\0' ? vma->name : NULL),
            [MAPS_REGION] = value_text(text[0] != '\0' ? text : NULL),
        };
        if (!table_row(table, row))
            break;
    }
    regions_free(&regions);
    model_free(model);
    return table_end(table);
}

const struct command cmd_maps = {
    .name = "maps",
    .arguments = "TARGET",
    .summary = "/proc/PID/maps, with what the stretches are to the allocator",
    .example = "heapinspect maps 1234 -q 'region~\"zone\"'",
    .run = run,
};
