/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_RECORD_H
#define LAYOUT_RECORD_H
/*
 * The memory that a recorded program (record/) and `heapinspect record` share:
 * a memfd, sparse, opened by the program through /proc/PID/fd/FD.
 *
 *   | header | modules | nodes of stacks | chunk | chunk | ...
 *
 * A chunk belongs to one thread while it is FILLING, to the inspector when it
 * is FULL, to nobody when it is FREE and all zero.  An event is there when its
 * stamp is not 0: that is written last.  Stamps are drawn from one counter, so
 * that a gap is an event lost.
 *
 * Layer: layout.
 */
#include <stdint.h>

#define RECORD_VARIABLE "LIBALLOC_RECORD" /* "PID:FD" */
#define RECORD_MAGIC    UINT64_C(0x3144524f43455241)

enum record_op {
    RECORD_MALLOC = 1,
    RECORD_CALLOC,
    RECORD_ALIGNED,
    RECORD_FREE,
    RECORD_REALLOC,  /* address: the old one; drawn before the call */
    RECORD_REALLOCED /* address: the new one, or 0; drawn after it */
};

enum {
    RECORD_CHUNKS = 2048,
    RECORD_CHUNK_EVENTS = 2048,
    RECORD_NODES = 1 << 22,
    RECORD_MODULES = 1024,
    RECORD_ID_BYTES = 32,
    RECORD_PATH_BYTES = 968,
};

enum record_chunk {
    RECORD_CHUNK_FREE,
    RECORD_CHUNK_FILLING,
    RECORD_CHUNK_FULL
};

/* RECORD_WANTED: a new program in the same process, after exec(), waits until
   the inspector has begun anew. */
enum record_reset { RECORD_RUNNING, RECORD_WANTED };

struct record_header {
    uint64_t magic;             /* Immutable after init */
    uint32_t pid;               /* of the program.  Immutable after init */
    _Atomic uint32_t now;       /* ms since the start; the inspector's */
    _Atomic uint64_t stamp;     /* of the latest event */
    _Atomic uint64_t lost;      /* events, for want of a chunk or of a reader */
    _Atomic uint64_t stackless; /* stacks cut for want of nodes */
    _Atomic uint32_t nodes;     /* the next number; 0 = no stack */
    _Atomic uint32_t modules;   /* complete ones */
    _Atomic uint32_t threads;
    _Atomic uint32_t attached; /* programs that asked to be recorded */
    _Atomic uint32_t forked;   /* children that allocated, unrecorded */
    _Atomic uint32_t others;   /* programs that children executed */
    _Atomic uint32_t reset;    /* enum record_reset */
    _Atomic uint32_t chunks[RECORD_CHUNKS]; /* enum record_chunk */
    uint32_t owners[RECORD_CHUNKS];         /* threads, of chunks not FREE */
};

/* An object that code of a stack came from, the latest at an address last. */
struct record_module {
    uint64_t start;
    uint64_t end;
    uint32_t id_size; /* of the build id; 0 = it has none */
    uint32_t unused;
    uint8_t id[RECORD_ID_BYTES];
    char path[RECORD_PATH_BYTES];
};

/* A frame and its caller; a stack is the number of its innermost. */
struct record_node {
    _Atomic uint64_t pc; /* the return address, written last; 1 = unknown */
    uint32_t parent;     /* 0: outermost */
    uint32_t unused;
};

struct record_event {
    _Atomic uint64_t stamp;
    uint64_t address; /* | op << 56 | log2 of the alignment << 48 */
    uint64_t size;
    uint32_t stack;
    uint32_t ms;
};

#define RECORD_ADDRESS_BITS 48
#define RECORD_OP_SHIFT     56
#define RECORD_MODULES_AT   UINT64_C(0x10000)
#define RECORD_NODES_AT     UINT64_C(0x200000)
#define RECORD_CHUNKS_AT    UINT64_C(0x4200000)
#define RECORD_CHUNK_BYTES  (RECORD_CHUNK_EVENTS * sizeof(struct record_event))
#define RECORD_MEMORY_BYTES \
    (RECORD_CHUNKS_AT + RECORD_CHUNKS * RECORD_CHUNK_BYTES)

_Static_assert(sizeof(struct record_header) <= RECORD_MODULES_AT, "geometry");
_Static_assert(RECORD_MODULES_AT +
                       RECORD_MODULES * sizeof(struct record_module) <=
                   RECORD_NODES_AT,
               "geometry");
_Static_assert(RECORD_NODES_AT + RECORD_NODES * sizeof(struct record_node) <=
                   RECORD_CHUNKS_AT,
               "geometry");

static inline unsigned record_event_op(uint64_t word)
{
    return (unsigned)(word >> RECORD_OP_SHIFT);
}

static inline uint64_t record_event_address(uint64_t word)
{
    return word & ((UINT64_C(1) << RECORD_ADDRESS_BITS) - 1);
}

#endif
