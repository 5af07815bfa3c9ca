/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_SLAB_H
#define LAYOUT_SLAB_H
/*
 * Slab layer: size classes, slabs, slab caches.
 *
 * A slab is a block of 2^order pages of equal objects.  No object crosses a
 * page, so an address tells its object from the offset in its page alone:
 *
 *   page 0                page 1                      objs_page = 3
 *   |obj0|obj1|obj2|..|   |obj3|obj4|obj5|..|   ...   .. colour or waste
 *
 * A free object is {next, key}: key = secret ^ address marks it as free.
 */
#include "layout/page.h"

enum {
    NCLASS = 96,          /* size classes, 16 bytes to MEDIUM_MAX */
    NSLAB = 64,           /* of these, classes that slabs can serve */
    SMALL_MAX = 1024,     /* sizes that malloc() looks up in a table */
    SLAB_MAX = 16 * 1024, /* size of class NSLAB - 1: one object a page */
    MEDIUM_MAX = 256 * 1024,
};

/* Smallest class whose objects hold `size` bytes; 1..MEDIUM_MAX. */
static inline unsigned size_class(size_t size)
{
    if (size <= 256)
        return (unsigned)((size + 15) >> 4) - 1;
    unsigned b = 63u ^ (unsigned)__builtin_clzl(size - 1);
    return 8 * b + (unsigned)((size - 1) >> (b - 3)) - 56;
}

/* Largest class whose objects fit in `size` bytes; 16..MEDIUM_MAX. */
static inline unsigned size_class_floor(size_t size)
{
    if (size < 256)
        return (unsigned)(size >> 4) - 1;
    unsigned b = 63u ^ (unsigned)__builtin_clzl(size);
    return 8 * b + (unsigned)(size >> (b - 3)) - 57;
}

/* Bytes of an object of the class. */
static inline size_t size_class_bytes(unsigned cls)
{
    if (cls < 16)
        return (cls + 1) * 16;
    unsigned b = (cls - 16) / 8 + 8;
    return ((size_t)(cls - 16) % 8 + 9) << (b - 3);
}

/*
 * `offset` (below 2^16) is a multiple of the size behind the magic when
 * (uint32_t)(offset * magic) < magic.
 * Source: Lemire, Kaser, Kurz, Faster Remainder by Direct Computation, 2019.
 */
static inline uint32_t divide_magic(size_t size)
{
    return (uint32_t)(0xffffffffu / size + 1);
}

static inline int is_multiple(uint32_t offset, uint32_t magic)
{
    return (uint32_t)(offset * magic) < magic;
}

/* offset / size for multiples of it, from the same magic. */
static inline uint32_t divide_exact(uint32_t offset, uint32_t magic)
{
    return (uint32_t)(((uint64_t)offset * magic) >> 32);
}

/* A free object, in the object's own memory. */
struct free_object {
    struct free_object FAR *next; /* NULL at the end; xor link_mask() */
    uintptr_t key;                /* secret ^ own address */
};

/*
 * What the link of a free object at `address` is stored xor.  The secret is
 * odd in hardened mode; otherwise 0, and so is the mask: links are plain.
 */
static inline uintptr_t link_mask(uintptr_t address, uintptr_t secret)
{
    uintptr_t mixed = (address ^ secret) * secret;

    return mixed ^ mixed >> 32;
}

/*
 * Hardened mode: the last word of the usable bytes of a block in use.  Its
 * first byte is never zero: the end of a string too long shows.
 */
static inline uintptr_t canary_word(uintptr_t address, uintptr_t secret)
{
    return link_mask(address, secret) | 1;
}

/*
 * Slabs of objects up to SMALL_MAX are one page, others (and those of object
 * caches) two; only carved objects are ever touched.
 */
enum {
    SLAB_ORDERS = 2,
    SLAB_ORDER_MAX = SLAB_ORDERS - 1,
    SLAB_BYTES_MAX = PAGE_BYTES << SLAB_ORDER_MAX,
    NSLAB_SINGLE = 32, /* classes of one page; size_class(SMALL_MAX) is last */
};

/* By class, or NSLAB for object caches, or tag_kind(). */
static inline unsigned slab_order(unsigned cls)
{
    return cls >= NSLAB_SINGLE;
}

static inline size_t slab_bytes(unsigned cls)
{
    return (size_t)PAGE_BYTES << slab_order(cls);
}

/* The first page of the slab that has the page. */
static inline size_t slab_head(size_t pfn, unsigned cls)
{
    return pfn & ~(size_t)slab_order(cls);
}

enum slab_list { /* where a slab is linked */
                 SLAB_FULL,
                 SLAB_PARTIAL,
                 SLAB_EMPTY,
                 SLAB_ACTIVE,
};

/* Overlays struct page of the first page. */
struct slab {
    _Atomic uint8_t state; /* PAGE_SLAB or PAGE_CACHE, as in struct page */
    uint8_t order;         /* pages: 2^order */
    uint8_t on_list;       /* enum slab_list */
    uint8_t zone;          /* index of its zone */
    uint32_t heap_id;      /* owner; 0 for object caches */
    struct list_head lru;  /* one of its cache's lists */
    struct slab_cache FAR *cache;     /* it belongs to */
    struct free_object FAR *freelist; /* free objects, carved ones only */
    struct slab FAR *pending_next;    /* on the owner's pending stack */
    uint16_t inuse;  /* objects out: in use, in bins, or on remote */
    uint16_t carved; /* objects [0, carved) have been out once */
    uint16_t nobjects;
    uint8_t cls;                /* size class */
    uint8_t colour;             /* start of the objects in each page / 16 */
    _Atomic uint32_t remote;    /* freed by others: count << 16 | index of the
                                first + 1.  Atomic: freers push by release,
                                the owner takes all by acquire */
    _Atomic uint32_t carved_to; /* behind the last carved object, from the
                                   last multiple of SLAB_BYTES_MAX on.
                                   Atomic: freers check against it */
};
_Static_assert(sizeof(struct slab) == sizeof(struct page), "overlay");
_Static_assert(offsetof(struct slab, lru) == offsetof(struct page, lru) &&
                   offsetof(struct slab, zone) == offsetof(struct page, zone),
               "struct slab and struct page agree");

/* Slabs of one object size and one owner.  Protected by: the owner's lock */
struct slab_cache {
    struct slab FAR *active;  /* refills come from it first */
    struct list_head partial; /* some objects free */
    struct list_head full;    /* none free */
    struct list_head empty;   /* all free; kept: at most one */
    uint32_t size;            /* bytes of an object, multiple of 16 */
    uint32_t magic;           /* divide_magic(size) */
    uint32_t nr_slabs;        /* all its slabs */
    uint16_t objs_page;       /* objects a page */
    uint8_t cls;              /* size class, or NSLAB for object caches */
    uint8_t state;            /* page_state of its slabs */
    uint8_t colour_next;      /* of the next slab / 16 */
    uint8_t colour_max;
    uint8_t colour_step; /* / 16: the objects' alignment; 0 = none */
};

#endif
