/* SPDX-License-Identifier: MIT */
#ifndef SNAPSHOT_INTERNAL_H
#define SNAPSHOT_INTERNAL_H
/* Between the parts of snapshot/. */
#include "snapshot/snapshot.h"

#include <elf.h>

enum {
    FILE_WINDOW = 64 * 1024,
};

/* A stretch of memory, page aligned, sorted by address. */
struct stretch {
    uintptr_t start;
    uintptr_t end;
    bool stored;     /* the file has its bytes */
    uint32_t flags;  /* PF_* */
    uint64_t offset; /* in the file */
};

struct plan {
    struct stretch *all;
    size_t count;
};

/* All mappings, cut where the stored part of them begins and ends. */
void plan_make(const struct model *model, bool content, struct plan *plan);
void plan_free(struct plan *plan);

/* The stored stretch that holds an address; NULL: none does. */
struct stretch *plan_at(const struct plan *plan, uintptr_t address);

/* Calls `take` for every stretch of the allocator's structures outside of the
   memory that it manages. */
typedef void metadata_fn(void *data, uintptr_t start, size_t size);
void metadata_each(const struct model *model, metadata_fn *take, void *data);

/* A growing buffer of ELF notes. */
struct notes {
    uint8_t *bytes;
    size_t size;
    size_t room;
};
void notes_make(const struct model *model, bool content, struct notes *notes);

/* Where the header's desc begins in the notes: it is the first. */
enum { NOTES_HEADER_AT = sizeof(Elf64_Nhdr) + 12 };

/*
 * The file: bytes are put at their addresses, in any order; quick when it is
 * about ascending.  Pages of zeros stay holes.
 */
struct snapshot_file {
    int fd;
    char *temporary; /* its name until it is whole */
    struct plan *plan;
    size_t page;              /* system page, bytes */
    const struct stretch *at; /* the window's; NULL: there is none yet */
    uintptr_t window;         /* address of its first byte */
    size_t window_size;
    bool changed;
    int error;     /* errno of the first failed write */
    uint64_t kept; /* bytes put */
    uint8_t bytes[FILE_WINDOW];
};

/* NULL with *failure. */
struct snapshot_file *file_begin(const struct snapshot_request *request,
                                 struct plan *plan, const struct notes *notes,
                                 size_t page, struct failure *failure);

/* Bytes outside of what the plan stores are left out. */
void file_put(struct snapshot_file *file, uintptr_t address, const void *bytes,
              size_t size);

/* How long the target stands: known at the end. */
void file_put_stop(struct snapshot_file *file, double stop_ms);

/* Gives the file its name, or takes it away; frees. */
bool file_end(struct snapshot_file *file,
              const struct snapshot_request *request,
              struct snapshot_result *result, struct failure *failure);

/* Bytes at their addresses, kept until they are written. */
struct log_block;
struct log {
    struct log_block *first;
    struct log_block *last;
};
void log_put(struct log *log, uintptr_t address, const void *bytes,
             size_t size);
void log_write(const struct log *log, struct snapshot_file *file);
void log_free(struct log *log);

/* Puts all metadata, and of the program's memory nothing else. */
void redact_put(const struct model *model, struct log *log,
                struct snapshot_result *result);

/* Puts all that is stored, page by page. */
void content_put(const struct model *model, struct snapshot_file *file,
                 struct snapshot_result *result);

#endif
