/* SPDX-License-Identifier: MIT */
/* What a snapshot tells beside memory; see layout/snapshot.h. */
#include "snapshot/internal.h"

#include "memory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <time.h>

enum {
    RESIDENCY_STEP = 1 << 16,  /* pages asked for at a time */
    RESIDENCY_PAGES = 1 << 28, /* ... and in all: 1 TiB */
};

static void put(struct notes *notes, const void *bytes, size_t size)
{
    if (notes->room - notes->size < size) {
        notes->room = (notes->size + size) * 2;
        notes->bytes = xrealloc(notes->bytes, notes->room, 1);
    }
    memcpy(notes->bytes + notes->size, bytes, size);
    notes->size += size;
}

static void pad(struct notes *notes)
{
    static const uint8_t zeros[4];

    put(notes, zeros, -notes->size & 3);
}

/* Begins a note; where its size is to be set when it is whole. */
static size_t open_note(struct notes *notes, const char *owner, uint32_t type)
{
    const Elf64_Nhdr header = {.n_namesz = (uint32_t)strlen(owner) + 1,
                               .n_type = type};
    size_t at = notes->size;

    put(notes, &header, sizeof header);
    put(notes, owner, strlen(owner) + 1);
    pad(notes);
    return at;
}

static void close_note(struct notes *notes, size_t at, size_t desc)
{
    uint32_t size = (uint32_t)(notes->size - desc);

    memcpy(notes->bytes + at + offsetof(Elf64_Nhdr, n_descsz), &size,
           sizeof size);
    pad(notes);
}

static void put_note(struct notes *notes, const char *owner, uint32_t type,
                     const void *desc, size_t size)
{
    size_t at = open_note(notes, owner, type);
    size_t start = notes->size;

    put(notes, desc, size);
    close_note(notes, at, start);
}

static void put_header(struct notes *notes, struct target *target, bool content)
{
    struct timespec now;
    uint64_t clock_ms = target_clock_ms(target);
    bool stopped = target_mode(target) == MODE_STOP;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    const struct snapshot_header header = {
        .major = SNAPSHOT_MAJOR,
        .minor = SNAPSHOT_MINOR,
        .size = sizeof header,
        .flags = (stopped ? SNAPSHOT_STOPPED : 0u) |
                 (content ? SNAPSHOT_CONTENT : 0u),
        .pid = (uint32_t)target_pid(target),
        .root = target_root_address(target),
        .system_page = target_page_size(target),
        .time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
        .stop_us = 0, /* it still stands */
        .clock_ms = clock_ms,
    };
    put_note(notes, ROOT_NOTE_OWNER, SNAPSHOT_NOTE_HEADER, &header,
             sizeof header);
}

/*
 * A thread.  Its registers are the program's: with the contents only, and
 * they can be had only while it is held.
 */
static void put_thread(struct notes *notes, pid_t tid, bool registers)
{
    struct elf_prstatus status = {.pr_pid = tid};
    struct iovec set = {&status.pr_reg, sizeof status.pr_reg};

    if (registers)
        (void)ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &set);
    put_note(notes, "CORE", NT_PRSTATUS, &status, sizeof status);
}

/* The main thread first: debuggers begin there. */
static void put_threads(struct notes *notes, struct target *target,
                        bool content)
{
    char path[64];
    pid_t pid = target_pid(target);
    bool registers = content && target_mode(target) == MODE_STOP &&
                     target_kind(target) == TARGET_PROCESS;

    put_thread(notes, pid, registers);
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = target_kind(target) == TARGET_PROCESS ? opendir(path) : NULL;
    if (tasks == NULL)
        return;
    for (const struct dirent *entry;;) {
        entry = readdir(tasks); /* NOLINT(concurrency-mt-unsafe) */
        if (entry == NULL)
            break;
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0 && tid != pid)
            put_thread(notes, tid, registers);
    }
    (void)closedir(tasks);
}

/* For debuggers. */
static void put_process(struct notes *notes, struct target *target,
                        bool content)
{
    struct elf_prpsinfo info = {.pr_sname = 'S', .pr_pid = target_pid(target)};

    (void)snprintf(info.pr_fname, sizeof info.pr_fname, "%.15s",
                   target_program(target));
    (void)snprintf(info.pr_psargs, sizeof info.pr_psargs, "%s",
                   target_program(target));
    put_note(notes, "CORE", NT_PRPSINFO, &info, sizeof info);
    put_threads(notes, target, content);
}

static bool is_file(const struct vma *vma)
{
    return vma->name[0] == '/';
}

/* NT_FILE: count, page size, {start, end, offset in pages}, names. */
static void put_files(struct notes *notes, struct target *target)
{
    size_t count;
    const struct vma *vmas = target_vmas(target, &count);
    uint64_t page = target_page_size(target);
    uint64_t files = 0;
    size_t at = open_note(notes, "CORE", NT_FILE);
    size_t desc = notes->size;

    for (size_t i = 0; i < count; i++)
        files += is_file(&vmas[i]);
    put(notes, &files, sizeof files);
    put(notes, &page, sizeof page);
    for (size_t i = 0; i < count; i++) {
        const uint64_t place[3] = {vmas[i].start, vmas[i].end,
                                   vmas[i].offset / page};
        if (is_file(&vmas[i]))
            put(notes, place, sizeof place);
    }
    for (size_t i = 0; i < count; i++) {
        if (is_file(&vmas[i]))
            put(notes, vmas[i].name, strlen(vmas[i].name) + 1);
    }
    close_note(notes, at, desc);
}

/* What names the builds of programs and libraries: their files may change. */
static void put_images(struct notes *notes, struct target *target)
{
    size_t count;
    const struct vma *vmas = target_vmas(target, &count);
    size_t at = open_note(notes, ROOT_NOTE_OWNER, SNAPSHOT_NOTE_IMAGES);
    size_t desc = notes->size;

    for (size_t i = 0; i < count; i++) {
        struct snapshot_image image = {.start = vmas[i].start};
        struct build_id id;
        if (!is_file(&vmas[i]) || vmas[i].offset != 0)
            continue;
        target_build_id(target, vmas[i].start, &id);
        image.size = id.size;
        memcpy(image.build_id, id.bytes, sizeof image.build_id);
        if (id.is_known)
            put(notes, &image, sizeof image);
    }
    close_note(notes, at, desc);
}

static void put_text(struct notes *notes, struct target *target,
                     const char *file)
{
    const char *text = target_proc(target, file);

    if (text == NULL)
        return;
    size_t at = open_note(notes, ROOT_NOTE_OWNER, SNAPSHOT_NOTE_TEXT);
    size_t desc = notes->size;
    put(notes, file, strlen(file) + 1);
    put(notes, text, strlen(text));
    close_note(notes, at, desc);
}

static void put_texts(struct notes *notes, const struct model *model)
{
    static const char *const files[] = {"smaps", "status", "limits", "stat",
                                        "statm", "comm",   "cgroup"};
    char file[40];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put_text(notes, model->target, files[i]);
    for (size_t i = 0; i < model->nheaps; i++) {
        (void)snprintf(file, sizeof file, "task/%u/comm",
                       model->heaps[i].heap.tid);
        if (model->heaps[i].heap.tid != 0)
            put_text(notes, model->target, file);
    }
}

static void put_run(struct notes *notes, struct snapshot_run *run, uint8_t bits,
                    size_t count)
{
    if (run->count > 0 && run->bits != bits) {
        put(notes, run, sizeof *run);
        run->count = 0;
    }
    run->bits = bits;
    run->count += (uint32_t)count;
}

/* How many of bits[0, count) are as the first. */
static size_t same_bits(const uint8_t *bits, size_t count)
{
    size_t same = 1;

    while (same < count && bits[same] == bits[0])
        same++;
    return same;
}

/*
 * Looks at `*pages` more pages at most: a mapping may claim any size.  What is
 * not in the note is not known.
 */
static void put_residency(struct notes *notes, struct target *target,
                          const struct vma *vma, size_t *pages)
{
    static uint8_t bits[RESIDENCY_STEP];
    size_t page = target_page_size(target);
    bool empty = vma->has_use && vma->rss == 0 && vma->swap == 0;
    size_t most = empty ? UINT32_MAX : *pages;
    struct snapshot_residency head = {vma->start,
                                      (vma->end - vma->start) / page};
    struct snapshot_run run = {0};
    size_t at = open_note(notes, ROOT_NOTE_OWNER, SNAPSHOT_NOTE_RESIDENCY);
    size_t desc = notes->size;

    head.count = head.count < most ? head.count : most;
    put(notes, &head, sizeof head);
    for (size_t done = 0; done < head.count && !empty;) {
        size_t count = head.count - done;
        count = count < RESIDENCY_STEP ? count : RESIDENCY_STEP;
        if (!target_residency(target, vma->start + done * page, count, bits))
            memset(bits, 0, count);
        for (size_t i = 0, same; i < count; i += same) {
            same = same_bits(bits + i, count - i);
            put_run(notes, &run, bits[i], same);
        }
        done += count;
    }
    if (empty) {
        put_run(notes, &run, KNOWN, head.count);
    } else {
        *pages -= head.count;
    }
    put(notes, &run, sizeof run);
    close_note(notes, at, desc);
}

void notes_make(const struct model *model, bool content, struct notes *notes)
{
    struct target *target = model->target;
    size_t count;
    size_t pages = RESIDENCY_PAGES;
    const struct vma *vmas = target_vmas(target, &count);

    *notes = (struct notes){0};
    put_header(notes, target, content);
    put_process(notes, target, content);
    put_files(notes, target);
    put_images(notes, target);
    put_texts(notes, model);
    for (size_t i = 0; i < count; i++)
        put_residency(notes, target, &vmas[i], &pages);
    if (pages == 0) {
        target_warn(target,
                    "which pages are resident is kept of the first %d only",
                    RESIDENCY_PAGES);
    }
}
