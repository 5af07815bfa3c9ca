/* SPDX-License-Identifier: MIT */
#include "os/os_image.h"

#include "base/bits.h"
#include "base/syscall.h"

#include <elf.h>
#include <string.h>
#include <sys/uio.h>

enum {
    HEADERS_MAX = 16, /* notes are among the first */
    NOTES_MAX = 1024, /* bytes of one segment of notes */
};

/* Unless it runs, by the kernel: files may have been cut since they were
   mapped. */
static bool read_own(uintptr_t at, void *out, size_t size, bool running)
{
    struct iovec from = {(void *)at, size};
    struct iovec to = {out, size};

    if (running) {
        memcpy(out, (const void *)at, size);
        return true;
    }
    long self = syscall3(SYS_getpid, 0, 0, 0);
    return syscall6(SYS_process_vm_readv, self, (long)&to, 1, (long)&from, 1,
                    0) == (long)size;
}

static bool take_id(const char *notes, size_t size,
                    struct snapshot_image *image)
{
    Elf64_Nhdr note;

    for (size_t at = 0; at + sizeof note <= size;) {
        memcpy(&note, notes + at, sizeof note);
        size_t name = at + sizeof note;
        size_t desc = name + round_up(note.n_namesz, 4);
        at = desc + round_up(note.n_descsz, 4);
        if (at > size)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof "GNU" &&
            memcmp(notes + name, "GNU", sizeof "GNU") == 0 &&
            note.n_descsz <= sizeof image->build_id) {
            memcpy(image->build_id, notes + desc, note.n_descsz);
            image->size = note.n_descsz;
            return true;
        }
    }
    return false;
}

bool os_build_id(struct snapshot_image *image, bool running)
{
    Elf64_Phdr headers[HEADERS_MAX];
    char notes[NOTES_MAX];
    Elf64_Ehdr elf;
    uintptr_t bias = image->start;

    if (!read_own(image->start, &elf, sizeof elf, running) ||
        memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
        elf.e_phentsize != sizeof *headers)
        return false;
    size_t count = min_size(elf.e_phnum, HEADERS_MAX);
    if (!read_own(image->start + elf.e_phoff, headers, count * sizeof *headers,
                  running))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (headers[i].p_type == PT_LOAD && headers[i].p_offset == 0)
            bias = image->start - headers[i].p_vaddr;
    }
    for (size_t i = 0; i < count; i++) {
        size_t size = min_size(headers[i].p_memsz, sizeof notes);
        if (headers[i].p_type == PT_NOTE &&
            read_own(bias + headers[i].p_vaddr, notes, size, running) &&
            take_id(notes, size, image))
            break;
    }
    return true;
}
