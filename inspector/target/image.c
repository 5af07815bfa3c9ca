/* SPDX-License-Identifier: MIT */
#include "target/image.h"

#include <string.h>

enum {
    NOTES_MAX = 64 * 1024,
    DYNAMIC_MAX = 1024,
    CHAIN_MAX = 4096, /* symbols of one hash bucket */
    NAME_MAX = 64,
};

bool image_open(struct target *target, uintptr_t start, struct image *image)
{
    Elf64_Ehdr elf;

    if (!far_read(target, start, &elf, sizeof elf) ||
        memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
        elf.e_ident[EI_CLASS] != ELFCLASS64 ||
        elf.e_phentsize != sizeof(Elf64_Phdr) || elf.e_phnum > IMAGE_HEADERS ||
        (elf.e_type != ET_DYN && elf.e_type != ET_EXEC))
        return false;
    image->start = start;
    image->bias = 0;
    image->nheaders = elf.e_phnum;
    if (!far_read(target, start + elf.e_phoff, image->headers,
                  image->nheaders * sizeof *image->headers))
        return false;
    for (size_t i = 0; i < image->nheaders; i++) {
        const Elf64_Phdr *header = &image->headers[i];
        if (header->p_type == PT_LOAD && header->p_offset == 0) {
            image->bias = start - header->p_vaddr;
            return true;
        }
    }
    return false;
}

/* What a lookup by name needs of the dynamic section; addresses. */
struct dynamic {
    uintptr_t symbols;
    uintptr_t strings;
    size_t strings_size;
    uintptr_t hash; /* DT_GNU_HASH */
};

/* ld.so makes these addresses absolute, but not on every machine. */
static uintptr_t absolute(const struct image *image, uintptr_t address)
{
    return address < image->start ? address + image->bias : address;
}

static void take_entry(const struct image *image, const Elf64_Dyn *entry,
                       struct dynamic *dynamic)
{
    if (entry->d_tag == DT_SYMTAB) {
        dynamic->symbols = absolute(image, entry->d_un.d_ptr);
    } else if (entry->d_tag == DT_STRTAB) {
        dynamic->strings = absolute(image, entry->d_un.d_ptr);
    } else if (entry->d_tag == DT_GNU_HASH) {
        dynamic->hash = absolute(image, entry->d_un.d_ptr);
    } else if (entry->d_tag == DT_STRSZ) {
        dynamic->strings_size = entry->d_un.d_val;
    }
}

static bool dynamic_read(struct target *target, const struct image *image,
                         struct dynamic *dynamic)
{
    const Elf64_Phdr *header = NULL;
    Elf64_Dyn entry;

    memset(dynamic, 0, sizeof *dynamic);
    for (size_t i = 0; i < image->nheaders; i++) {
        if (image->headers[i].p_type == PT_DYNAMIC)
            header = &image->headers[i];
    }
    if (header == NULL)
        return false;
    for (size_t i = 0; i < DYNAMIC_MAX; i++) {
        uintptr_t at = image->bias + header->p_vaddr + i * sizeof entry;
        if ((i + 1) * sizeof entry > header->p_memsz ||
            !far_read(target, at, &entry, sizeof entry) ||
            entry.d_tag == DT_NULL)
            break;
        take_entry(image, &entry, dynamic);
    }
    return dynamic->symbols != 0 && dynamic->strings != 0 && dynamic->hash != 0;
}

/* The value of symbol `index` if it has this name and a place; 0: no. */
static uintptr_t symbol_value(struct target *target,
                              const struct dynamic *dynamic, uint32_t index,
                              const char *name)
{
    Elf64_Sym symbol;
    char found[NAME_MAX] = "";
    size_t length = strlen(name) + 1;

    if (length > sizeof found ||
        !far_read(target, dynamic->symbols + index * sizeof symbol, &symbol,
                  sizeof symbol) ||
        symbol.st_shndx == SHN_UNDEF ||
        symbol.st_name + length > dynamic->strings_size ||
        !far_read(target, dynamic->strings + symbol.st_name, found, length))
        return 0;
    return memcmp(found, name, length) == 0 ? symbol.st_value : 0;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;

    for (; *name != '\0'; name++)
        hash = hash * 33 + (uint8_t)*name;
    return hash;
}

/* The hash table: four words, Bloom filter, buckets, one word a symbol. */
uintptr_t image_symbol(struct target *target, const struct image *image,
                       const char *name)
{
    struct dynamic dynamic;
    struct {
        uint32_t nbuckets;
        uint32_t first; /* symbol in the table */
        uint32_t nbloom;
        uint32_t bloom_shift;
    } table;
    uint32_t wanted = gnu_hash(name);
    uint32_t index;
    uint32_t hash;

    if (!dynamic_read(target, image, &dynamic) ||
        !far_read(target, dynamic.hash, &table, sizeof table) ||
        table.nbuckets == 0)
        return 0;
    uintptr_t buckets =
        dynamic.hash + sizeof table + table.nbloom * sizeof(uint64_t);
    uintptr_t chain = buckets + table.nbuckets * sizeof index;
    if (!far_read(target, buckets + wanted % table.nbuckets * sizeof index,
                  &index, sizeof index) ||
        index < table.first)
        return 0;
    for (unsigned steps = 0; steps < CHAIN_MAX; steps++, index++) {
        if (!far_read(target, chain + (index - table.first) * sizeof hash,
                      &hash, sizeof hash))
            return 0;
        uintptr_t value = (hash | 1) == (wanted | 1)
                              ? symbol_value(target, &dynamic, index, name)
                              : 0;
        if (value != 0)
            return image->bias + value;
        if ((hash & 1) != 0) /* the last of its bucket */
            return 0;
    }
    return 0;
}

/* The root by our note among `size` bytes read from `where`; 0: not there. */
static uintptr_t search_notes(const uint8_t *notes, size_t size,
                              uintptr_t where)
{
    Elf64_Nhdr note;
    int64_t distance;

    for (size_t at = 0; at + sizeof note <= size;) {
        memcpy(&note, notes + at, sizeof note);
        size_t name = at + sizeof note;
        size_t desc = name + (((size_t)note.n_namesz + 3) & ~(size_t)3);
        at = desc + (((size_t)note.n_descsz + 3) & ~(size_t)3);
        if (at > size)
            return 0;
        if (note.n_type == ROOT_NOTE_TYPE &&
            note.n_namesz == sizeof ROOT_NOTE_OWNER &&
            note.n_descsz == sizeof distance &&
            memcmp(notes + name, ROOT_NOTE_OWNER, note.n_namesz) == 0) {
            memcpy(&distance, notes + desc, sizeof distance);
            return where + desc + (uintptr_t)distance;
        }
    }
    return 0;
}

uintptr_t image_root_by_note(struct target *target, const struct image *image)
{
    uintptr_t root = 0;

    for (size_t i = 0; i < image->nheaders && root == 0; i++) {
        const Elf64_Phdr *header = &image->headers[i];
        uintptr_t where = image->bias + header->p_vaddr;
        size_t size = header->p_memsz;
        if (header->p_type != PT_NOTE || size > NOTES_MAX)
            continue;
        const uint8_t *notes = far_view(target, where, size);
        if (notes != NULL)
            root = search_notes(notes, size, where);
    }
    return root;
}
