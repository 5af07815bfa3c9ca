/* SPDX-License-Identifier: MIT */
#include "api/root.h"

#include "arena/chunk.h"
#include "arena/mmap_kept.h"
#include "base/atomic.h"
#include "base/config.h"
#include "base/syscall.h"
#include "base/tunables.h"
#include "harden/canary.h"
#include "harden/guarded.h"
#include "heap/registry.h"
#include "liballoc.h"
#include "os/os_mem.h"
#include "page/page_map.h"
#include "prof/prof.h"
#include "slab/object_cache.h"
#include "slab/slab.h"

#include <elf.h>
#include <string.h>

/* The image's own ELF header; defined by the linker. */
extern HIDDEN const Elf64_Ehdr __ehdr_start;

#define STRING_OF(x) #x
#define STRING(x)    STRING_OF(x)
#define VERSION                    \
    STRING(LIBALLOC_VERSION_MAJOR) \
    "." STRING(LIBALLOC_VERSION_MINOR) "." STRING(LIBALLOC_VERSION_PATCH)
#define TABLE(array, elements)                                              \
    {                                                                       \
        .start = (array), .count = (elements), .stride = sizeof((array)[0]) \
    }

/* Under a hidden name, so that neither we nor the note go through the GOT. */
HIDDEN struct heap_root liballoc_root_own = {
    .magic = ROOT_MAGIC,
    .major = LAYOUT_MAJOR,
    .minor = LAYOUT_MINOR,
    .size = sizeof(struct heap_root),
    .self = &liballoc_root_own,
    .state = ROOT_ASLEEP,
    .image = &__ehdr_start,
    .flags = (LIBALLOC_CONFIG_CHECKS ? ROOT_FLAG_CHECKS : 0) |
             (LIBALLOC_CONFIG_DEBUG ? ROOT_FLAG_DEBUG : 0),
    .version = VERSION,
    .page_shift = PAGE_SHIFT,
    .norders = NORDERS,
    .nslab = NSLAB,
    .nclass = NCLASS,
    .nbins = NHEAPBINS,
    .chunk_sum_shift = CHUNK_SUM_SHIFT,
    .tag_kind_shift = TAG_KIND_SHIFT,
    .types = TABLE(root_types, TYPE_ID_COUNT),
    .fields.start = root_fields,
    .fields.stride = sizeof root_fields[0],
    .regions.start = root_regions,
    .regions.stride = sizeof root_regions[0],
    .zones = TABLE(zones, MAX_ZONES),
    .zone_count = &zone_count,
    .heaps = TABLE(heap_table, MAX_HEAPS),
    .heap_count = &heap_count,
    .mmap_table = &mmap_table,
    .object_caches = &object_caches,
    .tunables = &tunables,
    .tunable_table.start = tunable_table,
    .tunable_table.stride = sizeof tunable_table[0],
    .chunk_secret = &chunk_secret,
    .object_secret = &object_secret,
    .link_secret = &link_secret,
    .canary_secret = &canary_secret,
    .prof = &profile,
    .guarded = &guarded_pool,
};
extern struct heap_root liballoc_root
    __attribute__((alias("liballoc_root_own"), visibility("default")));

/*
 * The ELF note: name, then one word, the way from that word to the root.
 * (Assembler, for no C initialiser may hold a difference of addresses.)
 */
__asm__(".pushsection .note.liballoc, \"a\", %note\n"
        ".balign 4\n"
        ".long 9, 8, 1\n" /* sizes of name and word; ROOT_NOTE_TYPE */
        ".asciz \"" ROOT_NOTE_OWNER "\"\n"
        ".balign 4\n"
        ".quad liballoc_root_own - .\n"
        ".popsection\n");

/* The GNU build id among the notes [at, end), into the root. */
static void copy_build_id(const char *at, const char *end)
{
    struct heap_root *root = &liballoc_root_own;
    Elf64_Nhdr note;

    while (at + sizeof note <= end) {
        memcpy(&note, at, sizeof note);
        const char *desc =
            at + sizeof note + (((size_t)note.n_namesz + 3) & ~3u);
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            note.n_descsz <= ROOT_BUILD_ID &&
            memcmp(at + sizeof note, "GNU", 4) == 0) {
            memcpy(root->build_id, desc, note.n_descsz);
            root->build_id_size = note.n_descsz;
            return;
        }
        at = desc + (((size_t)note.n_descsz + 3) & ~3u);
    }
}

/* Addresses in the headers count from the first loaded byte, the header. */
static void find_build_id(void)
{
    const char *image = (const char *)&__ehdr_start;
    const Elf64_Phdr *first = (const void *)(image + __ehdr_start.e_phoff);
    uintptr_t bias = (uintptr_t)image;

    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        if (first[i].p_type == PT_LOAD && first[i].p_offset == 0)
            bias -= first[i].p_vaddr;
    }
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        const char *notes = (const char *)(bias + first[i].p_vaddr);
        if (first[i].p_type == PT_NOTE)
            copy_build_id(notes, notes + first[i].p_memsz);
    }
}

const struct heap_root *root_address(void)
{
    return &liballoc_root_own;
}

void root_init(void)
{
    struct heap_root *root = &liballoc_root_own;

    root->fingerprint = layout_fingerprint;
    root->fields.count = root_nfields;
    root->regions.count = root_nregions;
    root->tunable_table.count = (uint32_t)tunable_count;
    root->system_page = (uint32_t)os_page_size();
    root->start_ms = os_time_ms();
    find_build_id();
    root_after_fork();
    /* release: publishes the fields above; pairs with the reader's load */
    store_release(&root->state, ROOT_READY);
}

void root_after_fork(void)
{
    liballoc_root_own.pid = (uint32_t)syscall3(SYS_getpid, 0, 0, 0);
}
