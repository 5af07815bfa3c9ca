/* SPDX-License-Identifier: MIT */
#include "kernel/page_flags.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Bits of /proc/kpageflags: linux/kernel-page-flags.h. */
static const char *const names[] = {
    "locked",      "error",     "referenced", "uptodate", "dirty", "lru",
    "active",      "slab",      "writeback",  "reclaim",  "buddy", "mmap",
    "anon",        "swapcache", "swapbacked", "head",     "tail",  "huge",
    "unevictable", "hwpoison",  "nopage",     "ksm",      "thp",   "offline",
    "zero_page",   "idle_page", "pgtable",
};

bool page_frame_word(const char *file, uint64_t pfn, uint64_t *word)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t got = pread(fd, word, sizeof *word, (off_t)(pfn * sizeof *word));
    (void)close(fd);
    return got == (ssize_t)sizeof *word;
}

const char *page_flags_text(uint64_t flags, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t bit = 0; bit < sizeof names / sizeof *names; bit++) {
        if ((flags >> bit & 1) == 0 || used + strlen(names[bit]) + 2 > size)
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 used > 0 ? "," : "", names[bit]);
    }
    return text;
}

size_t page_table_indices(uintptr_t address, size_t page_size, bool five,
                          struct table_index *indices)
{
    static const char *const levels[] = {"PGD", "P4D", "PUD", "PMD", "PTE"};
    unsigned shift = (unsigned)__builtin_ctzl(page_size);
    unsigned bits = shift - 3;
    size_t count = five ? 5 : page_size > 16384 ? 3 : 4;

    for (size_t i = 0; i < count; i++) {
        /* The top is always the PGD, the bottom the PTE. */
        size_t name = i == 0 ? 0 : 5 - count + i;
        unsigned at = shift + (unsigned)(count - 1 - i) * bits;
        indices[i].level = levels[name];
        indices[i].index =
            (unsigned)(address >> at & (((uintptr_t)1 << bits) - 1));
    }
    return count;
}

bool has_five_levels(void)
{
    char line[4096];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "re");

    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, "flags", 5) == 0 && strstr(line, " la57") != NULL;
    if (file != NULL)
        (void)fclose(file);
    return found;
}
