/* SPDX-License-Identifier: MIT */
#include "record/names.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

static const struct symbol unknown = {.function = "[unknown]",
                                      .module = MODULE_NONE};

static bool is_free(const struct modules *modules,
                    const struct record_module *found)
{
    for (size_t i = 0; i < modules->nmaps; i++) {
        if (modules->maps[i].start < found->end &&
            found->start < modules->maps[i].end)
            return false;
    }
    return found->start < found->end;
}

static int by_start(const void *left, const void *right)
{
    const struct module_map *a = left;
    const struct module_map *b = right;

    return (a->start > b->start) - (a->start < b->start);
}

static void add_module(struct modules *modules,
                       const struct record_module *found)
{
    const char *name = strrchr(found->path, '/');
    struct module module = {
        .start = found->start,
        .end = found->end,
        .path = xstrdup(found->path),
        .has_header = true,
        .id = {.is_known = true, .size = found->id_size},
    };

    module.name =
        name != NULL ? module.path + (name + 1 - found->path) : module.path;
    if (found->id_size <= sizeof module.id.bytes)
        memcpy(module.id.bytes, found->id, found->id_size);
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

/* The latest at an address wins: what it replaced cannot be told from it. */
struct record_names *names_begin(const struct record *record, bool debuginfod)
{
    struct record_names *names = xcalloc(1, sizeof *names);
    struct modules modules = {0};

    for (size_t i = record->nmodules; i-- > 0;) {
        if (is_free(&modules, &record->modules[i]))
            add_module(&modules, &record->modules[i]);
    }
    if (modules.nmaps > 1)
        qsort(modules.maps, modules.nmaps, sizeof *modules.maps, by_start);
    names->record = record;
    names->symbols = symbols_of_modules(&modules, debuginfod);
    return names;
}

void names_end(struct record_names *names)
{
    symbols_end(names->symbols);
    free(names);
}

const struct named_stack *names_of(struct record_names *names, uint32_t stack)
{
    struct named_stack *named = &names->named;

    named->count = 0;
    named->nframes = 0;
    named->frames = names->frames;
    for (uint32_t at = stack; at != 0 && named->nframes < STACK_SYMBOLS;
         at = names->record->frames[at].parent) {
        uintptr_t pc = names->record->frames[at].pc;
        const struct place *place = symbols_at(names->symbols, pc);
        names->frames[named->nframes++] = pc;
        for (size_t i = 0; i < place->count; i++) {
            if (named->count < STACK_SYMBOLS)
                named->symbols[named->count++] = &place->symbols[i];
        }
    }
    if (named->count == 0)
        named->symbols[named->count++] = &unknown;
    return named;
}
