/* SPDX-License-Identifier: MIT */
/* Stacks with one name in common are one row. */
#include "cmd/prof.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { BRIEF = 8 }; /* functions of a stack in a line of text */

static enum metric sort_metric;

static int by_metric(const void *left, const void *right)
{
    const struct prof_row *a = left;
    const struct prof_row *b = right;
    uint64_t x = a->figures.value[sort_metric];
    uint64_t y = b->figures.value[sort_metric];

    if (x != y)
        return x < y ? 1 : -1;
    int order = strcmp(a->name, b->name);
    return order != 0 || a->text == NULL ? order : strcmp(a->text, b->text);
}

static int by_name(const void *left, const void *right)
{
    const struct prof_row *a = left;
    const struct prof_row *b = right;
    int order = strcmp(a->name, b->name);

    return order != 0 || a->text == NULL ? order : strcmp(a->text, b->text);
}

static const char *module_of(struct profiled *profiled, uint32_t module)
{
    const struct modules *modules = symbols_modules(profiled->symbols);

    return module < modules->count ? modules->all[module].name : "[unknown]";
}

static void take_row(struct profiled *profiled, enum prof_by by, size_t stack,
                     struct prof_row *row)
{
    static struct named_stack named;
    static char text[STACK_TEXT];

    stack_name(profiled->profile, profiled->symbols, stack, &named);
    const struct symbol *first = named.symbols[0];
    *row = (struct prof_row){
        .name = first->function,
        .file = first->file,
        .line = first->line,
        .figures = profiled->figures[stack],
    };
    if (by == BY_STACK) {
        row->text = symbols_intern(profiled->symbols,
                                   stack_text(&named, STACK_SYMBOLS, text));
        row->brief =
            symbols_intern(profiled->symbols, stack_text(&named, BRIEF, text));
    } else if (by == BY_MODULE) {
        row->name = module_of(profiled, first->module);
        row->file = NULL;
        row->line = 0;
    } else {
        row->line = 0; /* of one call among several */
    }
}

/* Equal ones become one: stacks may differ in addresses alone. */
static void merge(struct prof_rows *rows)
{
    size_t kept = 0;

    if (rows->count > 1)
        qsort(rows->all, rows->count, sizeof *rows->all, by_name);
    for (size_t i = 0; i < rows->count; i++) {
        if (kept > 0 && by_name(&rows->all[kept - 1], &rows->all[i]) == 0) {
            figures_add(&rows->all[kept - 1].figures, &rows->all[i].figures);
        } else {
            rows->all[kept++] = rows->all[i];
        }
    }
    rows->count = kept;
}

void prof_rows_take(struct profiled *profiled, enum prof_by by,
                    enum metric sort, struct prof_rows *rows)
{
    size_t count = profiled->profile->nstacks;

    rows->all = xcalloc(count, sizeof *rows->all);
    rows->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (profiled->figures[i].samples > 0)
            take_row(profiled, by, i, &rows->all[rows->count++]);
    }
    merge(rows);
    sort_metric = sort;
    if (rows->count > 1)
        qsort(rows->all, rows->count, sizeof *rows->all, by_metric);
}

void prof_rows_free(struct prof_rows *rows)
{
    free(rows->all);
    rows->all = NULL;
    rows->count = 0;
}
