/* SPDX-License-Identifier: MIT */
/* Inlined functions, by DWARF. */
#include "symbol/internal.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>

/*
 * The compilation unit of an address.  clang writes no .debug_aranges: then
 * each unit is asked.
 */
static Dwarf_Die *find_unit(Dwfl_Module *module, Dwarf_Addr address,
                            Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);

    if (unit != NULL)
        return unit;
    while ((unit = dwfl_module_nextcu(module, unit, bias)) != NULL) {
        if (dwarf_haspc(unit, address - *bias) == 1)
            return unit;
    }
    return NULL;
}

static const char *name_of(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = dwarf_formstring(
        dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));

    return name != NULL ? name : dwarf_diename(die);
}

static uint32_t number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;

    if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) != 0 ||
        value > UINT32_MAX)
        return 0;
    return (uint32_t)value;
}

/* Where an inlined function was called from. */
static void take_call(Dwarf_Die *die, Dwarf_Files *files,
                      struct inlined *caller)
{
    uint32_t file = number_of(die, DW_AT_call_file);

    caller->line = number_of(die, DW_AT_call_line);
    if (files != NULL && file != 0)
        caller->file = dwarf_filesrc(files, file, NULL, NULL);
}

/* From the innermost scope out to the concrete function. */
static size_t take_scopes(Dwarf_Die *scopes, int count, Dwarf_Files *files,
                          struct inlined out[INLINES_MAX])
{
    size_t found = 0;
    Dwarf_Die *inner = NULL;

    for (int i = 0; i < count && found < INLINES_MAX; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
            continue;
        out[found] = (struct inlined){.name = name_of(&scopes[i])};
        if (inner != NULL)
            take_call(inner, files, &out[found]);
        found++;
        inner = &scopes[i];
        if (tag == DW_TAG_subprogram)
            break;
    }
    return found;
}

/* The line of the address itself. */
static void take_line(Dwarf_Die *unit, Dwarf_Addr address,
                      struct inlined *first)
{
    Dwarf_Line *line = dwarf_getsrc_die(unit, address);
    int number = 0;

    if (line == NULL)
        return;
    first->file = dwarf_linesrc(line, NULL, NULL);
    if (dwarf_lineno(line, &number) == 0 && number > 0)
        first->line = (uint32_t)number;
}

size_t inlines_at(Dwfl_Module *module, uintptr_t address,
                  struct inlined out[INLINES_MAX])
{
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = find_unit(module, address, &bias);
    Dwarf_Files *files = NULL;
    Dwarf_Die *scopes = NULL;
    Dwarf_Die *path = NULL;
    size_t found = 0;

    if (unit == NULL)
        return 0;
    (void)dwarf_getsrcfiles(unit, &files, NULL);
    if (dwarf_getscopes(unit, address - bias, &scopes) > 0) {
        /* The scopes around an inlined body are those of its definition;
           the way up from its entry is that of the calls. */
        Dwarf_Die innermost = scopes[0];
        int count = dwarf_getscopes_die(&innermost, &path);
        if (count > 0)
            found = take_scopes(path, count, files, out);
    }
    if (found > 0)
        take_line(unit, address - bias, &out[0]);
    free(path);
    free(scopes);
    return found;
}
