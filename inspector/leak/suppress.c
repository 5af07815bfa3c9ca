/* SPDX-License-Identifier: MIT */
#include "leak/suppress.h"

#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 20 };

static const char prefix[] = "leak:";

static char *read_text(const char *path, struct failure *failure)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        (void)fail(failure, STATUS_USAGE, "%.160s: %s", path,
                   strerror(errno)); /* NOLINT(concurrency-mt-unsafe) */
        return NULL;
    }
    char *text = xcalloc(1, TEXT_MAX + 1);
    size_t size = fread(text, 1, TEXT_MAX, file);
    (void)fclose(file);
    text[size] = '\0';
    return text;
}

bool suppressions_read(const char *path, struct suppressions *out,
                       struct failure *failure)
{
    unsigned number = 0;

    *out = (struct suppressions){.text = read_text(path, failure)};
    for (char *line = out->text; line != NULL && *line != '\0';) {
        char *next = line + strcspn(line, "\n");
        number++;
        if (*next != '\0')
            *next++ = '\0';
        line[strcspn(line, "\r")] = '\0';
        line += strspn(line, " \t");
        if (strncmp(line, prefix, sizeof prefix - 1) == 0) {
            out->patterns =
                xgrow(out->patterns, out->count, sizeof *out->patterns);
            out->patterns[out->count++] = line + sizeof prefix - 1;
        } else if (*line != '\0' && *line != '#') {
            (void)fail(failure, STATUS_USAGE,
                       "%.120s:%u: `%.40s` is no \"leak:PATTERN\"", path,
                       number, line);
            suppressions_free(out);
            return false;
        }
        line = next;
    }
    return out->text != NULL;
}

void suppressions_free(struct suppressions *suppressions)
{
    free(suppressions->patterns);
    free(suppressions->text);
    *suppressions = (struct suppressions){0};
}

/* The first place of `part` (`length` bytes) in the text; NULL: none. */
static const char *find(const char *text, const char *part, size_t length)
{
    return memmem(text, strlen(text), part, length);
}

static bool match(const char *pattern, const char *text)
{
    bool anchored = *pattern == '^'; /* here, or anywhere further on */
    bool any = !anchored;

    pattern += anchored;
    while (*pattern != '\0') {
        if (*pattern == '*') {
            any = true;
            pattern++;
            continue;
        }
        size_t length = strcspn(pattern, "*$");
        if (length == 0)
            return *text == '\0' || any;
        const char *end = text + strlen(text);
        const char *at = find(text, pattern, length);
        /* At the end it must match there, not where it is first found. */
        if (pattern[length] == '$' && any && (size_t)(end - text) >= length)
            at = find(end - length, pattern, length);
        if (at == NULL || (!any && at != text))
            return false;
        text = at + length;
        pattern += length;
        any = false;
    }
    return true;
}

bool suppressions_match(const struct suppressions *suppressions,
                        const char *text)
{
    if (text == NULL || *text == '\0')
        return false;
    for (size_t i = 0; i < suppressions->count; i++) {
        if (match(suppressions->patterns[i], text))
            return true;
    }
    return false;
}
