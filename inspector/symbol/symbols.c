/* SPDX-License-Identifier: MIT */
#include "symbol/symbols.h"

#include "memory.h"
#include "symbol/file.h"
#include "symbol/internal.h"

#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A module's tables; opened when the first address asks for them. */
struct opened {
    Dwfl *dwfl;
    Dwfl_Module *module; /* NULL: there are none, or not the right ones */
    bool tried;
};

struct symbols {
    struct target *target;
    struct modules modules;
    struct opened *opened; /* by module */
    struct interned *interned;
    struct place **places; /* open addressing by address; NULL: empty */
    size_t room;
    size_t count;
};

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

static struct symbols *begin(struct target *target,
                             const struct modules *modules, bool debuginfod)
{
    struct symbols *symbols = xcalloc(1, sizeof *symbols);

    /* libdw asks the servers of this variable by itself. */
    if (!debuginfod)
        (void)unsetenv("DEBUGINFOD_URLS"); /* NOLINT(concurrency-mt-unsafe) */
    symbols->target = target;
    symbols->modules = *modules;
    symbols->opened = xcalloc(symbols->modules.count, sizeof *symbols->opened);
    symbols->interned = interned_begin();
    symbols->room = 1024;
    symbols->places = xcalloc(symbols->room, sizeof(struct place *));
    return symbols;
}

struct symbols *symbols_begin(struct target *target, bool debuginfod)
{
    struct modules modules;

    modules_load(target, &modules);
    return begin(target, &modules, debuginfod);
}

struct symbols *symbols_of_modules(const struct modules *modules,
                                   bool debuginfod)
{
    return begin(NULL, modules, debuginfod);
}

static void place_free(struct place *place)
{
    if (place != NULL)
        free((void *)(uintptr_t)place->symbols);
    free(place);
}

void symbols_end(struct symbols *symbols)
{
    if (symbols == NULL)
        return;
    for (size_t i = 0; i < symbols->modules.count; i++) {
        if (symbols->opened[i].dwfl != NULL)
            dwfl_end(symbols->opened[i].dwfl);
    }
    for (size_t i = 0; i < symbols->room; i++)
        place_free(symbols->places[i]);
    interned_end(symbols->interned);
    modules_free(&symbols->modules);
    free(symbols->opened);
    free(symbols->places);
    free(symbols);
}

bool symbols_are_current(const struct symbols *symbols)
{
    size_t count;
    struct vma *files = target_files(symbols->target, &count);
    const struct modules *modules = &symbols->modules;
    bool same = count == modules->nloaded;
    size_t at = 0;

    for (size_t i = 0; same && i < count; i++, at++) {
        while (modules->all[modules->maps[at].module].is_unloaded)
            at++;
        same = files[i].start == modules->maps[at].start;
    }
    free(files);
    return same;
}

const struct modules *symbols_modules(const struct symbols *symbols)
{
    return &symbols->modules;
}

const char *symbols_intern(struct symbols *symbols, const char *text)
{
    return interned_text(symbols->interned, text);
}

/* What is added to the file's addresses; its first segment lies at start. */
static bool find_bias(int fd, uintptr_t start, uintptr_t *bias)
{
    size_t count = 0;
    bool found = false;
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);

    if (elf != NULL && elf_getphdrnum(elf, &count) == 0) {
        for (size_t i = 0; i < count && !found; i++) {
            GElf_Phdr header;
            found = gelf_getphdr(elf, (int)i, &header) != NULL &&
                    header.p_type == PT_LOAD;
            if (found)
                *bias = start - (header.p_vaddr & ~(uintptr_t)0xfff);
        }
    }
    (void)elf_end(elf);
    return found;
}

static void open_module(struct symbols *symbols, uint32_t index)
{
    const struct module *module = &symbols->modules.all[index];
    struct opened *opened = &symbols->opened[index];
    uintptr_t bias = 0;

    opened->tried = true;
    if (!module->has_header)
        return;
    int fd = module_open(symbols->target, &symbols->modules, module);
    if (fd < 0)
        return;
    opened->dwfl = dwfl_begin(&callbacks);
    if (opened->dwfl == NULL || !find_bias(fd, module->start, &bias)) {
        (void)close(fd);
        return;
    }
    dwfl_report_begin(opened->dwfl);
    /* Takes the descriptor if it can use it. */
    opened->module = dwfl_report_elf(opened->dwfl, module->name, module->path,
                                     fd, bias, true);
    if (opened->module == NULL)
        (void)close(fd);
    (void)dwfl_report_end(opened->dwfl, NULL, NULL);
}

/* "qsort@@GLIBC_2.2.5" is qsort to people. */
static const char *without_version(struct symbols *symbols, const char *name)
{
    char text[256];
    size_t length = strcspn(name, "@");

    if (length == 0 || name[length] == '\0' || length >= sizeof text)
        return name;
    memcpy(text, name, length);
    text[length] = '\0';
    return symbols_intern(symbols, text);
}

static const char *interned_name(struct symbols *symbols, const char *name)
{
    char *readable = demangle(name);
    const char *kept =
        symbols_intern(symbols, readable != NULL ? readable : name);

    free(readable);
    return kept;
}

static void set_name(struct symbols *symbols, struct symbol *symbol,
                     const char *name)
{
    symbol->function = interned_name(symbols, name);
    symbol->is_named = true;
    if (strcmp(symbol->function, name) != 0)
        symbol->system = symbols_intern(symbols, name);
}

/* The function that the linker put there; NULL: none of known size. */
static const char *linker_name(Dwfl_Module *module, uintptr_t address)
{
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char *name = dwfl_module_addrinfo(module, address, &offset, &symbol,
                                            NULL, NULL, NULL);

    return name != NULL && *name != '\0' && symbol.st_size > 0 &&
                   offset < symbol.st_size
               ? name
               : NULL;
}

static void set_line(struct symbols *symbols, Dwfl_Module *module,
                     uintptr_t address, struct symbol *symbol)
{
    int line = 0;
    Dwfl_Line *found = dwfl_module_getsrc(module, address);
    const char *file = found != NULL
                           ? dwfl_lineinfo(found, NULL, &line, NULL, NULL, NULL)
                           : NULL;

    if (file == NULL)
        return;
    symbol->file = symbols_intern(symbols, file);
    symbol->line = line > 0 ? (uint32_t)line : 0;
}

/* How many of out[] were filled; 0: nothing is known but the offset. */
static size_t name_all(struct symbols *symbols, Dwfl_Module *module,
                       uintptr_t address, struct symbol *out)
{
    struct inlined inlined[INLINES_MAX];
    size_t count = inlines_at(module, address, inlined);
    const char *name = linker_name(module, address);
    size_t named = 0;

    if (name != NULL)
        name = without_version(symbols, name);
    if (count > 0 && name != NULL)
        inlined[count - 1].name = name;
    if (count == 0 && name != NULL)
        inlined[count++] = (struct inlined){.name = name};
    for (size_t i = 0; i < count; i++) {
        if (inlined[i].name == NULL)
            continue;
        set_name(symbols, &out[named], inlined[i].name);
        if (inlined[i].file != NULL) {
            out[named].file = symbols_intern(symbols, inlined[i].file);
            out[named].line = inlined[i].line;
        } else if (i == 0) {
            set_line(symbols, module, address, &out[named]);
        }
        named++;
    }
    return named;
}

static void set_offset(struct symbols *symbols, const struct module_map *map,
                       uintptr_t address, struct symbol *symbol)
{
    char text[4200];

    if (map == NULL) {
        symbol->function = symbols_intern(symbols, "[unknown]");
        return;
    }
    const struct module *module = &symbols->modules.all[map->module];
    (void)snprintf(text, sizeof text, "%.4000s+0x%lx", module->name,
                   (unsigned long)(address - module->start));
    symbol->function = symbols_intern(symbols, text);
}

static struct place *look_up(struct symbols *symbols, uintptr_t address)
{
    const struct module_map *map = modules_at(&symbols->modules, address - 1);
    struct symbol found[INLINES_MAX] = {{0}};
    struct place *place = xcalloc(1, sizeof *place);
    size_t count = 0;

    if (map != NULL) {
        struct opened *opened = &symbols->opened[map->module];
        if (!opened->tried)
            open_module(symbols, map->module);
        /* A return address may be the next function's: the call is before. */
        if (opened->module != NULL)
            count = name_all(symbols, opened->module, address - 1, found);
    }
    if (count == 0) {
        set_offset(symbols, map, address, &found[0]);
        count = 1;
    }
    struct symbol *kept = xcalloc(count, sizeof *kept);
    memcpy(kept, found, count * sizeof *kept);
    place->address = address;
    place->symbols = kept;
    place->count = count;
    place->module = map != NULL ? map->module : MODULE_NONE;
    for (size_t i = 0; i < count; i++)
        kept[i].module = place->module;
    return place;
}

static size_t slot_of(const struct symbols *symbols, uintptr_t address)
{
    size_t at = (size_t)(address * 0x9e3779b97f4a7c15u >> 20);

    for (;; at++) {
        at &= symbols->room - 1;
        const struct place *place = symbols->places[at];
        if (place == NULL || place->address == address)
            return at;
    }
}

static void grow(struct symbols *symbols)
{
    struct place **old = symbols->places;
    size_t room = symbols->room;

    symbols->room *= 2;
    symbols->places = xcalloc(symbols->room, sizeof(struct place *));
    for (size_t i = 0; i < room; i++) {
        if (old[i] != NULL)
            symbols->places[slot_of(symbols, old[i]->address)] = old[i];
    }
    free(old);
}

const struct place *symbols_at(struct symbols *symbols, uintptr_t address)
{
    if (symbols->count * 2 >= symbols->room)
        grow(symbols);
    size_t at = slot_of(symbols, address);
    if (symbols->places[at] == NULL) {
        symbols->places[at] = look_up(symbols, address);
        symbols->count++;
    }
    return symbols->places[at];
}
