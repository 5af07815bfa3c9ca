/* SPDX-License-Identifier: MIT */
#ifndef TARGET_H
#define TARGET_H
/*
 * What is looked at: a live process, a core or a snapshot, behind one
 * interface.  Memory is read by value; whatever comes back is hostile input:
 * bound every walk, check every index.
 *
 *   verbs -> walk/ -> target.h -> process.c   process_vm_readv, /proc
 *                              -> elf_core.c  cores and snapshots, mapped
 *
 * Nothing here knows what a heap is, but for where its root lies.
 */
#include "layout/root.h"
#include "layout/snapshot.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target;

enum target_kind {
    TARGET_PROCESS,
    TARGET_CORE,
    TARGET_SNAPSHOT, /* our own: a core with our notes */
};

enum target_mode {
    MODE_PEEK, /* the process runs on; epochs and retries */
    MODE_STOP, /* its threads are held while the metadata is read */
};

struct target_options {
    enum target_mode mode;
};

/*
 * `name`: a PID, "name:PROGRAM" or a program's name, "self", or the path of a
 * core or snapshot.  NULL with *failure filled: it cannot be opened at all.
 * A process without liballoc opens (kernel verbs work): target_root() is then
 * NULL and target_why_rootless() says why.
 */
struct target *target_open(const char *name,
                           const struct target_options *options,
                           struct failure *failure);
void target_close(struct target *target);

enum target_kind target_kind(const struct target *target);
enum target_mode target_mode(const struct target *target);
pid_t target_pid(const struct target *target);        /* 0: not known */
const char *target_name(const struct target *target); /* as the user gave it */
const char *target_program(const struct target *target); /* comm; "" */

/* A file that ends too early: no answer is STATUS_FINE. */
bool target_is_incomplete(const struct target *target);

/* A copy of the root and its address; NULL: there is none, or not ours. */
const struct heap_root *target_root(const struct target *target);
uintptr_t target_root_address(const struct target *target);
const struct failure *target_why_rootless(const struct target *target);

/*
 * Stops every thread (MODE_STOP; nothing in other modes and kinds) and lets
 * them go.  Held as short as can be: read metadata between the two, think
 * after.  target_stop_ms(): how long they stood in all.
 */
bool target_hold(struct target *target, struct failure *failure);
void target_release(struct target *target);
double target_stop_ms(const struct target *target);

/*
 * Copies [address, address + size) to `out`, anew each time; false: not all is
 * readable.
 */
bool far_read(struct target *target, uintptr_t address, void *out, size_t size);

/*
 * The same of private anonymous memory, the heap's: a page that was never
 * touched is taken for the zeros that it would show, and not faulted in.  More
 * than FAR_VIEW_MAX bytes are read as by far_read().
 */
bool far_copy(struct target *target, uintptr_t address, void *out, size_t size);

/*
 * How many of `size` bytes may be read at once, `needed` of them in any case,
 * without making the process larger: up to the next page that is not in
 * memory.
 */
size_t far_ahead(struct target *target, uintptr_t address, size_t needed,
                 size_t size);

/*
 * The same without a copy where possible: valid until the next far_view() of
 * this target.  At most FAR_VIEW_MAX bytes, perhaps misaligned: memcpy() them.
 * NULL: not readable.  Reads of neighbours are served from a window, so
 * sequential walks cost few system calls.
 */
const void *far_view(struct target *target, uintptr_t address, size_t size);
enum { FAR_VIEW_MAX = 1 << 20 };

/* The same as far_copy() would have it. */
const void *far_view_heap(struct target *target, uintptr_t address,
                          size_t size);

/* Drops the window: what is read next is new. */
void far_forget(struct target *target);

/*
 * One struct of the layout, by its id in fields.def, into our own declaration
 * of it: a plain copy if the fingerprints agree, else field by field through
 * the target's descriptors; fields that it does not have become 0.
 */
bool far_struct(struct target *target, enum type_id type, uintptr_t address,
                void *out);

/* sizeof the struct in the target (arrays of them); 0: it has none such. */
size_t far_sizeof(struct target *target, enum type_id type);

/*
 * A field by name (PRIVATE_* types have no declaration of ours); false: the
 * target has none.
 */
bool far_field(struct target *target, const char *type, const char *field,
               struct field_descriptor *out);

/* The address in a FAR pointer. */
#define FAR_ADDRESS(p) ((uintptr_t)(p))

/* One mapping; from /proc/PID/smaps, or from PT_LOAD and NT_FILE. */
struct vma {
    uintptr_t start;
    uintptr_t end;
    uint64_t offset; /* in the file, bytes */
    uint64_t inode;
    char prot[5];     /* "rw-p" */
    const char *name; /* path, [heap], ... ; "" = anonymous */
    bool has_use;     /* the rest is known */
    size_t rss, pss, private_dirty, shared_dirty; /* bytes */
    size_t anonymous, lazyfree, anon_huge, swap, locked;
    char flags[64]; /* VmFlags */
};

/* Sorted by address; owned by the target; read anew by target_refresh(). */
const struct vma *target_vmas(struct target *target, size_t *count);
const struct vma *target_vma_at(struct target *target, uintptr_t address);

/* The mappings of files, sorted, in an array to be freed; names are the
   target's. */
struct vma *target_files(struct target *target, size_t *count);

/* What names a build of a program or library. */
struct build_id {
    bool is_known; /* its image could be looked at */
    uint32_t size; /* bytes; 0: it has none */
    uint8_t bytes[ROOT_BUILD_ID];
};

/* Of the image whose ELF header lies at `start`. */
void target_build_id(struct target *target, uintptr_t start,
                     struct build_id *id);

/* The id among ELF notes; false: there is none. */
bool build_id_find(const uint8_t *notes, size_t size, struct build_id *id);

/* CLOCK_MONOTONIC of the target when it was taken; 0: not known. */
uint64_t target_clock_ms(const struct target *target);

/*
 * Does all of [start, start + size) lie in mappings?  Looks again before it
 * says no, once after each far_forget().
 */
bool target_is_mapped(struct target *target, uintptr_t start, size_t size);

/*
 * A byte of enum residency bits for each of the `count` system pages from
 * `address` (PAGEMAP_SCAN, else /proc/PID/pagemap; snapshots carry it; cores
 * do not know: all 0).  False: not known for any.
 */
bool target_residency(struct target *target, uintptr_t address, size_t count,
                      uint8_t *out);
size_t target_page_size(const struct target *target); /* system page, bytes */

/* A text file of /proc/PID ("status", "limits", ...), whole; kept in
   snapshots, NULL where unknown.  Owned by the target. */
const char *target_proc(struct target *target, const char *file);

/* Forgets everything read so far, and its warnings: `top` looks again. */
bool target_refresh(struct target *target, struct failure *failure);

/* A process that has ended since it was opened, or is a zombie: what is read
   of it from then on fails. */
bool target_has_ended(struct target *target);

/* What could not be had or did not fit, for "warnings" of every output. */
void target_warn(struct target *target, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *const *target_warnings(const struct target *target, size_t *count);

#endif
