/* SPDX-License-Identifier: MIT */
/* tunables: the target's own table, so that new ones show up too. */
#include "cmd/view.h"
#include "walk/far_list.h"

#include <string.h>

static const struct column columns[] = {
    {"NAME", "name", COLUMN_TEXT, false, "as in LIBALLOC_CONF=NAME:VALUE"},
    {"VALUE", "value", COLUMN_COUNT, false, "now"},
    {"DEFAULT", "default", COLUMN_COUNT, false, "if nothing is said"},
    {"UNIT", "unit", COLUMN_TEXT, false, "of both"},
    {"CHANGED", "changed", COLUMN_COUNT, false,
     "1: not the default: by LIBALLOC_CONF, mallopt(), or adapted (dynamic "
     "mmap_threshold)"},
    {"MIN", "min", COLUMN_COUNT, true, "least value taken"},
    {"MAX", "max", COLUMN_COUNT, true, "largest value taken"},
    {"RUNTIME", "runtime", COLUMN_COUNT, true,
     "1: may change while the program runs"},
    {"HELP", "help", COLUMN_TEXT, true, "what it does"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

enum { TEXT_MAX = 48, TUNABLES_MAX = 1024 };

/* Words that this inspector knows; newer tunables have none. */
static const char *help_of(const char *name)
{
    static const struct {
        const char *name;
        const char *help;
    } helps[] = {
#define T(name, kind, def, min, max, unit, help) {#name, help},
#define R(name, kind, def, min, max, unit, help) {#name, help},
#include "layout/tunables.def"
    };
    for (size_t i = 0; i < sizeof helps / sizeof *helps; i++) {
        if (strcmp(helps[i].name, name) == 0)
            return helps[i].help;
    }
    return NULL;
}

/* Text behind the pointer at `at`; "" if there is none. */
static void far_text(struct target *target, uintptr_t at, char *text)
{
    uintptr_t address = 0;

    memset(text, 0, TEXT_MAX);
    if (!far_read(target, at, &address, sizeof address))
        return;
    for (size_t i = 0; i + 1 < TEXT_MAX; i++) {
        if (!far_read(target, address + i, &text[i], 1) || text[i] == '\0')
            break;
        /* Hostile bytes are not for terminals. */
        if (text[i] < ' ' || text[i] > '~')
            text[i] = '?';
    }
    text[TEXT_MAX - 1] = '\0';
}

static uint64_t number_of(struct target *target, uintptr_t at,
                          const char *field)
{
    struct field_descriptor descriptor;
    uint64_t number = 0;

    if (far_field(target, "tunable", field, &descriptor))
        (void)far_number(target, at + descriptor.offset, descriptor.width,
                         &number);
    return number;
}

static bool row(struct table *table, struct target *target, uintptr_t at)
{
    const struct heap_root *root = target_root(target);
    size_t name_at = far_offset(target, "tunable", "name");
    size_t unit_at = far_offset(target, "tunable", "unit");
    char name[TEXT_MAX];
    char unit[TEXT_MAX];
    uint64_t value = 0;

    if (name_at == SIZE_MAX || unit_at == SIZE_MAX)
        return false;
    far_text(target, at + name_at, name);
    far_text(target, at + unit_at, unit);
    uint64_t initial = number_of(target, at, "initial");
    uint64_t offset = number_of(target, at, "offset");
    bool read = far_number(target, FAR_ADDRESS(root->tunables) + offset,
                           sizeof value, &value);
    struct value values[NCOLUMNS] = {
        value_text(name),
        read ? value_number(value) : value_unknown(),
        value_number(initial),
        value_text(unit),
        value_number(read && value != initial),
        value_number(number_of(target, at, "min")),
        value_number(number_of(target, at, "max")),
        value_number(number_of(target, at, "at_run_time")),
        value_text(help_of(name)),
    };
    return table_row(table, values);
}

static enum status run(struct context *context)
{
    const struct root_table *tunables =
        &target_root(context->target)->tunable_table;
    struct table *table =
        table_begin(context->output, "tunables", columns, NCOLUMNS);

    for (uint32_t i = 0; i < tunables->count && i < TUNABLES_MAX; i++) {
        if (!row(table, context->target,
                 FAR_ADDRESS(tunables->start) + (size_t)i * tunables->stride))
            break;
    }
    return table_end(table);
}

const struct command cmd_tunables = {
    .name = "tunables",
    .arguments = "TARGET",
    .summary = "tunables: name, value, default, unit",
    .example = "heapinspect tunables 1234 --filter changed",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
