/* SPDX-License-Identifier: MIT */
#include "kernel/smaps.h"

#include "memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    VMAS_MAX = 1 << 22,
};

/* A number behind *at, moved on behind it and one `stop`; false: none. */
static bool take(char **at, int base, char stop, uint64_t *value)
{
    char *end;

    if (!isxdigit((unsigned char)**at))
        return false;
    *value = strtoull(*at, &end, base);
    if (end == *at || (*end != stop && *end != '\0'))
        return false;
    *at = *end != '\0' ? end + 1 : end;
    return true;
}

/* "start-end prot offset major:minor inode   name" */
static bool parse_header(char *line, struct vma *vma)
{
    uint64_t start;
    uint64_t end;
    uint64_t device;

    memset(vma, 0, sizeof *vma);
    if (!take(&line, 16, '-', &start) || !take(&line, 16, ' ', &end) ||
        start >= end || strlen(line) < sizeof vma->prot)
        return false;
    vma->start = start;
    vma->end = end;
    memcpy(vma->prot, line, sizeof vma->prot - 1);
    line += sizeof vma->prot;
    if (!take(&line, 16, ' ', &vma->offset) || !take(&line, 16, ':', &device) ||
        !take(&line, 16, ' ', &device) || !take(&line, 10, ' ', &vma->inode))
        return false;
    vma->name = line + strspn(line, " ");
    return true;
}

static const struct {
    const char *key;
    size_t offset;
} uses[] = {
    {"Rss", offsetof(struct vma, rss)},
    {"Pss", offsetof(struct vma, pss)},
    {"Private_Dirty", offsetof(struct vma, private_dirty)},
    {"Shared_Dirty", offsetof(struct vma, shared_dirty)},
    {"Anonymous", offsetof(struct vma, anonymous)},
    {"LazyFree", offsetof(struct vma, lazyfree)},
    {"AnonHugePages", offsetof(struct vma, anon_huge)},
    {"Swap", offsetof(struct vma, swap)},
    {"Locked", offsetof(struct vma, locked)},
};

/* "Rss:      12 kB" or "VmFlags: rd mr" */
static void parse_use(const char *line, struct vma *vma)
{
    const char *colon = strchr(line, ':');

    if (colon == NULL)
        return;
    size_t length = (size_t)(colon - line);
    if (length == 7 && memcmp(line, "VmFlags", 7) == 0) {
        strncpy(vma->flags, colon + 1 + strspn(colon + 1, " "),
                sizeof vma->flags - 1);
        return;
    }
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        if (strlen(uses[i].key) != length ||
            memcmp(line, uses[i].key, length) != 0)
            continue;
        size_t bytes = strtoull(colon + 1, NULL, 10) * 1024;
        memcpy((char *)vma + uses[i].offset, &bytes, sizeof bytes);
        vma->has_use = true;
    }
}

static int by_start(const void *left, const void *right)
{
    const struct vma *a = left;
    const struct vma *b = right;

    return (a->start > b->start) - (a->start < b->start);
}

void smaps_parse(char *text, struct vma **vmas, size_t *count)
{
    struct vma *found = NULL;
    size_t n = 0;
    char *next;

    for (char *line = text; *line != '\0'; line = next) {
        char *end = strchrnul(line, '\n');
        next = *end != '\0' ? end + 1 : end;
        *end = '\0';
        if (isupper((unsigned char)*line)) {
            if (n > 0)
                parse_use(line, &found[n - 1]);
            continue;
        }
        struct vma vma;
        if (n < VMAS_MAX && parse_header(line, &vma)) {
            found = xgrow(found, n, sizeof *found);
            found[n++] = vma;
        }
    }
    if (n > 1)
        qsort(found, n, sizeof *found, by_start);
    *vmas = found;
    *count = n;
}

const char *status_line(const char *text, const char *key)
{
    size_t length = strlen(key);

    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, key, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return NULL;
}

bool status_bytes(const char *text, const char *key, uint64_t *bytes)
{
    const char *line = status_line(text, key);
    char *end;

    if (line == NULL)
        return false;
    uint64_t value = strtoull(line, &end, 10);
    if (end == line)
        return false;
    *bytes = strncmp(end, " kB", 3) == 0 ? value * 1024 : value;
    return true;
}
