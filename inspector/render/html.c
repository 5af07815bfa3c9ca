/* SPDX-License-Identifier: MIT */
#include "render/html.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* Made by the build from inspector/report/. */
struct embedded {
    const char *name;
    const uint8_t *bytes;
    size_t size;
};
extern const struct embedded report_files[];

static const struct embedded *find(const char *name, size_t length)
{
    const struct embedded *file = report_files;

    for (; file->name != NULL; file++) {
        if (strlen(file->name) == length &&
            strncmp(file->name, name, length) == 0)
            return file;
    }
    return NULL;
}

bool html_has_pictures(void)
{
    const struct embedded *d3 = find("d3.min.js", strlen("d3.min.js"));

    return d3 != NULL && d3->size > 0;
}

/* '<' would end the element that the data is in, or begin a comment. */
static int put_json(const char *text, size_t size, void *data)
{
    FILE *stream = data;

    for (size_t i = 0; i < size; i++) {
        int ok = text[i] == '<' ? fputs("\\u003c", stream)
                                : fputc((unsigned char)text[i], stream);
        if (ok == EOF)
            return -1;
    }
    return 0;
}

static bool put_part(FILE *stream, const char *name, size_t length,
                     json_t *data)
{
    const struct embedded *file = find(name, length);

    if (file != NULL)
        return fwrite(file->bytes, 1, file->size, stream) == file->size;
    return length != strlen("data") || strncmp(name, "data", length) != 0 ||
           json_dump_callback(data, put_json, stream, JSON_COMPACT) == 0;
}

/* The page, with each "@@NAME@@" replaced. */
bool html_write(FILE *stream, const char *name_of_page, json_t *data)
{
    static const char mark[] = "@@";
    const struct embedded *page = find(name_of_page, strlen(name_of_page));
    const char *at = page != NULL ? (const char *)page->bytes : "";
    const char *end = at + (page != NULL ? page->size : 0);

    while (at < end) {
        const char *name = memmem(at, (size_t)(end - at), mark, 2);
        const char *stop = name != NULL ? name + 2 : end;
        const char *rest =
            name != NULL ? memmem(stop, (size_t)(end - stop), mark, 2) : NULL;
        size_t before = (size_t)((rest != NULL ? name : end) - at);
        if (fwrite(at, 1, before, stream) != before)
            return false;
        if (rest == NULL)
            break;
        if (!put_part(stream, stop, (size_t)(rest - stop), data))
            return false;
        at = rest + 2;
    }
    return ferror(stream) == 0;
}

enum { PADDING = 64 }; /* index of '=' */

json_t *html_base64(const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/=";
    char *text = xcalloc(size / 3 + 1, 4);
    char *out = text;

    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t three = (uint32_t)bytes[i] << 16 |
                         (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0u);
        *out++ = digits[three >> 18];
        *out++ = digits[three >> 12 & 63];
        *out++ = digits[left > 1 ? three >> 6 & 63 : PADDING];
        *out++ = digits[left > 2 ? three & 63 : PADDING];
    }
    json_t *string = json_stringn_nocheck(text, (size_t)(out - text));
    free(text);
    return string;
}

json_t *html_text(const char *text)
{
    json_t *string;

    if (text == NULL)
        return json_null();
    string = json_string(text);
    if (string != NULL)
        return string;
    char *plain = xstrdup(text);
    for (char *at = plain; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    string = json_string(plain);
    free(plain);
    return string;
}
