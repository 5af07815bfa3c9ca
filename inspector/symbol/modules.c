/* SPDX-License-Identifier: MIT */
#include "symbol/modules.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

static const char deleted[] = " (deleted)";

/* Does the mapping go on with the module that came last? */
static bool is_same(const struct module *last, const struct vma *vma)
{
    size_t length = strlen(last->path);

    if (strncmp(vma->name, last->path, length) != 0 ||
        (vma->name[length] != '\0' &&
         strcmp(vma->name + length, deleted) != 0) ||
        vma->inode != last->inode)
        return false;
    /* The same file once more, as dlmopen() does, begins anew. */
    return vma->offset != 0 || vma->start == last->end;
}

static void add_module(struct modules *modules, const struct vma *vma)
{
    size_t length = strlen(vma->name);
    size_t tail = sizeof deleted - 1;
    bool is_deleted =
        length > tail && strcmp(vma->name + length - tail, deleted) == 0;
    char *path = xstrdup(vma->name);

    if (is_deleted)
        path[length - tail] = '\0';
    const char *name = strrchr(path, '/');
    modules->all = xgrow(modules->all, modules->count, sizeof *modules->all);
    modules->all[modules->count++] = (struct module){
        .start = vma->start,
        .path = path,
        .name = name != NULL ? name + 1 : path,
        .inode = vma->inode,
        .is_deleted = is_deleted,
        .has_header = vma->offset == 0,
    };
}

void modules_load(struct target *target, struct modules *modules)
{
    size_t count;
    struct vma *files = target_files(target, &count);

    *modules = (struct modules){0};
    for (size_t i = 0; i < count; i++) {
        const struct vma *vma = &files[i];
        if (modules->count == 0 ||
            !is_same(&modules->all[modules->count - 1], vma))
            add_module(modules, vma);
        modules->all[modules->count - 1].end = vma->end;
        modules->maps =
            xgrow(modules->maps, modules->nmaps, sizeof *modules->maps);
        modules->maps[modules->nmaps++] = (struct module_map){
            .start = vma->start,
            .end = vma->end,
            .offset = vma->offset,
            .is_code = vma->prot[2] == 'x',
            .module = (uint32_t)modules->count - 1,
        };
    }
    for (size_t i = 0; i < modules->count; i++) {
        struct module *module = &modules->all[i];
        if (module->has_header)
            target_build_id(target, module->start, &module->id);
    }
    free(files);
}

void modules_free(struct modules *modules)
{
    for (size_t i = 0; i < modules->count; i++)
        free((char *)(uintptr_t)modules->all[i].path);
    free(modules->all);
    free(modules->maps);
    *modules = (struct modules){0};
}

const struct module_map *modules_at(const struct modules *modules,
                                    uintptr_t address)
{
    size_t low = 0;
    size_t high = modules->nmaps;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (modules->maps[middle].end <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < modules->nmaps && modules->maps[low].start <= address
               ? &modules->maps[low]
               : NULL;
}
