/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_ROOT_H
#define LAYOUT_ROOT_H
/*
 * The published root: where a reader of a live process, a core or a snapshot
 * begins.  It lies in the library's .data and is found in one of three ways:
 *
 *   1. the dynamic symbol `liballoc_root` (survives strip);
 *   2. the ELF note of owner "LIBALLOC": a 64-bit distance from that very
 *      word to the root, the same in the file and in memory;
 *   3. its magic, at an address that its own `self` repeats.
 *
 *   heap_root -> types[] fields[]  what each structure looks like
 *             -> regions[]         which fields name stretches of memory
 *             -> zones, heaps, mmap_table, object_caches, tunables
 *
 * The first 32 bytes never change, whatever the version: a reader looks at
 * them, then refuses another major version.  Within one it reads fields by
 * name through the table; when the fingerprints agree it may as well use its
 * own structs.  Whatever it reads is hostile input: bound every walk.
 */
#include "layout/guarded.h"
#include "layout/heap.h"
#include "layout/prof.h"

/* As PNG's: not text, and broken by every usual mangling of text. */
#define ROOT_MAGIC "\x89LHEAP\n\x1a"

#define ROOT_NOTE_OWNER "LIBALLOC"

enum {
    ROOT_NOTE_TYPE = 1,
    ROOT_NAME = 20, /* bytes of a name, NUL-padded */
    ROOT_BUILD_ID = 32,
};

/* How a field's bytes are to be understood. */
enum field_encoding {
    ENC_PLAIN,      /* unsigned number, little endian */
    ENC_SIGNED,     /* two's complement */
    ENC_TEXT,       /* characters, NUL-terminated */
    ENC_POINTER,    /* to one `target`; NULL = none */
    ENC_STRUCT,     /* a `target` in place */
    ENC_LIST,       /* struct list_head, circular, of `target`s, linked by
                       their LINK; zeroed = empty */
    ENC_LINK,       /* struct list_head within an element of a LIST */
    ENC_RING,       /* pointer to the first of a circle by fd, bk, or NULL */
    ENC_CHUNK_WORD, /* size, flags, checksum: chunk_word_*() */
    ENC_KEY,        /* *object_secret ^ own struct's address: free */
    ENC_REMOTE,     /* count << 16 | index of the first object + 1 */
    ENC_TAGS,       /* pointer to a 32-bit owner tag a page */
    ENC_BITMAP,     /* pointer to a bit a page, in 64-bit words */
    ENC_SAFE_LINK,  /* POINTER, xor link_mask(own struct, *link_secret) */
};

enum {
    TYPE_ID_NONE = 0xff,
};

/* One structure. */
struct type_descriptor {
    char name[ROOT_NAME];
    uint32_t size; /* bytes, trailing padding included */
};

/* One field of one structure. */
struct field_descriptor {
    char name[ROOT_NAME];
    uint32_t offset;  /* from the start of its structure */
    uint32_t width;   /* bytes of one element */
    uint16_t count;   /* elements; 1 if it is no array */
    uint8_t type;     /* index of its structure in the types */
    uint8_t target;   /* index, or TYPE_ID_NONE */
    uint8_t encoding; /* enum field_encoding */
    uint8_t unused[3];
};

/*
 * A name for stretches of memory: each `type` has one that starts where its
 * field `start` says and is `length * unit_bits / 8` bytes long, or ends
 * where `length` says if unit_bits is 0.  (Kernels without anonymous VMA
 * names show none in /proc/PID/maps, and names stop VMAs from merging.)
 */
struct region_rule {
    char name[ROOT_NAME];
    uint16_t start;     /* index in the fields */
    uint16_t length;    /* index in the fields */
    uint32_t unit_bits; /* memory per unit of length */
};

/* An array in the described process. */
struct root_table {
    const void FAR *start;
    uint32_t count;  /* elements */
    uint32_t stride; /* bytes from one to the next: may grow */
};

enum root_state {
    ROOT_ASLEEP, /* nothing was allocated yet: the heads are empty */
    ROOT_READY,
};

/* Root flags. */
enum {
    ROOT_FLAG_CHECKS = 1, /* default-mode checks are compiled in */
    ROOT_FLAG_DEBUG = 2,  /* some ASSERT level is compiled in */
};

struct heap_root {
    /* The same in every version. */
    uint8_t magic[8];
    uint16_t major;       /* LAYOUT_MAJOR */
    uint16_t minor;       /* LAYOUT_MINOR */
    uint32_t size;        /* of this structure */
    const void FAR *self; /* its own address: no copy of it, but it */
    uint64_t fingerprint; /* over types and fields: layout_fingerprint */

    /* Who. */
    _Atomic uint32_t state; /* enum root_state.  Atomic: set by release */
    uint32_t pid;           /* in its namespace; set anew in a fork's child */
    uint64_t start_ms;      /* CLOCK_MONOTONIC at the first allocation */
    const void FAR *image;  /* ELF header of the library or program */
    uint8_t build_id[ROOT_BUILD_ID];
    uint32_t build_id_size;  /* bytes; 0 = there is none */
    uint32_t flags;          /* ROOT_FLAG_* */
    char version[ROOT_NAME]; /* of the allocator */
    uint32_t system_page;    /* bytes */

    /* Geometry. */
    uint8_t page_shift;
    uint8_t norders;
    uint8_t nslab;  /* classes that slabs can serve: bins[0 .. nslab - 1] ... */
    uint8_t nclass; /* ... and chunks: bins[nslab .. nslab + nclass - 1] */
    uint8_t nbins;  /* their sum */
    uint8_t chunk_sum_shift;
    uint8_t tag_kind_shift;
    uint8_t unused;

    /* Descriptions. */
    struct root_table types;   /* struct type_descriptor */
    struct root_table fields;  /* struct field_descriptor */
    struct root_table regions; /* struct region_rule */

    /* Heads; counts that change are pointed to. */
    struct root_table zones;    /* struct zone; count: room */
    const void FAR *zone_count; /* uint32_t */
    struct root_table heaps;    /* struct heap *; count: room; id 0 is unused */
    const void FAR *heap_count; /* uint32_t, one above the highest id */
    struct mmap_table FAR *mmap_table;
    struct list_head FAR *object_caches; /* LIST of object_cache; NULL: find
                                            them by pages of PAGE_CACHE */
    const void FAR *tunables;            /* struct tunables: a field for each */
    struct root_table tunable_table;     /* struct tunable */

    /* Encodings: pointed to, so that the root itself holds no secret. */
    const void FAR *chunk_secret;  /* uint64_t */
    const void FAR *object_secret; /* uintptr_t */
    const void FAR *link_secret;   /* uintptr_t, for link_mask(); 0: plain */
    const void FAR *canary_secret; /* uintptr_t, for canary_word() */

    struct prof FAR *prof;       /* the sampled profile (since minor 2) */
    struct guarded FAR *guarded; /* guarded samples (since minor 4) */
};
_Static_assert(offsetof(struct heap_root, self) == 16 &&
                   offsetof(struct heap_root, fingerprint) == 24,
               "every reader relies on it");
_Static_assert(sizeof(struct field_descriptor) == 36 &&
                   sizeof(struct type_descriptor) == 24 &&
                   sizeof(struct region_rule) == 28,
               "no padding of the compiler's choice");

/* TYPE_ID_zone ... and FIELD_ID_zone_base ...: indices in our own tables. */
enum type_id {
#define TYPE(s) TYPE_ID_##s,
#define FIELD(s, f, enc, target)
#define ARRAY(s, f, enc, target)
#define PRIVATE_TYPE(s) TYPE_ID_##s,
#define PRIVATE_FIELD(s, f, enc, target)
#define PRIVATE_ARRAY(s, f, enc, target)
#include "layout/fields.def"
    TYPE_ID_COUNT,
    TYPE_ID_void = TYPE_ID_NONE,
};

/* What sizeof cannot say of a member of an array. */
#define FIELD_SIZE(s, f)    sizeof(((struct s *)0)->f)
#define FIELD_ELEMENT(s, f) sizeof(((struct s *)0)->f[0])

/* One factor of the fingerprint: place, shape, and some letters of the name. */
#define FIELD_PRINT(s, f, enc, target)                                     \
    (((uint64_t)offsetof(struct s, f) * 0x9e3779b97f4a7c15u +              \
      FIELD_SIZE(s, f) * 0xbf58476d1ce4e5b9u + (uint64_t)ENC_##enc * 257 + \
      (uint64_t)TYPE_ID_##target * 65537 + sizeof(#f) * 0x100000001b3u +   \
      (uint64_t)(unsigned char)#f[sizeof(#f) / 2] * 0x1000193u) *          \
     ((uint64_t)TYPE_ID_##s * 2 + 0x94d049bb133111ebu))

#define TYPE_PRINT(s) \
    (sizeof(struct s) * (TYPE_ID_##s * 2 + 0x2545f4914f6cdd1du))

/*
 * What both sides compute from fields.def, at compile time.  Structures that
 * a reader does not declare are not part of it.
 */
static const uint64_t layout_fingerprint = (uint64_t)0
#define TYPE(s)                  ^TYPE_PRINT(s)
#define FIELD(s, f, enc, target) ^FIELD_PRINT(s, f, enc, target)
#define ARRAY(s, f, enc, target) ^FIELD_PRINT(s, f, enc, target)
#define PRIVATE_TYPE(s)
#define PRIVATE_FIELD(s, f, enc, target)
#define PRIVATE_ARRAY(s, f, enc, target)
#include "layout/fields.def"
    ;

#endif
