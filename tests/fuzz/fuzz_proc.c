/* SPDX-License-Identifier: MIT */
/*
 * Texts as /proc/PID would hold them.  The first byte says which file the rest
 * is; what comes out must fit what the readers promise.
 */
#include "fuzz.h"
#include "kernel/page_flags.h"
#include "kernel/pagemap.h"
#include "kernel/smaps.h"
#include "kernel/stat.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 1500, PAGE = 4096 };

static void read_smaps(char *text, size_t size)
{
    struct vma *vmas;
    size_t count;

    smaps_parse(text, &vmas, &count);
    for (size_t i = 0; i < count; i++) {
        const struct vma *vma = &vmas[i];
        bool is_sorted = i == 0 || vma[-1].start <= vma->start;
        bool has_name = vma->name >= text && vma->name <= text + size;
        if (vma->start >= vma->end || !is_sorted || !has_name ||
            vma->prot[4] != '\0' || vma->flags[sizeof vma->flags - 1] != '\0')
            abort();
    }
    free(vmas);
}

static void read_status(const char *text)
{
    static const char *const keys[] = {"VmRSS", "Uid", "NSpid", "Name", ""};
    uint64_t bytes;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *line = status_line(text, keys[i]);
        if (line != NULL && (line < text || line > text + strlen(text)))
            abort();
        (void)status_bytes(text, keys[i], &bytes);
    }
}

static void read_stat(const char *text)
{
    struct mm_layout layout;

    if (stat_parse(text, &layout) && layout.state == '\0')
        abort();
}

static void read_limits(const char *text)
{
    uint64_t soft;
    uint64_t hard;

    (void)limits_parse(text, "Max stack size", &soft, &hard);
    (void)limits_parse(text, "Max address space", &soft, &hard);
}

/* A file of words, which need not end with a whole one. */
static void read_pagemap(const uint8_t *data, size_t size)
{
    static uint8_t bits[PAGES];
    int file = memfd_create("pagemap", MFD_CLOEXEC);
    uintptr_t address = size > 0 ? (uintptr_t)data[0] * PAGE : 0;
    uint64_t word;
    char text[64];

    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    if (pagemap_residency(file, PAGE, address, PAGES, bits) && size >= 8 &&
        address == 0 && (bits[0] & KNOWN) == 0)
        abort();
    if (pagemap_word(file, PAGE, address, &word))
        (void)page_flags_text(word, text, sizeof text);
    (void)close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    unsigned file = *data++;
    char *text = xcalloc(size, 1);
    memcpy(text, data, --size);
    switch (file) {
    case 'm':
        read_smaps(text, size);
        break;
    case 's':
        read_status(text);
        break;
    case 't':
        read_stat(text);
        break;
    case 'l':
        read_limits(text);
        break;
    case 'p':
        read_pagemap(data, size);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}
