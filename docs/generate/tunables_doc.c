/* SPDX-License-Identifier: MIT */
/*
 * tunables-doc markdown|man: the tunables of layout/tunables.def, as
 * docs/tunables.md has them or as man/liballoc.7 has between its marks.
 * A test compares both with what is checked in.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

enum kind {
    SIZE,
    COUNT,
    MS,
    BOOL,
};

static const struct row {
    const char *name;
    enum kind kind;
    size_t initial;
    size_t min;
    size_t max;
    const char *unit;
    const char *help;
    bool at_run_time;
} rows[] = {
#define T(name, kind, def, min, max, unit, help) \
    {#name, kind, def, min, max, unit, help, false},
#define R(name, kind, def, min, max, unit, help) \
    {#name, kind, def, min, max, unit, help, true},
#include "layout/tunables.def"
};

static const char head[] =
    "# Tunables\n"
    "\n"
    "Generated from `include/layout/tunables.def` by `cmake --build build "
    "--target update-docs`; a test compares.\n"
    "\n"
    "`LIBALLOC_CONF=name:value,name:value` sets them before the program "
    "starts; sizes take the suffixes K, M and G, any\n"
    "number may be hexadecimal (0x). Those marked *yes* can also be set while "
    "it runs: `liballoc_tunable_set()`, some by\n"
    "`mallopt(3)`. An unknown name or a bad value gives one line on stderr "
    "and is ignored. Setuid programs ignore all.\n"
    "\n"
    "| name | default | from | to | unit | at run time | |\n"
    "|---|---|---|---|---|---|---|\n";

static const char tail[] =
    "\n"
    "| glibc's variable | mallopt | sets |\n"
    "|---|---|---|\n"
    "| `MALLOC_ARENA_MAX` | `M_ARENA_MAX` | `arena_max` |\n"
    "| `MALLOC_TRIM_THRESHOLD_` | `M_TRIM_THRESHOLD` | `trim_threshold` |\n"
    "| `MALLOC_TOP_PAD_` | `M_TOP_PAD` | `top_pad` |\n"
    "| `MALLOC_MMAP_THRESHOLD_` | `M_MMAP_THRESHOLD` | `mmap_threshold` |\n"
    "| `MALLOC_MMAP_MAX_` | `M_MMAP_MAX` | `mmap_max` |\n"
    "| `MALLOC_PERTURB_` | `M_PERTURB` | `perturb` |\n"
    "\n"
    "`LIBALLOC_CONF` wins over glibc's variables.\n";

/* "4M", "128K", "250", "no bound": as the parser takes it, but for the last. */
static const char *text_of(size_t value, enum kind kind, char *out, size_t len)
{
    static const struct {
        size_t unit;
        const char *suffix;
    } units[] = {{GIB, "G"}, {MIB, "M"}, {KIB, "K"}};

    if (value == SIZE_MAX)
        return "no bound";
    for (size_t i = 0; kind == SIZE && i < 3; i++) {
        if (value != 0 && value % units[i].unit == 0) {
            (void)snprintf(out, len, "%zu%s", value / units[i].unit,
                           units[i].suffix);
            return out;
        }
    }
    (void)snprintf(out, len, "%zu", value);
    return out;
}

static void markdown(const struct row *row)
{
    char initial[32];
    char min[32];
    char max[32];

    (void)printf("| `%s` | %s | %s | %s | %s | %s | %s |\n", row->name,
                 text_of(row->initial, row->kind, initial, sizeof initial),
                 text_of(row->min, row->kind, min, sizeof min),
                 text_of(row->max, row->kind, max, sizeof max), row->unit,
                 row->at_run_time ? "yes" : "no", row->help);
}

static void man(const struct row *row)
{
    char initial[32];
    char min[32];
    char max[32];

    (void)printf(".TP\n.B %s\n%s.\nDefault %s, from %s to %s%s%s%s.\n",
                 row->name, row->help,
                 text_of(row->initial, row->kind, initial, sizeof initial),
                 text_of(row->min, row->kind, min, sizeof min),
                 text_of(row->max, row->kind, max, sizeof max),
                 row->unit[0] != '\0' ? " " : "", row->unit,
                 row->at_run_time ? "; may change at run time" : "");
}

int main(int argc, char **argv)
{
    bool is_man = argc == 2 && strcmp(argv[1], "man") == 0;

    if (!is_man && (argc != 2 || strcmp(argv[1], "markdown") != 0)) {
        (void)fprintf(stderr, "usage: tunables-doc markdown|man\n");
        return 2;
    }
    if (!is_man)
        (void)fputs(head, stdout);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (is_man) {
            man(&rows[i]);
        } else {
            markdown(&rows[i]);
        }
    }
    if (!is_man)
        (void)fputs(tail, stdout);
    return ferror(stdout) != 0;
}
