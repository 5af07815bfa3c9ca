/* SPDX-License-Identifier: MIT */
#ifndef RENDER_HTML_H
#define RENDER_HTML_H
/*
 * The pages of `report` and `flame`: files that ask for nothing else.
 *
 *   page.html with style sheet, data, D3 and scripts put in their places
 *
 * The sources are in inspector/report/ and linked in; D3 is fetched by the
 * build, and without it the page has tables only, and says so.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Was D3 there when this was built? */
bool html_has_pictures(void);

/*
 * `page`: "page.html" or "flame.html".  False: not all could be written (the
 * stream's error says more).
 */
bool html_write(FILE *stream, const char *page, json_t *data);

/* Base64, as a JSON string. */
json_t *html_base64(const uint8_t *bytes, size_t size);

/* Bytes that are no UTF-8 become '?'; NULL becomes null. */
json_t *html_text(const char *text);

#endif
