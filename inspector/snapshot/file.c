/* SPDX-License-Identifier: MIT */
#include "snapshot/internal.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* From Linux 3.15; older headers lack it. */
#ifndef RENAME_NOREPLACE
#    define RENAME_NOREPLACE 1
#endif

static void write_at(struct snapshot_file *file, const void *bytes, size_t size,
                     uint64_t offset)
{
    for (size_t done = 0; done < size && file->error == 0;) {
        ssize_t put = pwrite(file->fd, (const char *)bytes + done, size - done,
                             (off_t)(offset + done));
        if (put < 0 && errno != EINTR) {
            file->error = errno;
        } else if (put == 0) {
            file->error = ENOSPC;
        } else if (put > 0) {
            done += (size_t)put;
        }
    }
}

/* With 65535 and more the count goes to a section header, as in the kernel. */
static uint64_t headers_size(const struct plan *plan)
{
    bool many = plan->count + 1 >= PN_XNUM;

    return sizeof(Elf64_Ehdr) + (plan->count + 1) * sizeof(Elf64_Phdr) +
           (many ? sizeof(Elf64_Shdr) : 0);
}

static void place(struct snapshot_file *file, uint64_t start)
{
    uint64_t at = (start + file->page - 1) / file->page * file->page;

    for (size_t i = 0; i < file->plan->count; i++) {
        struct stretch *stretch = &file->plan->all[i];
        stretch->offset = at;
        if (stretch->stored)
            at += stretch->end - stretch->start;
    }
}

static void write_elf(struct snapshot_file *file)
{
    size_t count = file->plan->count + 1;
    bool many = count >= PN_XNUM;
    Elf64_Ehdr elf = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                    EV_CURRENT, ELFOSABI_NONE},
        .e_type = ET_CORE,
#if defined(__aarch64__)
        .e_machine = EM_AARCH64,
#else
        .e_machine = EM_X86_64,
#endif
        .e_version = EV_CURRENT,
        .e_phoff = sizeof elf,
        .e_ehsize = sizeof elf,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = many ? PN_XNUM : (Elf64_Half)count,
        .e_shoff = many ? sizeof elf + count * sizeof(Elf64_Phdr) : 0,
        .e_shentsize = many ? sizeof(Elf64_Shdr) : 0,
        .e_shnum = many ? 1 : 0,
    };
    const Elf64_Shdr section = {.sh_info = (Elf64_Word)count};

    write_at(file, &elf, sizeof elf, 0);
    if (many)
        write_at(file, &section, sizeof section, elf.e_shoff);
}

static void write_headers(struct snapshot_file *file, size_t notes_size)
{
    const struct plan *plan = file->plan;
    Elf64_Phdr *headers = xcalloc(plan->count + 1, sizeof *headers);

    headers[0] = (Elf64_Phdr){.p_type = PT_NOTE,
                              .p_offset = headers_size(plan),
                              .p_filesz = notes_size,
                              .p_align = 4};
    for (size_t i = 0; i < plan->count; i++) {
        const struct stretch *stretch = &plan->all[i];
        size_t size = stretch->end - stretch->start;
        headers[i + 1] = (Elf64_Phdr){.p_type = PT_LOAD,
                                      .p_flags = stretch->flags,
                                      .p_offset = stretch->offset,
                                      .p_vaddr = stretch->start,
                                      .p_filesz = stretch->stored ? size : 0,
                                      .p_memsz = size,
                                      .p_align = file->page};
    }
    write_at(file, headers, (plan->count + 1) * sizeof *headers,
             sizeof(Elf64_Ehdr));
    free(headers);
}

struct snapshot_file *file_begin(const struct snapshot_request *request,
                                 struct plan *plan, const struct notes *notes,
                                 size_t page, struct failure *failure)
{
    struct snapshot_file *file = xcalloc(1, sizeof *file);
    size_t length = strlen(request->path) + sizeof ".XXXXXX";

    file->plan = plan;
    file->page = page;
    file->temporary = xcalloc(1, length);
    (void)snprintf(file->temporary, length, "%s.XXXXXX", request->path);
    file->fd = mkostemp(file->temporary, O_CLOEXEC);
    if (file->fd < 0) {
        (void)fail(failure, STATUS_USAGE, "%.180s cannot be written: %s",
                   request->path,
                   strerror(errno)); /* NOLINT(concurrency-mt-unsafe) */
        free(file->temporary);
        free(file);
        return NULL;
    }
    place(file, headers_size(plan) + notes->size);
    write_elf(file);
    write_headers(file, notes->size);
    write_at(file, notes->bytes, notes->size, headers_size(plan));
    return file;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static uint64_t offset_of(const struct snapshot_file *file, uintptr_t address)
{
    return file->at->offset + (address - file->at->start);
}

static void flush(struct snapshot_file *file)
{
    if (!file->changed)
        return;
    for (size_t i = 0; i < file->window_size; i += file->page) {
        if (!is_zero(file->bytes + i, file->page)) {
            write_at(file, file->bytes + i, file->page,
                     offset_of(file, file->window + i));
        }
    }
    file->changed = false;
}

/* Moves the window to an address; false: nothing there is stored. */
static bool move_window(struct snapshot_file *file, uintptr_t address)
{
    flush(file);
    file->window_size = 0;
    file->at = plan_at(file->plan, address);
    if (file->at == NULL)
        return false;
    uintptr_t start = address & ~(uintptr_t)(FILE_WINDOW - 1);
    uintptr_t end = start + FILE_WINDOW;
    start = start > file->at->start ? start : file->at->start;
    end = end < file->at->end ? end : file->at->end;
    file->window = start;
    file->window_size = end - start;
    memset(file->bytes, 0, file->window_size);
    /* Holes and what is behind the end read as zeros. */
    if (pread(file->fd, file->bytes, file->window_size,
              (off_t)offset_of(file, start)) < 0)
        file->error = errno;
    return true;
}

void file_put(struct snapshot_file *file, uintptr_t address, const void *bytes,
              size_t size)
{
    const uint8_t *from = bytes;

    while (size > 0 && file->error == 0) {
        if ((address < file->window ||
             address - file->window >= file->window_size) &&
            !move_window(file, address))
            return;
        size_t offset = address - file->window;
        size_t part = file->window_size - offset;
        if (part > size)
            part = size;
        memcpy(file->bytes + offset, from, part);
        file->changed = true;
        file->kept += part;
        address += part;
        from += part;
        size -= part;
    }
}

static void take_result(struct snapshot_file *file,
                        struct snapshot_result *result)
{
    struct stat stat_of;

    if (fstat(file->fd, &stat_of) == 0) {
        result->size = (uint64_t)stat_of.st_size;
        result->on_disk = (uint64_t)stat_of.st_blocks * 512;
    }
    result->kept = file->kept;
    result->segments = file->plan->count;
    for (size_t i = 0; i < file->plan->count; i++) {
        const struct stretch *stretch = &file->plan->all[i];
        result->memory += stretch->stored ? stretch->end - stretch->start : 0;
    }
}

/* The last stretch may end in a hole: the file must reach there. */
static void stretch_file(struct snapshot_file *file)
{
    const struct plan *plan = file->plan;
    const struct stretch *last =
        plan->count > 0 ? &plan->all[plan->count - 1] : NULL;

    if (last == NULL || file->error != 0)
        return;
    uint64_t size = last->offset + (last->stored ? last->end - last->start : 0);
    if (ftruncate(file->fd, (off_t)size) != 0)
        file->error = errno;
}

void file_put_stop(struct snapshot_file *file, double stop_ms)
{
    uint64_t stop_us = (uint64_t)(stop_ms * 1e3);

    write_at(file, &stop_us, sizeof stop_us,
             headers_size(file->plan) + NOTES_HEADER_AT +
                 offsetof(struct snapshot_header, stop_us));
}

bool file_end(struct snapshot_file *file,
              const struct snapshot_request *request,
              struct snapshot_result *result, struct failure *failure)
{
    unsigned flags = request->force ? 0 : RENAME_NOREPLACE;

    flush(file);
    stretch_file(file);
    take_result(file, result);
    (void)fchmod(file->fd, 0600);
    if (close(file->fd) != 0 && file->error == 0)
        file->error = errno;
    bool failed = file->error != 0;
    if (!failed && renameat2(AT_FDCWD, file->temporary, AT_FDCWD, request->path,
                             flags) != 0)
        file->error = errno;
    if (file->error != 0) {
        (void)unlink(file->temporary);
        (void)fail(failure, failed ? STATUS_INCOMPLETE : STATUS_USAGE,
                   "%.180s: %s%s", request->path,
                   strerror(file->error), /* NOLINT(concurrency-mt-unsafe) */
                   file->error == EEXIST ? "; -f overwrites it" : "");
    }
    bool done = file->error == 0;
    free(file->temporary);
    free(file);
    return done;
}
