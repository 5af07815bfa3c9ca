/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_SNAPSHOT_H
#define LAYOUT_SNAPSHOT_H
/*
 * Snapshots of a heap: ELF cores, so that debuggers open them, with notes of
 * owner ROOT_NOTE_OWNER for what a core cannot say.
 *
 *   ELF header | program headers | notes | memory, page aligned, with holes
 *
 * Memory is metadata by default: in the pages that hold some, the program's
 * own bytes are zeros.  Numbers are little endian.
 */
#include <stdint.h>

enum {
    SNAPSHOT_MAJOR = 1, /* readers refuse another one */
    SNAPSHOT_MINOR = 1, /* fields and notes only added within a major one */
    SNAPSHOT_BUILD_ID = 32,
};

enum snapshot_note {
    SNAPSHOT_NOTE_HEADER = 0x100,    /* struct snapshot_header; the first */
    SNAPSHOT_NOTE_TEXT = 0x101,      /* file of /proc/PID: name, NUL, text */
    SNAPSHOT_NOTE_RESIDENCY = 0x102, /* struct snapshot_residency, runs */
    SNAPSHOT_NOTE_IMAGES = 0x103,    /* struct snapshot_image[] */
};

enum snapshot_flags {
    SNAPSHOT_STOPPED = 1, /* its threads stood while it was taken */
    SNAPSHOT_CONTENT = 2, /* the program's bytes are in it */
    SNAPSHOT_OWN = 4,     /* written by liballoc itself */
};

struct snapshot_header {
    uint16_t major;
    uint16_t minor;
    uint32_t size; /* of this struct: may grow */
    uint32_t flags;
    uint32_t pid;         /* as its own namespace has it */
    uint64_t root;        /* address of the heap's root */
    uint64_t system_page; /* bytes */
    uint64_t time_ns;     /* CLOCK_REALTIME */
    uint64_t stop_us;     /* how long the process stood */
    uint64_t clock_ms;    /* CLOCK_MONOTONIC (since minor 1) */
};

/* Residency of `count` system pages from `start`, as runs. */
struct snapshot_residency {
    uint64_t start;
    uint64_t count;
};

struct snapshot_run {
    uint32_t count; /* pages */
    uint32_t bits;  /* enum residency */
};

/* A program or library, by what names its build. */
struct snapshot_image {
    uint64_t start; /* of its ELF header */
    uint32_t size;  /* bytes of the build id; 0: it has none */
    uint8_t build_id[SNAPSHOT_BUILD_ID];
    uint32_t unused;
};

/* What is known of one system page. */
enum residency {
    RESIDENT = 1, /* present in memory */
    SWAPPED = 2,
    HUGE = 4,    /* part of a transparent huge page */
    SHARED = 8,  /* of a file or shared memory */
    KNOWN = 128, /* the other bits mean something */
};

#endif
