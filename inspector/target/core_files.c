/* SPDX-License-Identifier: MIT */
/*
 * Cores leave out what is in files anyway: text and constants are read from
 * the files that NT_FILE names, if they are still the same, that is if their
 * first page is the one that the core has.
 */
#include "target/elf_core.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_PAGE = 4096 };

/* The first bytes of the file as the core has them; NULL: it has none. */
static const uint8_t *first_page(const struct elf_core *core, const char *name)
{
    for (size_t i = 0; i < core->nfiles; i++) {
        const struct core_file *file = &core->files[i];
        const uint8_t *bytes;
        if (file->offset == 0 && strcmp(file->name, name) == 0 &&
            core_locate(core, file->start, &bytes) >= FIRST_PAGE)
            return bytes;
    }
    return NULL;
}

static void map_file(const struct elf_core *core, struct core_file *file)
{
    struct stat stat_of;
    const uint8_t *first = first_page(core, file->name);

    file->tried = true;
    if (first == NULL)
        return;
    /* The name is the core's: it may be of a device or a pipe. */
    int fd = open(file->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    if (fstat(fd, &stat_of) == 0 && S_ISREG(stat_of.st_mode) &&
        stat_of.st_size >= FIRST_PAGE) {
        void *bytes =
            mmap(NULL, (size_t)stat_of.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        file->bytes = bytes != MAP_FAILED ? bytes : NULL;
        file->size = (size_t)stat_of.st_size;
    }
    (void)close(fd);
    if (file->bytes != NULL && memcmp(file->bytes, first, FIRST_PAGE) != 0) {
        (void)munmap((void *)(uintptr_t)file->bytes, file->size);
        file->bytes = NULL;
    }
}

size_t core_file_locate(struct elf_core *core, uintptr_t address,
                        const uint8_t **bytes)
{
    for (size_t i = 0; i < core->nfiles; i++) {
        struct core_file *file = &core->files[i];
        if (address < file->start || address >= file->end)
            continue;
        if (!file->tried)
            map_file(core, file);
        uint64_t at = file->offset + (address - file->start);
        if (file->bytes == NULL || at >= file->size)
            return 0;
        size_t left = file->end - address;
        *bytes = file->bytes + at;
        return left < file->size - at ? left : file->size - at;
    }
    return 0;
}

void core_files_close(struct elf_core *core)
{
    for (size_t i = 0; i < core->nfiles; i++) {
        if (core->files[i].bytes != NULL) {
            (void)munmap((void *)(uintptr_t)core->files[i].bytes,
                         core->files[i].size);
        }
    }
}
