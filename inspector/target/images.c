/* SPDX-License-Identifier: MIT */
/*
 * Which files are mapped where, and which builds of them: ids come from the
 * image in the target's memory, never from its file, which may be another one
 * by now.  Snapshots keep them in a note, and the
 * time at which they were taken in their header.
 */
#include "target/elf_core.h"
#include "target/image.h"

#include "memory.h"

#include <string.h>

enum { NOTES_MAX = 64 * 1024 };

bool build_id_find(const uint8_t *notes, size_t size, struct build_id *id)
{
    Elf64_Nhdr note;

    for (size_t at = 0; at + sizeof note <= size;) {
        memcpy(&note, notes + at, sizeof note);
        size_t name = at + sizeof note;
        size_t desc = name + (((size_t)note.n_namesz + 3) & ~(size_t)3);
        at = desc + (((size_t)note.n_descsz + 3) & ~(size_t)3);
        if (desc > size || at > size)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(notes + name, "GNU", 4) == 0 && note.n_descsz > 0 &&
            note.n_descsz <= sizeof id->bytes) {
            memcpy(id->bytes, notes + desc, note.n_descsz);
            id->size = note.n_descsz;
            return true;
        }
    }
    return false;
}

static void from_memory(struct target *target, uintptr_t start,
                        struct build_id *id)
{
    struct image image;

    if (!image_open(target, start, &image))
        return;
    id->is_known = true;
    for (size_t i = 0; i < image.nheaders && id->size == 0; i++) {
        const Elf64_Phdr *header = &image.headers[i];
        if (header->p_type != PT_NOTE || header->p_memsz > NOTES_MAX)
            continue;
        const uint8_t *notes =
            far_view(target, image.bias + header->p_vaddr, header->p_memsz);
        if (notes == NULL) {
            id->is_known = false;
        } else if (build_id_find(notes, header->p_memsz, id)) {
            id->is_known = true;
        }
    }
}

void target_build_id(struct target *target, uintptr_t start,
                     struct build_id *id)
{
    *id = (struct build_id){0};
    if (target->kind == TARGET_SNAPSHOT &&
        core_notes_image(target->state, start, id))
        return;
    from_memory(target, start, id);
}

/* gdb's cores have no segment for what is in files anyway. */
static void vma_of_file(const struct elf_core *core,
                        const struct core_file *file, struct vma *vma)
{
    bool is_data = false;

    for (size_t i = 0; i < core->nsegments; i++) {
        const struct core_segment *segment = &core->segments[i];
        if (segment->start <= file->start &&
            file->start - segment->start < segment->size)
            is_data = (segment->flags & PF_X) == 0;
    }
    *vma = (struct vma){
        .start = file->start,
        .end = file->end,
        .offset = file->offset,
        .name = file->name,
    };
    memcpy(vma->prot, is_data ? "r--p" : "r-xp", sizeof vma->prot);
}

struct vma *target_files(struct target *target, size_t *count)
{
    const struct elf_core *core = target->state;
    size_t all = target->kind == TARGET_CORE ? core->nfiles : 0;
    const struct vma *vmas =
        target->kind != TARGET_CORE ? target_maps(target, &all) : NULL;
    struct vma *files = xcalloc(all, sizeof *files);

    *count = 0;
    for (size_t i = 0; i < all; i++) {
        if (vmas == NULL) {
            vma_of_file(core, &core->files[i], &files[(*count)++]);
        } else if (vmas[i].name[0] == '/') {
            files[(*count)++] = vmas[i];
        }
    }
    return files;
}

uint64_t target_clock_ms(const struct target *target)
{
    if (target->kind == TARGET_PROCESS)
        return (uint64_t)now_ms();
    const struct elf_core *core = target->state;
    return target->kind == TARGET_SNAPSHOT ? core->snapshot.clock_ms : 0;
}
