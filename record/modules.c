/* SPDX-License-Identifier: MIT */
/* Objects that code of stacks came from, with their build ids. */
#include "stacks.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { NOTE_ALIGN = 4, PAGE = 4096 };

/* Protected by: lock. */
static uint64_t names[RECORD_MODULES]; /* hashes of link_map names */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return hash;
}

static void take_notes(const char *note, size_t size,
                       struct record_module *module)
{
    ElfW(Nhdr) header;

    while (size >= sizeof header) {
        memcpy(&header, note, sizeof header);
        size_t name = (header.n_namesz + NOTE_ALIGN - 1) & ~3ul;
        size_t desc = (header.n_descsz + NOTE_ALIGN - 1) & ~3ul;
        size_t all = sizeof header + name + desc;
        if (all > size)
            return;
        if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 &&
            memcmp(note + sizeof header, ELF_NOTE_GNU, 4) == 0 &&
            header.n_descsz <= RECORD_ID_BYTES) {
            module->id_size = header.n_descsz;
            memcpy(module->id, note + sizeof header + name, header.n_descsz);
            return;
        }
        note += all;
        size -= all;
    }
}

/* The header lies at the start, as the linkers have it, or there is no id. */
static void take_id(struct record_module *module)
{
    uintptr_t start = module->start;
    const ElfW(Ehdr) *header = (const void *)start;
    uintptr_t first = UINTPTR_MAX;

    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) ||
        header->e_phoff + header->e_phnum * sizeof(ElfW(Phdr)) > PAGE)
        return;
    const ElfW(Phdr) *segments = (const void *)(start + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum && module->id_size == 0; i++) {
        const ElfW(Phdr) *segment = &segments[i];
        if (segment->p_type == PT_LOAD && first == UINTPTR_MAX)
            first = segment->p_vaddr & ~(uintptr_t)(PAGE - 1);
    }
    for (unsigned i = 0; i < header->e_phnum && module->id_size == 0; i++) {
        const ElfW(Phdr) *segment = &segments[i];
        if (segment->p_type == PT_NOTE && first != UINTPTR_MAX)
            take_notes((const char *)(start + segment->p_vaddr - first),
                       segment->p_memsz, module);
    }
}

static void take_path(const struct link_map *map, struct record_module *module)
{
    const char *name = map->l_name;

    if (name == NULL || *name == '\0') {
        (void)!readlink("/proc/self/exe", module->path,
                        sizeof module->path - 1);
        return;
    }
    strncpy(module->path, name, sizeof module->path - 1);
}

static bool is_known(const struct record_module *all, uint32_t count,
                     const struct dl_find_object *found, uint64_t name)
{
    for (uint32_t i = count; i-- > 0;) {
        if (all[i].start == (uintptr_t)found->dlfo_map_start)
            return all[i].end == (uintptr_t)found->dlfo_map_end &&
                   names[i] == name;
    }
    return false;
}

void modules_note(struct record_header *header, uintptr_t pc)
{
    struct record_module *all = (void *)((char *)header + RECORD_MODULES_AT);
    struct dl_find_object found;

    if (_dl_find_object((void *)(pc - 1), &found) != 0)
        return;
    const char *name = found.dlfo_link_map->l_name;
    uint64_t hash = hash_of(name != NULL ? name : "");
    pthread_mutex_lock(&lock);
    uint32_t count = atomic_load(&header->modules);
    if (count < RECORD_MODULES && !is_known(all, count, &found, hash)) {
        struct record_module *module = &all[count];
        names[count] = hash;
        module->start = (uintptr_t)found.dlfo_map_start;
        module->end = (uintptr_t)found.dlfo_map_end;
        take_id(module);
        take_path(found.dlfo_link_map, module);
        /* release: publishes the module; pairs with the inspector's read */
        atomic_store_explicit(&header->modules, count + 1,
                              memory_order_release);
    }
    pthread_mutex_unlock(&lock);
}
