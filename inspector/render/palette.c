/* SPDX-License-Identifier: MIT */
#include "render/palette.h"

#include <stdlib.h>
#include <string.h>

const char palette_ascii[PALETTE_SHADES + 1] = ".-0123456789#";

const uint8_t palette_256[PALETTE_SHADES] = {
    236, 60, 208, 214, 215, 222, 223, 187, 152, 117, 75, 33, 26,
};

const uint8_t palette_16[PALETTE_SHADES] = {
    0, 8, 9, 9, 11, 11, 3, 3, 14, 14, 6, 12, 4,
};

struct rgb {
    uint8_t red;
    uint8_t green;
    uint8_t blue;
};

static const struct rgb true_colors[PALETTE_SHADES] = {
    {48, 48, 48},    {84, 88, 112},   {230, 97, 1},    {238, 126, 40},
    {245, 154, 78},  {251, 184, 120}, {246, 208, 165}, {222, 216, 205},
    {178, 205, 224}, {134, 184, 222}, {90, 158, 209},  {50, 126, 186},
    {20, 92, 155},
};

static const char *environment(const char *name)
{
    const char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe) */

    return text != NULL ? text : "";
}

enum palette_mode palette_mode(const struct output *output)
{
    const char *term = environment("TERM");
    const char *colors = environment("COLORTERM");

    if (!output_has_color(output))
        return PALETTE_ASCII;
    if (strstr(colors, "truecolor") != NULL || strstr(colors, "24bit") != NULL)
        return PALETTE_TRUE;
    return strstr(term, "256color") != NULL ? PALETTE_256 : PALETTE_16;
}

bool palette_has_blocks(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = environment(names[i]);
        if (*text != '\0') {
            return strstr(text, "UTF-8") != NULL ||
                   strstr(text, "utf8") != NULL;
        }
    }
    return false;
}

/* Foreground, or background, as the next characters have it. */
static void put_color(FILE *stream, enum palette_mode mode, bool behind,
                      uint8_t shade)
{
    const struct rgb *rgb = &true_colors[shade];
    unsigned low = palette_16[shade];

    if (mode == PALETTE_TRUE) {
        (void)fprintf(stream, "\033[%d;2;%u;%u;%um", behind ? 48 : 38,
                      (unsigned)rgb->red, (unsigned)rgb->green,
                      (unsigned)rgb->blue);
    } else if (mode == PALETTE_256) {
        (void)fprintf(stream, "\033[%d;5;%um", behind ? 48 : 38,
                      (unsigned)palette_256[shade]);
    } else {
        unsigned base = behind ? 40 : 30;
        (void)fprintf(stream, "\033[%um",
                      low < 8 ? base + low : base + 60 + low - 8);
    }
}

void palette_line(FILE *stream, enum palette_mode mode, const uint8_t *upper,
                  const uint8_t *lower, size_t width)
{
    int above = -1;
    int beneath = -1;

    for (size_t i = 0; i < width; i++) {
        if (mode == PALETTE_ASCII) {
            (void)fputc(palette_ascii[upper[i]], stream);
            continue;
        }
        if (lower != NULL && lower[i] != above)
            put_color(stream, mode, false, lower[i]);
        if (upper[i] != beneath)
            put_color(stream, mode, true, upper[i]);
        above = lower != NULL ? lower[i] : -1;
        beneath = upper[i];
        (void)fputs(lower != NULL ? "\u2584" : " ", stream);
    }
    if (mode != PALETTE_ASCII)
        (void)fputs("\033[0m", stream);
}

void palette_legend(FILE *stream, enum palette_mode mode)
{
    static const uint8_t shades[] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const uint8_t absent = 0;
    static const uint8_t untouched = 1;

    (void)fputs("resident, of it in use: 0 % ", stream);
    palette_line(stream, mode, shades, NULL, sizeof shades);
    (void)fputs(" 100 %   not resident: free ", stream);
    palette_line(stream, mode, &absent, NULL, 1);
    (void)fputs(", in use ", stream);
    palette_line(stream, mode, &untouched, NULL, 1);
    (void)fputc('\n', stream);
}
