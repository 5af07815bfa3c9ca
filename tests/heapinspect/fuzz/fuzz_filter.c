/* SPDX-License-Identifier: MIT */
/* Any text as a filter, on rows of known and of unknown values. */
#include "memory.h"
#include "render/filter.h"

#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"SIZE", "size", COLUMN_BYTES, false, ""},
    {"ARENA", "arena", COLUMN_COUNT, false, ""},
    {"OCC", "page.occupancy", COLUMN_RATIO, false, ""},
    {"NAME", "name", COLUMN_TEXT, false, ""},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct value known[] = {value_number(4096), value_number(0),
                                  value_ratio(0.25), value_text("[heap]")};
    const struct value unknown[] = {value_unknown(), value_unknown(),
                                    value_unknown(), value_text(NULL)};
    struct failure failure;
    size_t at;
    char *text = xcalloc(size + 1, 1);

    memcpy(text, data, size);
    struct filter *filter = filter_parse(text, columns, 4, &failure, &at);
    if (at > strlen(text))
        abort();
    if (filter != NULL) {
        (void)filter_match(filter, known);
        (void)filter_match(filter, unknown);
    }
    filter_free(filter);
    free(text);
    return 0;
}
