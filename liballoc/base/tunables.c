/* SPDX-License-Identifier: MIT */
#include "base/tunables.h"

#include "base/print.h"

#include <string.h>

struct tunables tunables = {
#define T(name, kind, def, min, max, unit, help) .name = (def),
#define R(name, kind, def, min, max, unit, help) .name = (def),
#include "layout/tunables.def"
};

#define ROW(nm, knd, def, lo, hi, un, text, run) \
    {                                            \
        .name = #nm,                             \
        .offset = offsetof(struct tunables, nm), \
        .initial = (def),                        \
        .min = (lo),                             \
        .max = (hi),                             \
        .unit = (un),                            \
        .help = (text),                          \
        .kind = TUNABLE_##knd,                   \
        .at_run_time = (run),                    \
    },
const struct tunable tunable_table[] = {
#define T(name, kind, def, min, max, unit, help) \
    ROW(name, kind, def, min, max, unit, help, false)
#define R(name, kind, def, min, max, unit, help) \
    ROW(name, kind, def, min, max, unit, help, true)
#include "layout/tunables.def"
};
const size_t tunable_count = sizeof tunable_table / sizeof tunable_table[0];

/* glibc's environment variables and what they set here. */
static const struct {
    const char *variable;
    const char *tunable;
} glibc_variables[] = {
    {"MALLOC_ARENA_MAX", "arena_max"},
    {"MALLOC_TRIM_THRESHOLD_", "trim_threshold"},
    {"MALLOC_TOP_PAD_", "top_pad"},
    {"MALLOC_MMAP_THRESHOLD_", "mmap_threshold"},
    {"MALLOC_MMAP_MAX_", "mmap_max"},
    {"MALLOC_PERTURB_", "perturb"},
};

const struct tunable *tunable_find(const char *name, size_t len)
{
    for (size_t i = 0; i < tunable_count; i++) {
        const char *known = tunable_table[i].name;
        if (strlen(known) == len && memcmp(known, name, len) == 0)
            return &tunable_table[i];
    }
    return NULL;
}

size_t tunable_value(const struct tunable *tunable)
{
    size_t value;

    memcpy(&value, (const char *)&tunables + tunable->offset, sizeof value);
    return value;
}

bool tunable_assign(const struct tunable *tunable, size_t value)
{
    if (value < tunable->min || value > tunable->max)
        return false;
    memcpy((char *)&tunables + tunable->offset, &value, sizeof value);
    return true;
}

/* Value of a digit, or 99. */
static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    return 99;
}

/* The shift of a K, M or G suffix; 0 if it is none. */
static unsigned suffix_shift(char c)
{
    switch (c | 0x20) {
    case 'k':
        return 10;
    case 'm':
        return 20;
    case 'g':
        return 30;
    default:
        return 0;
    }
}

bool tunable_parse_value(enum tunable_kind kind, const char *text, size_t len,
                         size_t *value)
{
    size_t at = 0;
    unsigned base = 10;
    size_t number = 0;

    if (len > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
        base = 16;
        at = 2;
    }
    size_t first = at;
    for (; at < len && digit_of(text[at]) < base; at++) {
        if (__builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, digit_of(text[at]), &number))
            return false;
    }
    if (at == first)
        return false;
    if (at < len && kind == TUNABLE_SIZE && suffix_shift(text[at]) > 0) {
        unsigned shift = suffix_shift(text[at++]);
        if (number > SIZE_MAX >> shift)
            return false;
        number <<= shift;
    }
    *value = number;
    return at == len;
}

/*
 * What a level of hardening stands for: the costly parts are smaller at
 * level 1.
 */
static void harden_expand(size_t level)
{
    tunables.safe_links = level > 0;
    tunables.canary = level > 0;
    tunables.zero_free = level > 0;
    tunables.check_free = level == 0 ? 0 : level == 1 ? 2 * KIB : SIZE_MAX;
    tunables.quarantine = level == 0 ? 0 : level == 1 ? 16 * KIB : MIB;
    tunables.guard_zero = level > 0;
    tunables.guard_pages = level > 0;
    tunables.check_size = level > 0;
    tunables.guard_sample = level == 0 ? 0 : level == 1 ? 5000 : 500;
}

/* One "name:value"; NULL, or what is wrong with it. */
static const char *parse_item(const char *item, size_t len)
{
    const char *colon = memchr(item, ':', len);
    size_t value;

    if (colon == NULL)
        return "no ':' in";
    const struct tunable *tunable = tunable_find(item, (size_t)(colon - item));
    if (tunable == NULL)
        return "unknown name in";
    size_t value_len = len - (size_t)(colon + 1 - item);
    if (!tunable_parse_value(tunable->kind, colon + 1, value_len, &value))
        return "bad value in";
    if (!tunable_assign(tunable, value))
        return "value out of range in";
    if (tunable->offset == offsetof(struct tunables, harden))
        harden_expand(value);
    return NULL;
}

void tunables_parse(const char *text,
                    void (*complain)(const char *why, const char *item,
                                     size_t len))
{
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        const char *why = len > 0 ? parse_item(text, len) : NULL;
        if (why != NULL)
            complain(why, text, len);
        text += len;
        text += *text == ',';
    }
}

static void complain_stderr(const char *why, const char *item, size_t len)
{
    char copy[64];
    size_t n = min_size(len, sizeof copy - 1);

    memcpy(copy, item, n);
    copy[n] = '\0';
    print_stderr("liballoc: LIBALLOC_CONF: %s '%s', ignored\n", why, copy);
}

/* The value of "NAME=value" if the entry is of that name. */
static const char *entry_value(const char *entry, const char *name)
{
    size_t len = strlen(name);

    if (strncmp(entry, name, len) != 0 || entry[len] != '=')
        return NULL;
    return entry + len + 1;
}

/* glibc is silent about a bad value of these: so are we. */
static void read_glibc_variable(const char *entry)
{
    for (size_t i = 0; i < sizeof glibc_variables / sizeof *glibc_variables;
         i++) {
        const char *text = entry_value(entry, glibc_variables[i].variable);
        if (text == NULL)
            continue;
        const char *name = glibc_variables[i].tunable;
        const struct tunable *tunable = tunable_find(name, strlen(name));
        size_t value;
        if (tunable_parse_value(TUNABLE_COUNT, text, strlen(text), &value))
            (void)tunable_assign(tunable, value);
    }
}

void tunables_read_environment(char **env, bool secure)
{
    const char *conf = NULL;

    if (secure || env == NULL)
        return;
    for (; *env != NULL; env++) {
        if (strncmp(*env, "MALLOC_", 7) == 0)
            read_glibc_variable(*env);
        const char *value = entry_value(*env, "LIBALLOC_CONF");
        conf = value != NULL ? value : conf;
    }
    if (conf != NULL)
        tunables_parse(conf, complain_stderr);
}
