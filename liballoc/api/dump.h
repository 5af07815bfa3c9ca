/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_API_DUMP_H
#define LIBALLOC_API_DUMP_H
/*
 * Between the parts of liballoc_snapshot(): the format is layout/snapshot.h's.
 *
 *   snapshot.c     the entry; forks, so that what is written stands still
 *   dump_file.c    ranges of memory in a sparse ELF file, put in any order
 *   dump_proc.c    texts of /proc, mappings, residency
 *   dump_memory.c  which bytes of our memory are metadata
 *
 * Layer: api.  Async-signal-safe: raw system calls and own mappings only, no
 * lock, no heap.  Whatever is read may be in the middle of a change.
 */
#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DUMP_WINDOW = 64 * 1024,
    DUMP_PATH = 4096,
};

/* A mapping of the process. */
struct dump_range {
    uintptr_t start;
    uintptr_t end;
    uint64_t offset; /* in the snapshot; set by dump_place() */
    uint32_t flags;  /* PF_* */
    bool is_ours;    /* it is stored */
    bool is_shared;  /* not the process's own */
};

/* Memory that grows, from the kernel. */
struct dump_buffer {
    char *bytes;
    size_t size;
    size_t room;
};

struct dump {
    int fd;
    int error;                 /* errno of the first failure; 0 = none */
    bool with_content;         /* the program's bytes too */
    size_t page;               /* system page, bytes */
    struct dump_range *ranges; /* by address */
    size_t nranges;
    size_t max_ranges;
    uint64_t end; /* of the file so far */
    uint64_t notes_at[2];
    uint64_t notes_size[2];
    struct dump_buffer maps;
    struct dump_buffer text;
    uintptr_t window_at; /* address of its first byte; 0 = none loaded */
    bool is_changed;     /* the window */
    char window[DUMP_WINDOW];
    char bounce[64 * 1024]; /* one system page of content */
    char path[DUMP_PATH];   /* of the unfinished file */
};

/* The first error stays. */
static inline void dump_fail(struct dump *dump, long error)
{
    if (dump->error == 0)
        dump->error = (int)error;
}

void dump_write_at(struct dump *dump, const void *bytes, size_t size,
                   uint64_t offset);

/* The range that holds `address`; NULL = none. */
struct dump_range *dump_range_at(struct dump *dump, uintptr_t address);

/* Gives the ranges that are ours their places behind `dump->end`. */
void dump_place(struct dump *dump);

/* Copies [address, address + size) to its place; what is not ours is left. */
void dump_put(struct dump *dump, uintptr_t address, const void *bytes,
              size_t size);
void dump_flush(struct dump *dump);

/* ELF header and program headers: last, so that a torn file is no core. */
void dump_headers(struct dump *dump);

/* Room for the program headers of `nranges`, notes included. */
uint64_t dump_headers_size(size_t nranges);

/* A whole file into the buffer, which is emptied first; false: unreadable. */
bool dump_read_file(struct dump_buffer *buffer, const char *path);
void dump_buffer_free(struct dump_buffer *buffer);

/* The mappings of the process, from dump->maps. */
void dump_parse_maps(struct dump *dump);

/* The notes that are best written by the process itself. */
void dump_notes(struct dump *dump);

/* How long the process was held up: known when the notes are out. */
void dump_stop_time(struct dump *dump, uint64_t us);

/* Residency of all ranges that are ours. */
void dump_residency(struct dump *dump);

/* Calls for each stretch of memory that may hold metadata. */
void dump_mark_ours(struct dump *dump);

/* Puts all metadata, or all bytes of what is ours. */
void dump_memory(struct dump *dump);

#endif
