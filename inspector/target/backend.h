/* SPDX-License-Identifier: MIT */
#ifndef TARGET_BACKEND_H
#define TARGET_BACKEND_H
/*
 * Inside of target/: what a target is made of, and what each kind provides.
 * Others include target.h.
 */
#include "target/target.h"

enum {
    WARNINGS_MAX = 32,
    PROGRAM_MAX = 64,
};

/* A copy of a stretch of a process's memory; serves far_view(). */
struct window {
    uint8_t *bytes;
    uintptr_t start;
    size_t size;   /* valid bytes */
    size_t stride; /* bytes read at a time: doubles as long as walks go on */
};

/* A text of /proc/PID, kept. */
struct proc_text {
    struct proc_text *next;
    char *file;
    char *text; /* NULL: there is none */
};

struct mapped_stretch {
    uintptr_t start;
    uintptr_t end;
};

/* What target_is_mapped() goes by. */
struct mapped {
    struct mapped_stretch *all; /* sorted, apart */
    size_t count;
    bool fresh; /* read since the last far_forget() */
};

struct backend {
    /* Bytes copied, from the start; fewer than `size`: the rest is not
       readable. */
    size_t (*read)(struct target *target, uintptr_t address, void *out,
                   size_t size);
    /* Where the bytes lie in our own memory; NULL: read() them. */
    const void *(*view)(struct target *target, uintptr_t address, size_t size);
    /* Fills target->vmas; `use`: with what they hold. */
    bool (*load_vmas)(struct target *target, bool use);
    bool (*residency)(struct target *target, uintptr_t address, size_t count,
                      uint8_t *out);
    /* A text of /proc/PID, allocated; NULL: there is none. */
    char *(*proc)(struct target *target, const char *file);
    bool (*hold)(struct target *target, struct failure *failure);
    /* When (now_ms()) the last thread was let go. */
    double (*release)(struct target *target);
    /* Is it still the same one? */
    bool (*refresh)(struct target *target, struct failure *failure);
    void (*close)(struct target *target);
};

struct target {
    const struct backend *backend;
    void *state; /* the backend's */
    enum target_kind kind;
    enum target_mode mode;
    bool incomplete; /* a file that is cut */
    pid_t pid;
    char *name;
    char program[PROGRAM_MAX];
    size_t page_size;

    uintptr_t root_hint; /* where a snapshot says it is; 0 */
    struct heap_root root;
    uintptr_t root_address; /* 0: there is none */
    struct failure rootless;
    bool same_layout; /* our structs are the target's */
    struct type_descriptor *types;
    size_t ntypes;
    struct field_descriptor *fields;
    size_t nfields;
    struct field_descriptor *matched; /* of our fields; width 0: it has none */

    struct window window;
    struct mapped mapped;
    struct vma *vmas;
    size_t nvmas;
    bool vmas_loaded;
    bool vmas_with_use;
    char *vma_names; /* backs vma.name */
    struct proc_text *proc;

    unsigned held; /* depth of target_hold() */
    double held_since_ms;
    double stop_ms;
    char *warnings[WARNINGS_MAX];
    size_t nwarnings;
};

/* process.c, elf_core.c: fill a target that is zeroed but for its options. */
bool process_open(struct target *target, pid_t pid, struct failure *failure);
bool elf_core_open(struct target *target, const char *path,
                   struct failure *failure);

/* names.c: a PID by a program's name; 0 with *failure. */
pid_t process_by_name(const char *name, struct failure *failure);

/* Our id of the thread that knows itself as `inner` (it may live in another
   PID namespace); 0: there is none. */
pid_t process_thread(pid_t pid, pid_t inner);

/* root.c: fills root, root_address, rootless and the descriptors. */
void root_find(struct target *target);

/* hold.c: the process backend's. */
struct hold;
struct hold *hold_take(pid_t pid, struct failure *failure);
double hold_drop(struct hold *hold);        /* when the last thread went */
size_t hold_loose(const struct hold *hold); /* threads that did not stop */

double now_ms(void);

/* Mappings without what they hold: quick. */
const struct vma *target_maps(struct target *target, size_t *count);

#endif
