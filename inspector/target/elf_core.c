/* SPDX-License-Identifier: MIT */
/*
 * Cores of the kernel and of gcore, and our snapshots: the file is mapped, its
 * PT_LOADs are the memory.  A torn one is read as far as it goes.
 */
#include "target/elf_core.h"

#include "kernel/smaps.h"
#include "memory.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
    if (!core_map_file(core, path, failure) ||
        !core_read_headers(core, path, failure))
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
