/* SPDX-License-Identifier: MIT */
/*
 * Where the root lies: by symbol, by note, by magic (layout/root.h).  Images
 * are read from the target's memory, never opened by their path: so it is the
 * same in a container, after an upgrade of the file, and in a core.
 */
#include "target/backend.h"
#include "target/image.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    TYPES_MAX = 250,
    FIELDS_MAX = 8192,
    STRIDE_MAX = 1024,
    SCAN_MAX = 64 << 20, /* bytes of one mapping searched for the magic */
};

/* NULL, or why the heap is not one that we may read. */
static const char *refusal(const struct heap_root *root, uintptr_t address)
{
    if (memcmp(root->magic, ROOT_MAGIC, sizeof root->magic) != 0)
        return "the liballoc root has no magic: damaged";
    if (FAR_ADDRESS(root->self) != address)
        return "what looks like a liballoc root is a copy of one";
    return NULL;
}

static bool try_root(struct target *target, uintptr_t address)
{
    struct heap_root *root = &target->root;

    if (address == 0 || target->rootless.status == STATUS_UNSUPPORTED)
        return false;
    /* Its first 32 bytes are the same in every version. */
    memset(root, 0, sizeof *root);
    if (!far_read(target, address, root, 32)) {
        (void)fail(&target->rootless, STATUS_INCOMPLETE,
                   "the liballoc root at %#lx is not readable",
                   (unsigned long)address);
        return false;
    }
    const char *why = refusal(root, address);
    if (why != NULL) {
        (void)fail(&target->rootless, STATUS_GONE, "%s", why);
        return false;
    }
    if (root->major != LAYOUT_MAJOR) {
        (void)fail(&target->rootless, STATUS_UNSUPPORTED,
                   "the heap has layout %u.%u, this inspector reads %u.x: use "
                   "the one that came with that liballoc",
                   root->major, root->minor, LAYOUT_MAJOR);
        return false;
    }
    /* Within a major version fields are only added, at the end. */
    size_t size = root->size < sizeof *root ? root->size : sizeof *root;
    if (size < 32 || !far_read(target, address, root, size)) {
        (void)fail(&target->rootless, STATUS_INCOMPLETE,
                   "the liballoc root at %#lx is cut short",
                   (unsigned long)address);
        return false;
    }
    root->version[sizeof root->version - 1] = '\0';
    target->root_address = address;
    return true;
}

static bool try_image(struct target *target, uintptr_t start)
{
    struct image image;

    if (!image_open(target, start, &image))
        return false;
    return try_root(target, image_symbol(target, &image, "liballoc_root")) ||
           try_root(target, image_root_by_note(target, &image));
}

/* Any file mapped from its beginning may be an image: those of our name first,
   then the program (first in order), then all. */
static bool by_images(struct target *target)
{
    size_t count;
    const struct vma *vmas = target_maps(target, &count);

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            const struct vma *vma = &vmas[i];
            bool ours = strstr(vma->name, "liballoc") != NULL;
            if (vma->offset != 0 || vma->prot[0] != 'r' ||
                (vma->name[0] != '/' && target->kind == TARGET_PROCESS) ||
                ours != (pass == 0))
                continue;
            if (try_image(target, vma->start))
                return true;
        }
    }
    return false;
}

static bool scan_for_magic(struct target *target, uintptr_t start, size_t size)
{
    enum { STEP = 64 * 1024 };
    uint64_t magic;

    memcpy(&magic, ROOT_MAGIC, sizeof magic);
    for (size_t at = 0; at < size && at < SCAN_MAX; at += STEP) {
        size_t length = size - at < STEP ? size - at : STEP;
        const uint8_t *bytes = far_view(target, start + at, length);
        for (size_t i = 0; bytes != NULL && i + 24 <= length; i += 8) {
            uintptr_t self;
            uint64_t word;
            memcpy(&word, bytes + i, sizeof word);
            if (word != magic)
                continue;
            memcpy(&self, bytes + i + offsetof(struct heap_root, self),
                   sizeof self);
            if (self == start + at + i)
                return try_root(target, self);
        }
    }
    return false;
}

/* Its .data is a private writable mapping of a file; cores may not know. */
static bool by_magic(struct target *target)
{
    size_t count;
    const struct vma *vmas = target_maps(target, &count);

    for (size_t i = 0; i < count; i++) {
        const struct vma *vma = &vmas[i];
        bool of_file = vma->name[0] == '/' || target->kind != TARGET_PROCESS;
        if (vma->prot[1] == 'w' && of_file &&
            scan_for_magic(target, vma->start, vma->end - vma->start))
            return true;
    }
    return false;
}

/* A table of descriptors, each cut to the size that we know. */
static void *read_table(struct target *target, const struct root_table *table,
                        size_t most, size_t size, size_t *count)
{
    *count = 0;
    if (table->count > most || table->stride < size ||
        table->stride > STRIDE_MAX)
        return NULL;
    char *rows = xcalloc(table->count, table->stride);
    if (!far_read(target, FAR_ADDRESS(table->start), rows,
                  (size_t)table->count * table->stride)) {
        free(rows);
        return NULL;
    }
    *count = table->count;
    for (size_t i = 1; i < *count; i++)
        memmove(rows + i * size, rows + i * table->stride, size);
    return rows;
}

static void read_descriptors(struct target *target)
{
    const struct heap_root *root = &target->root;

    free(target->types);
    free(target->fields);
    free(target->matched);
    target->matched = NULL;
    target->types = read_table(target, &root->types, TYPES_MAX,
                               sizeof *target->types, &target->ntypes);
    target->fields = read_table(target, &root->fields, FIELDS_MAX,
                                sizeof *target->fields, &target->nfields);
    target->same_layout = root->fingerprint == layout_fingerprint;
    if (!target->same_layout && (target->ntypes == 0 || target->nfields == 0)) {
        (void)fail(&target->rootless, STATUS_INCOMPLETE,
                   "the heap's layout is not ours, and its description is not "
                   "readable");
        target->root_address = 0;
    }
}

void root_find(struct target *target)
{
    target->root_address = 0;
    (void)fail(&target->rootless, STATUS_GONE, "there is no liballoc in %s",
               target->name);
    if (try_root(target, target->root_hint) || by_images(target) ||
        by_magic(target))
        read_descriptors(target);
    far_forget(target);
}
