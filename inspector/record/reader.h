/* SPDX-License-Identifier: MIT */
#ifndef RECORD_READER_H
#define RECORD_READER_H
/*
 * Reads the file of a record: the small things at once, events as they are
 * asked for, merged by their stamps.  A file is hostile input.
 */
#include "record/file.h"
#include "status.h"

struct record_frame {
    uint64_t pc;
    uint32_t parent; /* below its own number; 0: outermost */
};

/* An event of the file. */
struct record_item {
    uint64_t stamp;
    uint64_t address;
    uint64_t size;
    uint32_t thread;
    uint32_t stack; /* < nframes */
    uint32_t ms;
    enum record_op op;
};

/* A block of events, where it is. */
struct record_place {
    uint64_t offset; /* of the frame */
    struct record_block block;
};

struct record {
    int fd;
    uint64_t size; /* of the file */
    struct record_file_header header;
    char *words; /* of the command, joined by blanks */
    struct record_frame *frames;
    uint32_t nframes;
    struct record_module *modules;
    size_t nmodules;
    struct record_place *places; /* by thread and stamp */
    size_t nplaces;
    struct record_end end;
    bool has_end;  /* else the recording was cut short */
    uint64_t used; /* bytes up to the last whole block */
};

/* NULL with the failure: no such file, or no record. */
struct record *record_open(const char *path, struct failure *failure);
void record_close(struct record *record);

typedef void record_visit(void *context, const struct record_item *item);

/* All events in their order; false: a block was damaged, its events left
   out. */
bool record_walk(const struct record *record, record_visit *visit,
                 void *context);

/* A block's content, `raw_size` long, freed by the caller; NULL: damaged. */
uint8_t *record_content(const struct record *record, uint64_t offset,
                        const struct record_block *block);

#endif
