/* SPDX-License-Identifier: MIT */
#ifndef TARGET_ELF_CORE_H
#define TARGET_ELF_CORE_H
/* A core file, mapped; and what its notes say. */
#include "target/backend.h"

#include <elf.h>

enum {
    CORE_NOTES = 64, /* PT_NOTEs looked at */
};

struct core_segment {
    uintptr_t start;
    size_t size;    /* in memory */
    size_t offset;  /* in the file */
    size_t in_file; /* bytes of it that the file really has */
    uint32_t flags; /* PF_* */
};

/* NT_FILE: what was mapped. */
struct core_file {
    uintptr_t start;
    uintptr_t end;
    uint64_t offset;  /* bytes */
    const char *name; /* in the mapped core, NUL-terminated */
    bool tried;
    const uint8_t *bytes; /* the file, mapped; NULL: not, or another one */
    size_t size;
};

struct core_stretch {
    const uint8_t *bytes;
    size_t size;
};

struct elf_core {
    const uint8_t *bytes;
    size_t size;
    struct core_segment *segments; /* sorted */
    size_t nsegments;
    size_t promised; /* bytes of memory, by the headers ... */
    size_t there;    /* ... and in the file */
    bool torn;       /* headers or notes leave the file */

    struct core_stretch notes[CORE_NOTES];
    size_t nnotes;
    struct core_file *files;
    size_t nfiles;
    pid_t pid;
    char program[PROGRAM_MAX];
    size_t page_size;                /* 0: not known */
    struct snapshot_header snapshot; /* size 0: it is none */
};

/* The file, or stdin for "-"; false: said in `failure`. */
bool core_map_file(struct elf_core *core, const char *path,
                   struct failure *failure);

/* Its segments and notes; what the file does not hold marks it as torn. */
bool core_read_headers(struct elf_core *core, const char *path,
                       struct failure *failure);

/* Bytes in the core from `address` on; their place in *bytes. */
size_t core_locate(const struct elf_core *core, uintptr_t address,
                   const uint8_t **bytes);

/* The same in the file that was mapped there. */
size_t core_file_locate(struct elf_core *core, uintptr_t address,
                        const uint8_t **bytes);
void core_files_close(struct elf_core *core);

/* Takes in the notes at `offset`. */
void core_notes_add(struct elf_core *core, uint64_t offset, uint64_t size);

/* A kept text of /proc/PID, allocated; NULL: there is none. */
char *core_notes_text(const struct elf_core *core, const char *file);

/* The build id that a snapshot has of the image at `start`; false: none. */
bool core_notes_image(const struct elf_core *core, uintptr_t start,
                      struct build_id *id);

/* As target_residency(). */
bool core_notes_residency(const struct elf_core *core, size_t page_size,
                          uintptr_t address, size_t count, uint8_t *out);

#endif
