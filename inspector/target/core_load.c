/* SPDX-License-Identifier: MIT */
/*
 * The file of a core, mapped, and the segments that its headers promise.
 */
#include "memory.h"
#include "target/elf_core.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SEGMENTS_MAX = 1 << 22,
};

/* A pipe cannot be mapped: its bytes go to a file without a name. */
static int copy_stdin(void)
{
    static char bytes[1 << 16];
    int copy = memfd_create("core", MFD_CLOEXEC);
    ssize_t got;

    while (copy >= 0 && (got = read(STDIN_FILENO, bytes, sizeof bytes)) > 0) {
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(copy, bytes + done, (size_t)(got - done));
            if (put <= 0) {
                (void)close(copy);
                return -1;
            }
            done += put;
        }
    }
    return copy;
}

bool core_map_file(struct elf_core *core, const char *path,
                   struct failure *failure)
{
    int file = strcmp(path, "-") == 0 ? copy_stdin()
                                      : open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat_of;

    if (file < 0) {
        (void)fail(failure,
                   access(path, F_OK) == 0 ? STATUS_PERMISSION : STATUS_GONE,
                   "%.200s cannot be read", path);
        return false;
    }
    void *bytes = MAP_FAILED;
    if (fstat(file, &stat_of) == 0 && S_ISREG(stat_of.st_mode) &&
        stat_of.st_size > 0) {
        core->size = (size_t)stat_of.st_size;
        bytes = mmap(NULL, core->size, PROT_READ, MAP_SHARED, file, 0);
    }
    (void)close(file);
    if (bytes == MAP_FAILED) {
        (void)fail(failure, STATUS_USAGE, "%.200s is not a core", path);
        return false;
    }
    core->bytes = bytes;
    return true;
}

/* With 65535 and more the count is in the first section header. */
static size_t count_headers(const struct elf_core *core, const Elf64_Ehdr *elf)
{
    Elf64_Shdr section;

    if (elf->e_phnum != PN_XNUM)
        return elf->e_phnum;
    if (elf->e_shoff > core->size || core->size - elf->e_shoff < sizeof section)
        return 0;
    memcpy(&section, core->bytes + elf->e_shoff, sizeof section);
    return section.sh_info < SEGMENTS_MAX ? section.sh_info : SEGMENTS_MAX;
}

static void add_segment(struct elf_core *core, const Elf64_Phdr *header)
{
    struct core_segment segment = {.start = header->p_vaddr,
                                   .size = header->p_memsz,
                                   .offset = header->p_offset,
                                   .in_file = header->p_filesz,
                                   .flags = header->p_flags};

    if (segment.size == 0 || segment.start + segment.size < segment.start)
        return;
    if (segment.in_file > segment.size)
        segment.in_file = segment.size;
    core->promised += segment.in_file;
    if (segment.offset >= core->size) {
        segment.in_file = 0;
    } else if (segment.in_file > core->size - segment.offset) {
        segment.in_file = core->size - segment.offset;
    }
    core->there += segment.in_file;
    core->segments =
        xgrow(core->segments, core->nsegments, sizeof *core->segments);
    core->segments[core->nsegments++] = segment;
}

static int by_start(const void *left, const void *right)
{
    const struct core_segment *a = left;
    const struct core_segment *b = right;

    return (a->start > b->start) - (a->start < b->start);
}

/* Mappings do not overlap: a size that says so is damaged, and ends there. */
static void clip(struct elf_core *core)
{
    for (size_t i = 0; i + 1 < core->nsegments; i++) {
        struct core_segment *segment = &core->segments[i];
        size_t most = core->segments[i + 1].start - segment->start;
        if (segment->size <= most)
            continue;
        segment->size = most;
        segment->in_file = segment->in_file < most ? segment->in_file : most;
        core->torn = true;
    }
}

bool core_read_headers(struct elf_core *core, const char *path,
                       struct failure *failure)
{
    Elf64_Ehdr elf;
    Elf64_Phdr header;

    if (core->size < sizeof elf || memcmp(core->bytes, ELFMAG, SELFMAG) != 0) {
        (void)fail(failure, STATUS_USAGE,
                   "%.200s is neither a core nor a snapshot", path);
        return false;
    }
    memcpy(&elf, core->bytes, sizeof elf);
    if (elf.e_type != ET_CORE || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
        elf.e_ident[EI_DATA] != ELFDATA2LSB ||
        elf.e_phentsize != sizeof header) {
        (void)fail(failure, STATUS_USAGE,
                   "%.200s is an ELF file, but no 64-bit core", path);
        return false;
    }
    size_t count = count_headers(core, &elf);
    size_t i = 0;
    for (; i < count; i++) {
        uint64_t at = elf.e_phoff + i * sizeof header;
        if (at > core->size || core->size - at < sizeof header)
            break;
        memcpy(&header, core->bytes + at, sizeof header);
        if (header.p_type == PT_LOAD) {
            add_segment(core, &header);
        } else if (header.p_type == PT_NOTE) {
            core_notes_add(core, header.p_offset, header.p_filesz);
        }
    }
    if (i < count || count == 0)
        core->torn = true;
    if (core->nsegments > 1) {
        qsort(core->segments, core->nsegments, sizeof *core->segments,
              by_start);
        clip(core);
    }
    return true;
}
