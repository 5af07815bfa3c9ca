/* SPDX-License-Identifier: MIT */
#include "prof/module_table.h"

#include "base/bits.h"
#include "base/compiler.h"
#include "base/syscall.h"
#include "os/os_image.h"
#include "prof/grow.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <string.h>

/* glibc 2.35; without it no library is noted. */
#pragma weak _dl_find_object

static struct grow modules_room;
static struct grow names_room;

bool module_table_init(struct prof *prof)
{
    if (prof->modules != NULL)
        return true;
    if (!grow_reserve(&modules_room,
                      MODULES_MAX * sizeof(struct prof_module)) ||
        !grow_reserve(&names_room, MODULE_NAMES_MAX))
        return false;
    prof->names = names_room.start;
    prof->modules = modules_room.start;
    return true;
}

static bool is_noted(const struct prof *prof, uintptr_t start, const char *name)
{
    for (uint64_t i = prof->nmodules; i-- > 0;) {
        const struct prof_module *module = &prof->modules[i];
        if (module->start == start)
            return strcmp(prof->names + module->name, name) == 0;
    }
    return false;
}

/* As the loader has it, from the root on; its length with the NUL, or 0. */
static size_t whole_path(char *out, size_t room, const char *name)
{
    size_t length = strlen(name) + 1;
    size_t before = 0;

    if (name[0] != '/') {
        long n = syscall3(SYS_getcwd, (long)out, (long)room, 0);
        if (n <= 1)
            return 0;
        before = (size_t)n;
        out[before - 1] = '/';
    }
    if (before + length > room)
        return 0;
    memcpy(out + before, name, length);
    return before + length;
}

static void note(struct prof *prof, uintptr_t start, uintptr_t end,
                 const char *name)
{
    struct snapshot_image image = {.start = start};
    size_t length = strlen(name) + 1;

    if (prof->nmodules == MODULES_MAX ||
        prof->nnames + length > MODULE_NAMES_MAX ||
        !grow_to(&modules_room,
                 (prof->nmodules + 1) * sizeof(struct prof_module),
                 &prof->memory) ||
        !grow_to(&names_room, prof->nnames + length, &prof->memory))
        return;
    struct prof_module *module = &prof->modules[prof->nmodules];
    module->start = start;
    module->end = end;
    module->name = (uint32_t)prof->nnames;
    memcpy(prof->names + prof->nnames, name, length);
    prof->nnames += length;
    if (os_build_id(&image, true) && image.size <= PROF_BUILD_ID) {
        module->id_size = image.size;
        memcpy(module->build_id, image.build_id, image.size);
    }
    prof->nmodules++;
}

void module_table_note(struct prof *prof, const uintptr_t *pcs, uint32_t depth)
{
    struct dl_find_object found;
    char path[PATH_MAX];
    uintptr_t start = 0;
    uintptr_t end = 0;

    if (_dl_find_object == NULL)
        return;
    for (uint32_t i = 0; i < depth; i++) {
        if (pcs[i] - start < end - start)
            continue; /* as the frame before */
        if (_dl_find_object((void *)(pcs[i] - 1), &found) != 0)
            continue;
        start = (uintptr_t)found.dlfo_map_start;
        end = (uintptr_t)found.dlfo_map_end;
        /* The program itself has no name, and is never unloaded. */
        const char *name = found.dlfo_link_map->l_name;
        if (name != NULL && name[0] != '\0' &&
            whole_path(path, sizeof path, name) != 0 &&
            !is_noted(prof, start, path))
            note(prof, start, end, path);
    }
}
