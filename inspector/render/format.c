/* SPDX-License-Identifier: MIT */
/* Numbers for the eye and for programs. */
#include "render/internal.h"

#include <inttypes.h>
#include <stdio.h>

static const char *scaled(double bytes, double step, const char *const *units,
                          char *text, size_t size)
{
    unsigned i = 0;

    while (bytes >= step && i < 5) {
        bytes /= step;
        i++;
    }
    /* 1023.96 would show as 1024.0. */
    (void)snprintf(text, size, i == 0 ? "%.0f %s" : "%.1f %s", bytes, units[i]);
    return text;
}

const char *output_bytes(const struct output *output, uint64_t bytes,
                         char *text, size_t size)
{
    static const char *const iec[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    static const char *const si[] = {"B", "kB", "MB", "GB", "TB", "PB"};

    if (output->options.units == UNITS_IEC)
        return scaled((double)bytes, 1024, iec, text, size);
    if (output->options.units == UNITS_SI)
        return scaled((double)bytes, 1000, si, text, size);
    (void)snprintf(text, size, "%" PRIu64, bytes);
    return text;
}

/*
 * Hashed addresses stay the same within one run, keep their offset in a 64
 * byte line, and do not tell the layout of the process.  The key is random.
 */
const char *output_address(const struct output *output, uint64_t address,
                           char *text, size_t size)
{
    if (output->options.hash_addresses && address != 0) {
        uint64_t mixed = (address >> 6) ^ output->hash_key;
        for (int round = 0; round < 3; round++) {
            mixed *= 0xbf58476d1ce4e5b9u;
            mixed ^= mixed >> 29;
            mixed += output->hash_key;
        }
        address = (mixed << 6 | (address & 63)) & 0xffffffffffffu;
    }
    (void)snprintf(text, size, "0x%" PRIx64, address);
    return text;
}

bool value_is_known(enum column_type type, const struct value *value)
{
    return type == COLUMN_TEXT ? value->text != NULL : !value->unknown;
}

const char *format_value(const struct output *output, enum column_type type,
                         const struct value *value, char *text, size_t size)
{
    if (!value_is_known(type, value))
        return "-";
    switch (type) {
    case COLUMN_TEXT:
        return value->text;
    case COLUMN_COUNT:
        (void)snprintf(text, size, "%" PRIu64, value->number);
        return text;
    case COLUMN_BYTES:
        return output_bytes(output, value->number, text, size);
    case COLUMN_ADDRESS:
        return output_address(output, value->number, text, size);
    case COLUMN_RATIO:
        (void)snprintf(text, size, "%.1f %%", value->ratio * 100);
        return text;
    case COLUMN_MS:
        (void)snprintf(text, size, "%.1f ms", value->ratio);
        return text;
    }
    return "?";
}

const char *plain_value(const struct output *output, enum column_type type,
                        const struct value *value, char *text, size_t size)
{
    if (!value_is_known(type, value))
        return "";
    switch (type) {
    case COLUMN_TEXT:
        return value->text;
    case COLUMN_COUNT:
    case COLUMN_BYTES:
        (void)snprintf(text, size, "%" PRIu64, value->number);
        return text;
    case COLUMN_ADDRESS:
        return output_address(output, value->number, text, size);
    case COLUMN_RATIO:
    case COLUMN_MS:
        (void)snprintf(text, size, "%.6g", value->ratio);
        return text;
    }
    return "";
}
