/* SPDX-License-Identifier: MIT */
/*
 * Cores of the kernel and of gcore, and our snapshots: the file is mapped, its
 * PT_LOADs are the memory.  A torn one is read as far as it goes.
 */
#include "target/elf_core.h"

#include "kernel/smaps.h"
#include "memory.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SEGMENTS_MAX = 1 << 22,
};

/* The last segment that starts at or below `address`; NULL: none. */
static const struct core_segment *segment_at(const struct elf_core *core,
                                             uintptr_t address)
{
    size_t low = 0;
    size_t high = core->nsegments;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (core->segments[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? &core->segments[low - 1] : NULL;
}

size_t core_locate(const struct elf_core *core, uintptr_t address,
                   const uint8_t **bytes)
{
    const struct core_segment *segment = segment_at(core, address);

    if (segment == NULL || address - segment->start >= segment->in_file)
        return 0;
    *bytes = core->bytes + segment->offset + (address - segment->start);
    return segment->in_file - (address - segment->start);
}

/*
 * In the core, else in the file mapped there if nobody could change it: by
 * its flags, or, gdb's way, in no segment at all.
 */
static size_t locate(struct elf_core *core, uintptr_t address,
                     const uint8_t **bytes)
{
    size_t there = core_locate(core, address, bytes);

    if (there > 0)
        return there;
    const struct core_segment *segment = segment_at(core, address);
    size_t left = SIZE_MAX;
    if (segment != NULL && address - segment->start < segment->size) {
        left = segment->size - (address - segment->start);
        if ((segment->flags & PF_W) != 0)
            return 0;
    }
    there = core_file_locate(core, address, bytes);
    return there < left ? there : left;
}

static size_t core_read(struct target *target, uintptr_t address, void *out,
                        size_t size)
{
    struct elf_core *core = target->state;
    const uint8_t *bytes;
    size_t done = 0;

    while (done < size) {
        size_t there = locate(core, address + done, &bytes);
        if (there == 0)
            break;
        if (there > size - done)
            there = size - done;
        memcpy((char *)out + done, bytes, there);
        done += there;
    }
    return done;
}

static const void *core_view(struct target *target, uintptr_t address,
                             size_t size)
{
    const uint8_t *bytes = NULL;

    return locate(target->state, address, &bytes) >= size ? bytes : NULL;
}

static void vma_of_segment(const struct elf_core *core,
                           const struct core_segment *segment, struct vma *vma)
{
    *vma = (struct vma){.start = segment->start,
                        .end = segment->start + segment->size,
                        .name = ""};
    vma->prot[0] = (segment->flags & PF_R) != 0 ? 'r' : '-';
    vma->prot[1] = (segment->flags & PF_W) != 0 ? 'w' : '-';
    vma->prot[2] = (segment->flags & PF_X) != 0 ? 'x' : '-';
    vma->prot[3] = 'p';
    for (size_t i = 0; i < core->nfiles; i++) {
        const struct core_file *file = &core->files[i];
        if (segment->start >= file->start && segment->start < file->end) {
            vma->name = file->name;
            vma->offset = file->offset + (segment->start - file->start);
            break;
        }
    }
}

static bool core_load_vmas(struct target *target, bool use)
{
    const struct elf_core *core = target->state;
    const char *smaps = target_proc(target, "smaps");

    (void)use;
    if (smaps != NULL) {
        target->vma_names = xstrdup(smaps);
        smaps_parse(target->vma_names, &target->vmas, &target->nvmas);
        return target->nvmas > 0;
    }
    target->vmas = xcalloc(core->nsegments, sizeof *target->vmas);
    target->nvmas = core->nsegments;
    for (size_t i = 0; i < core->nsegments; i++)
        vma_of_segment(core, &core->segments[i], &target->vmas[i]);
    return true;
}

static bool core_residency(struct target *target, uintptr_t address,
                           size_t count, uint8_t *out)
{
    return core_notes_residency(target->state, target->page_size, address,
                                count, out);
}

static char *core_proc(struct target *target, const char *file)
{
    return core_notes_text(target->state, file);
}

static bool core_hold(struct target *target, struct failure *failure)
{
    (void)target;
    (void)failure;
    return true;
}

static double core_release(struct target *target)
{
    (void)target;
    return now_ms();
}

static bool core_refresh(struct target *target, struct failure *failure)
{
    (void)target;
    (void)failure;
    return true;
}

static void core_close(struct target *target)
{
    struct elf_core *core = target->state;

    if (core->bytes != NULL)
        (void)munmap((void *)(uintptr_t)core->bytes, core->size);
    core_files_close(core);
    free(core->segments);
    free(core->files);
    free(core);
}

static const struct backend core_backend = {
    .read = core_read,
    .view = core_view,
    .load_vmas = core_load_vmas,
    .residency = core_residency,
    .proc = core_proc,
    .hold = core_hold,
    .release = core_release,
    .refresh = core_refresh,
    .close = core_close,
};

/* Whoever shortens the file under us ends us by this. */
static void on_sigbus(int signal)
{
    static const char text[] =
        "heapinspect: the file was cut while it was read\n";

    (void)signal;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(STATUS_INCOMPLETE);
}

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

static bool map_file(struct elf_core *core, const char *path,
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

static bool read_headers(struct elf_core *core, const char *path,
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

static void say_torn(struct target *target, const struct elf_core *core)
{
    target->incomplete = core->torn || core->there < core->promised;
    if (core->torn)
        target_warn(target, "the file is cut within its headers or notes");
    if (core->there < core->promised) {
        target_warn(
            target, "the file is cut: %zu of %zu KiB of memory are missing",
            (core->promised - core->there) / 1024, core->promised / 1024);
    }
}

bool elf_core_open(struct target *target, const char *path,
                   struct failure *failure)
{
    struct elf_core *core = xcalloc(1, sizeof *core);

    target->state = core;
    target->backend = &core_backend;
    target->kind = TARGET_CORE;
    (void)signal(SIGBUS, on_sigbus);
    if (!map_file(core, path, failure) || !read_headers(core, path, failure))
        return false;
    target->pid = core->pid;
    (void)snprintf(target->program, sizeof target->program, "%s",
                   core->program);
    if (core->page_size != 0)
        target->page_size = core->page_size;
    if (core->snapshot.size != 0) {
        target->kind = TARGET_SNAPSHOT;
        target->stop_ms = (double)core->snapshot.stop_us / 1e3;
        target->root_hint = core->snapshot.root;
    }
    if (core->snapshot.size != 0 && core->snapshot.major != SNAPSHOT_MAJOR) {
        (void)fail(failure, STATUS_UNSUPPORTED,
                   "%.160s: a snapshot of version %u, this inspector reads %u",
                   path, core->snapshot.major, SNAPSHOT_MAJOR);
        return false;
    }
    say_torn(target, core);
    return true;
}
