/* SPDX-License-Identifier: MIT */
/*
 * Any text as a filter, and as a number, on rows of known and unknown values.
 * What a filter says must not depend on what it was asked before.
 */
#include "fuzz.h"
#include "memory.h"
#include "number.h"
#include "render/filter.h"

#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"SIZE", "size", COLUMN_BYTES, false, ""},
    {"ARENA", "arena", COLUMN_COUNT, false, ""},
    {"ADDRESS", "address", COLUMN_ADDRESS, false, ""},
    {"OCC", "page.occupancy", COLUMN_RATIO, false, ""},
    {"AGE", "age", COLUMN_MS, false, ""},
    {"NAME", "name", COLUMN_TEXT, false, ""},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static void match(const struct filter *filter)
{
    const struct value known[NCOLUMNS] = {
        value_number(4096), value_number(0),     value_number(UINT64_MAX),
        value_ratio(0.25),  value_ratio(3600e3), value_text("[heap]"),
    };
    const struct value unknown[NCOLUMNS] = {
        value_unknown(), value_unknown(), value_unknown(),
        value_unknown(), value_unknown(), value_text(NULL),
    };
    bool first = filter_match(filter, known);

    (void)filter_match(filter, unknown);
    if (filter_match(filter, known) != first)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct failure failure;
    size_t at = 0;
    uint64_t number;
    char *text = xcalloc(size + 1, 1);

    memcpy(text, data, size);
    struct filter *filter =
        filter_parse(text, columns, NCOLUMNS, &failure, &at);
    if (filter != NULL) {
        match(filter);
    } else if (at > strlen(text) || failure.text[0] == '\0') {
        abort(); /* refused without a word, or nowhere */
    }
    filter_free(filter);
    (void)parse_number(text, &number);
    free(text);
    return 0;
}
