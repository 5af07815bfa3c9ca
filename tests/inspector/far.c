/* SPDX-License-Identifier: MIT */
#include "far.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    HEADERS_MAX = 64,
    SYMBOLS_MAX = 4096,
    NOTES_MAX = 4096,
    FIELDS_MAX = 4096,
};

bool far_read(const struct target *target, uintptr_t address, void *out,
              size_t size)
{
    struct iovec local = {out, size};
    struct iovec remote = {(void *)address, size};

    return process_vm_readv(target->pid, &local, 1, &remote, 1, 0) ==
           (ssize_t)size;
}

/* Mappings of the file whose path ends in `name`, into *target. */
static void find_image(struct target *target, FILE *maps, const char *name)
{
    char line[4352];

    rewind(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long start;
        unsigned long end;
        char mode[5];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) != 3)
            continue;
        size_t length = strcspn(line, "\n");
        line[length] = '\0';
        if (length < strlen(name) ||
            strcmp(line + length - strlen(name), name) != 0)
            continue;
        if (target->image == 0)
            target->image = start;
        if (mode[1] == 'w' && target->data == 0) {
            target->data = start;
            target->data_size = end - start;
        }
    }
}

bool target_attach(struct target *target, pid_t pid)
{
    char path[64];
    char program[4096];

    *target = (struct target){.pid = pid};
    (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    if (maps == NULL)
        return false;
    find_image(target, maps, "/liballoc.so");
    (void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(path, program, sizeof program - 1);
    if (target->image == 0 && length > 0) {
        program[length] = '\0';
        find_image(target, maps, program);
    }
    (void)fclose(maps);
    return target->image != 0;
}

/* The n-th program header of `type`, its address in *where; false: none. */
static bool header_of(const struct target *target, uint32_t type, unsigned n,
                      Elf64_Phdr *header, uintptr_t *where)
{
    Elf64_Ehdr elf;

    if (!far_read(target, target->image, &elf, sizeof elf) ||
        memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    for (unsigned i = 0; i < elf.e_phnum && i < HEADERS_MAX; i++) {
        uintptr_t at = target->image + elf.e_phoff + i * sizeof *header;
        if (!far_read(target, at, header, sizeof *header))
            return false;
        /* Linked at 0, but for programs that are not PIE. */
        *where = header->p_vaddr + (elf.e_type == ET_DYN ? target->image : 0);
        if (header->p_type == type && n-- == 0)
            return true;
    }
    return false;
}

/* ld.so has made the addresses absolute, but not on every machine. */
static uintptr_t absolute(const struct target *target, uintptr_t address)
{
    return address < target->image ? address + target->image : address;
}

/* Symbol and string table from the dynamic section. */
static bool dynamic_tables(const struct target *target, uintptr_t *symbols,
                           uintptr_t *strings)
{
    Elf64_Phdr header;
    uintptr_t at;
    Elf64_Dyn entry = {.d_tag = DT_NULL};

    *symbols = 0;
    *strings = 0;
    if (!header_of(target, PT_DYNAMIC, 0, &header, &at))
        return false;
    for (size_t i = 0; i < header.p_memsz / sizeof entry; i++) {
        if (!far_read(target, at + i * sizeof entry, &entry, sizeof entry))
            return false;
        if (entry.d_tag == DT_SYMTAB) {
            *symbols = absolute(target, entry.d_un.d_ptr);
        } else if (entry.d_tag == DT_STRTAB) {
            *strings = absolute(target, entry.d_un.d_ptr);
        }
    }
    return *symbols != 0 && *strings > *symbols;
}

/* Linkers put the strings right behind the symbols: that bounds the search. */
uintptr_t root_by_symbol(const struct target *target)
{
    static const char wanted[] = "liballoc_root";
    uintptr_t symbols;
    uintptr_t strings;
    Elf64_Sym symbol;

    if (!dynamic_tables(target, &symbols, &strings))
        return 0;
    for (unsigned i = 1; i < SYMBOLS_MAX; i++) {
        char name[sizeof wanted];
        uintptr_t at = symbols + i * sizeof symbol;
        if (at + sizeof symbol > strings ||
            !far_read(target, at, &symbol, sizeof symbol))
            return 0;
        if (symbol.st_shndx != SHN_UNDEF &&
            far_read(target, strings + symbol.st_name, name, sizeof name) &&
            memcmp(name, wanted, sizeof wanted) == 0)
            return target->image + symbol.st_value;
    }
    return 0;
}

/* The root by our note among the bytes read from `where`; 0 = not there. */
static uintptr_t note_search(const char *notes, size_t size, uintptr_t where)
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
        if (note.n_type != ROOT_NOTE_TYPE ||
            note.n_namesz != sizeof ROOT_NOTE_OWNER ||
            note.n_descsz != sizeof distance ||
            memcmp(notes + name, ROOT_NOTE_OWNER, note.n_namesz) != 0)
            continue;
        memcpy(&distance, notes + desc, sizeof distance);
        return where + desc + (uintptr_t)distance;
    }
    return 0;
}

uintptr_t root_by_note(const struct target *target)
{
    Elf64_Phdr header;
    uintptr_t where;
    char notes[NOTES_MAX];
    uintptr_t root = 0;

    for (unsigned n = 0;
         root == 0 && header_of(target, PT_NOTE, n, &header, &where); n++) {
        size_t size = header.p_memsz;
        if (size <= sizeof notes && far_read(target, where, notes, size))
            root = note_search(notes, size, where);
    }
    return root;
}

uintptr_t root_by_magic(const struct target *target)
{
    struct heap_root root;

    for (size_t at = 0; at + sizeof root <= target->data_size; at += 8) {
        uintptr_t address = target->data + at;
        uint8_t magic[sizeof root.magic];
        if (far_read(target, address, magic, sizeof magic) &&
            memcmp(magic, ROOT_MAGIC, sizeof magic) == 0 &&
            far_read(target, address, &root, sizeof root) &&
            far_address(&root.self) == address)
            return address;
    }
    return 0;
}

const char *root_refusal(const struct heap_root *root, uintptr_t address)
{
    if (memcmp(root->magic, ROOT_MAGIC, sizeof root->magic) != 0)
        return "there is no liballoc root at the place it should be";
    if (far_address(&root->self) != address)
        return "the liballoc root is a copy, not the root itself";
    if (root->major != LAYOUT_MAJOR) {
        return "the heap has a layout of another major version; use the "
               "inspector that came with that liballoc";
    }
    if (root->size < sizeof *root)
        return "the root is shorter than its version says";
    return NULL;
}

const char *target_open(struct target *target, pid_t pid)
{
    if (!target_attach(target, pid))
        return "there is no such process, or its mappings are hidden";
    uintptr_t address = root_by_symbol(target);
    if (address == 0)
        address = root_by_note(target);
    if (address == 0)
        address = root_by_magic(target);
    if (address == 0)
        return "there is no liballoc in this process";
    if (!far_read(target, address, &target->root, sizeof target->root))
        return "the root is not readable (permission, or the process is gone)";
    return root_refusal(&target->root, address);
}

/* The index of a type by its name, its size in *size; -1 = none. */
static int type_index(const struct target *target, const char *name,
                      uint32_t *size)
{
    const struct root_table *table = &target->root.types;
    struct type_descriptor type;

    for (uint32_t i = 0; i < table->count && i < TYPE_ID_NONE; i++) {
        uintptr_t at = far_address(&table->start) + (size_t)i * table->stride;
        if (!far_read(target, at, &type, sizeof type))
            return -1;
        if (strncmp(type.name, name, ROOT_NAME) == 0) {
            *size = type.size;
            return (int)i;
        }
    }
    return -1;
}

bool root_field(const struct target *target, const char *type,
                const char *field, struct field_descriptor *out)
{
    const struct root_table *table = &target->root.fields;
    uint32_t size = 0;
    int index = type_index(target, type, &size);

    for (uint32_t i = 0; i < table->count && i < FIELDS_MAX; i++) {
        uintptr_t at = far_address(&table->start) + (size_t)i * table->stride;
        if (!far_read(target, at, out, sizeof *out))
            return false;
        if (out->type == index && strncmp(out->name, field, ROOT_NAME) == 0) {
            return (uint64_t)out->offset + (uint64_t)out->width * out->count <=
                   size;
        }
    }
    return false;
}

/* What fields.def and our own headers say. */
static const struct expectation {
    const char *type;
    const char *field;
    size_t offset;
    size_t width;
    size_t count;
    uint8_t encoding;
} expected[] = {
#define TYPE(s)
#define PRIVATE_TYPE(s)
#define FIELD(s, f, enc, to) \
    {#s, #f, offsetof(struct s, f), FIELD_SIZE(s, f), 1, ENC_##enc},
#define ARRAY(s, f, enc, to)                 \
    {#s,                                     \
     #f,                                     \
     offsetof(struct s, f),                  \
     FIELD_ELEMENT(s, f),                    \
     FIELD_SIZE(s, f) / FIELD_ELEMENT(s, f), \
     ENC_##enc},
#define PRIVATE_FIELD(s, f, enc, to)
#define PRIVATE_ARRAY(s, f, enc, to)
#include "layout/fields.def"
};

const char *root_compare(const struct target *target)
{
    static char which[64];
    struct field_descriptor field;

    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct expectation *want = &expected[i];
        (void)snprintf(which, sizeof which, "%s.%s", want->type, want->field);
        if (!root_field(target, want->type, want->field, &field) ||
            field.offset != want->offset || field.width != want->width ||
            field.count != want->count || field.encoding != want->encoding)
            return which;
    }
    return NULL;
}
