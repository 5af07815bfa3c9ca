/* SPDX-License-Identifier: MIT */
#ifndef RENDER_PALETTE_H
#define RENDER_PALETTE_H
/*
 * Thirteen shades for pictures in terminals: nothing there, promised but not
 * there, then from orange (there, and not used) to blue (all used).  Orange
 * and blue differ for every kind of colour vision.
 */
#include "render/output.h"

enum {
    PALETTE_SHADES = 13, /* two for what is not there, 0 to 10 tenths */
};

enum palette_mode {
    PALETTE_ASCII, /* characters alone */
    PALETTE_16,
    PALETTE_256,
    PALETTE_TRUE,
};

/* By the output's colour option and the terminal's name. */
enum palette_mode palette_mode(const struct output *output);

/* Does the terminal take UTF-8? */
bool palette_has_blocks(void);

/* The character of a shade, for terminals without colours. */
extern const char palette_ascii[PALETTE_SHADES + 1];

/* Its index among xterm's 256 colours, and among the first 16. */
extern const uint8_t palette_256[PALETTE_SHADES];
extern const uint8_t palette_16[PALETTE_SHADES];

/*
 * A line of `width` characters; `lower` is drawn beneath `upper` in the same
 * characters, or NULL.
 */
void palette_line(FILE *stream, enum palette_mode mode, const uint8_t *upper,
                  const uint8_t *lower, size_t width);

/* "resident, in use: 0 % ... 100 %" with a sample of each. */
void palette_legend(FILE *stream, enum palette_mode mode);

#endif
