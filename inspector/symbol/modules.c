/* SPDX-License-Identifier: MIT */
#include "symbol/modules.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    UNLOADED_MAX = 4096,
    NAMES_MAX = 1 << 20, /* bytes of all paths */
};

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

static bool is_free(const struct modules *modules, uintptr_t start,
                    uintptr_t end)
{
    for (size_t i = 0; i < modules->nmaps; i++) {
        if (modules->maps[i].start < end && start < modules->maps[i].end)
            return false;
    }
    return true;
}

/* One map for all of it: its parts are as the file says. */
static void add_unloaded(struct modules *modules,
                         const struct prof_module *found, const char *path)
{
    const char *name = strrchr(path, '/');
    struct module module = {
        .start = found->start,
        .end = found->end,
        .path = xstrdup(path),
        .is_unloaded = true,
        .has_header = true,
        .id = {.is_known = true, .size = found->id_size},
    };

    module.name = name != NULL ? module.path + (name + 1 - path) : module.path;
    memcpy(module.id.bytes, found->build_id, found->id_size);
    modules->all = xgrow(modules->all, modules->count, sizeof *modules->all);
    modules->all[modules->count++] = module;
    modules->maps = xgrow(modules->maps, modules->nmaps, sizeof *modules->maps);
    modules->maps[modules->nmaps++] = (struct module_map){
        .start = found->start,
        .end = found->end,
        .is_code = true,
        .module = (uint32_t)modules->count - 1,
    };
}

static int by_start(const void *left, const void *right)
{
    const struct module_map *a = left;
    const struct module_map *b = right;

    return (a->start > b->start) - (a->start < b->start);
}

/* All paths, with a NUL behind them; NULL: they cannot be had. */
static char *read_names(struct target *target, const struct prof *prof)
{
    if (prof->nnames == 0 || prof->nnames > NAMES_MAX)
        return NULL;
    char *names = xcalloc((size_t)prof->nnames + 1, 1);
    if (far_read(target, FAR_ADDRESS(prof->names), names, (size_t)prof->nnames))
        return names;
    free(names);
    return NULL;
}

/* The latest at an address first: what came before it cannot be told apart
   from it. */
static void load_unloaded(struct target *target, struct modules *modules)
{
    struct prof_module found;
    struct prof prof;
    const struct heap_root *root = target_root(target);
    uintptr_t at = root != NULL ? FAR_ADDRESS(root->prof) : 0;
    size_t size = at != 0 ? far_sizeof(target, TYPE_ID_prof_module) : 0;

    modules->nloaded = modules->nmaps;
    if (size == 0 || !far_struct(target, TYPE_ID_prof, at, &prof))
        return;
    char *names = read_names(target, &prof);
    uint64_t count =
        prof.nmodules < UNLOADED_MAX ? prof.nmodules : UNLOADED_MAX;
    for (uint64_t i = names != NULL ? count : 0; i-- > 0;) {
        if (far_struct(target, TYPE_ID_prof_module,
                       FAR_ADDRESS(prof.modules) + i * size, &found) &&
            found.end > found.start && found.name < prof.nnames &&
            found.id_size <= sizeof modules->all->id.bytes &&
            found.id_size <= sizeof found.build_id &&
            is_free(modules, found.start, found.end))
            add_unloaded(modules, &found, names + found.name);
    }
    if (modules->nmaps > 1)
        qsort(modules->maps, modules->nmaps, sizeof *modules->maps, by_start);
    free(names);
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
    load_unloaded(target, modules);
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
