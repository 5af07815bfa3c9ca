/* SPDX-License-Identifier: MIT */
#include "api/dump.h"

#include "base/bits.h"
#include "base/syscall.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

enum {
    NOTE_HEADERS = 2,
};

void dump_write_at(struct dump *dump, const void *bytes, size_t size,
                   uint64_t offset)
{
    for (size_t done = 0; done < size && dump->error == 0;) {
        long n = syscall6(SYS_pwrite64, dump->fd, (long)bytes + (long)done,
                          (long)(size - done), (long)(offset + done), 0, 0);
        if (n == 0) {
            dump_fail(dump, ENOSPC);
        } else if (n < 0 && n != -EINTR) {
            dump_fail(dump, -n);
        } else if (n > 0) {
            done += (size_t)n;
        }
    }
}

struct dump_range *dump_range_at(struct dump *dump, uintptr_t address)
{
    size_t low = 0;
    size_t high = dump->nranges;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dump->ranges[middle].end <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == dump->nranges || dump->ranges[low].start > address)
        return NULL;
    return &dump->ranges[low];
}

void dump_place(struct dump *dump)
{
    uint64_t at = round_up(dump->end, dump->page);

    for (size_t i = 0; i < dump->nranges; i++) {
        struct dump_range *range = &dump->ranges[i];
        range->offset = at;
        if (range->is_ours)
            at += range->end - range->start;
    }
    dump->end = at;
}

static bool is_zero(const char *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Pages of zeros stay holes. */
void dump_flush(struct dump *dump)
{
    const struct dump_range *range = dump_range_at(dump, dump->window_at);

    if (!dump->is_changed || range == NULL)
        return;
    dump->is_changed = false;
    size_t size = min_size(DUMP_WINDOW, range->end - dump->window_at);
    for (size_t at = 0; at < size; at += dump->page) {
        if (!is_zero(dump->window + at, dump->page)) {
            dump_write_at(dump, dump->window + at, dump->page,
                          range->offset + (dump->window_at - range->start) +
                              at);
        }
    }
}

/* The window begins at `start`; what was written there before is kept. */
static void window_load(struct dump *dump, const struct dump_range *range,
                        uintptr_t start)
{
    size_t size = min_size(DUMP_WINDOW, range->end - start);

    dump_flush(dump);
    dump->window_at = start;
    long n = syscall6(SYS_pread64, dump->fd, (long)dump->window, (long)size,
                      (long)(range->offset + (start - range->start)), 0, 0);
    size_t have = n > 0 ? (size_t)n : 0;
    memset(dump->window + have, 0, DUMP_WINDOW - have);
}

void dump_put(struct dump *dump, uintptr_t address, const void *bytes,
              size_t size)
{
    while (size > 0 && dump->error == 0) {
        const struct dump_range *range = dump_range_at(dump, address);
        if (range == NULL || !range->is_ours)
            return;
        uintptr_t start =
            range->start + round_down(address - range->start, DUMP_WINDOW);
        if (dump->window_at != start)
            window_load(dump, range, start);
        size_t room = min_size(range->end, start + DUMP_WINDOW) - address;
        size_t step = min_size(size, room);
        memcpy(dump->window + (address - start), bytes, step);
        dump->is_changed = true;
        address += step;
        bytes = (const char *)bytes + step;
        size -= step;
    }
}

uint64_t dump_headers_size(size_t nranges)
{
    return sizeof(Elf64_Ehdr) + (nranges + NOTE_HEADERS) * sizeof(Elf64_Phdr);
}

static void write_elf_header(struct dump *dump)
{
    const Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                    EV_CURRENT, ELFOSABI_NONE},
        .e_type = ET_CORE,
#if defined(__aarch64__)
        .e_machine = EM_AARCH64,
#else
        .e_machine = EM_X86_64,
#endif
        .e_version = EV_CURRENT,
        .e_phoff = sizeof header,
        .e_ehsize = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (Elf64_Half)(dump->nranges + NOTE_HEADERS),
    };

    dump_write_at(dump, &header, sizeof header, 0);
}

void dump_headers(struct dump *dump)
{
    uint64_t at = sizeof(Elf64_Ehdr);

    for (size_t i = 0; i < NOTE_HEADERS; i++, at += sizeof(Elf64_Phdr)) {
        const Elf64_Phdr note = {.p_type = PT_NOTE,
                                 .p_offset = dump->notes_at[i],
                                 .p_filesz = dump->notes_size[i],
                                 .p_align = 4};
        dump_write_at(dump, &note, sizeof note, at);
    }
    for (size_t i = 0; i < dump->nranges; i++, at += sizeof(Elf64_Phdr)) {
        const struct dump_range *range = &dump->ranges[i];
        size_t size = range->end - range->start;
        const Elf64_Phdr load = {.p_type = PT_LOAD,
                                 .p_flags = range->flags,
                                 .p_offset = range->offset,
                                 .p_vaddr = range->start,
                                 .p_filesz = range->is_ours ? size : 0,
                                 .p_memsz = size,
                                 .p_align = dump->page};
        dump_write_at(dump, &load, sizeof load, at);
    }
    write_elf_header(dump);
}
