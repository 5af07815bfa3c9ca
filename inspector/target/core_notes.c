/* SPDX-License-Identifier: MIT */
/* The notes of a core, and those that make it a snapshot. */
#include "target/elf_core.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* Offsets in the kernel's structs; the same on all 64-bit machines. */
enum {
    PRSTATUS_PID = 32,
    PRPSINFO_PID = 24,
    PRPSINFO_FNAME = 40,
    FNAME_SIZE = 16,
    FILES_MAX = 1 << 20,
};

struct note {
    const char *owner;
    size_t owner_size;
    uint32_t type;
    const uint8_t *desc;
    size_t size;
};

/* The note at *at of the stretch, moved on; false: no more, or *torn. */
static bool next_note(const struct core_stretch *stretch, size_t *at,
                      struct note *note, bool *torn)
{
    Elf64_Nhdr header;

    if (*at >= stretch->size)
        return false;
    if (stretch->size - *at < sizeof header) {
        *torn = true;
        return false;
    }
    memcpy(&header, stretch->bytes + *at, sizeof header);
    size_t name = *at + sizeof header;
    size_t desc = name + (((size_t)header.n_namesz + 3) & ~(size_t)3);
    size_t end = desc + header.n_descsz;
    if (end > stretch->size) {
        *torn = true;
        return false;
    }
    *note = (struct note){.owner = (const char *)stretch->bytes + name,
                          .owner_size = header.n_namesz,
                          .type = header.n_type,
                          .desc = stretch->bytes + desc,
                          .size = header.n_descsz};
    *at = (end + 3) & ~(size_t)3;
    return true;
}

static bool is_ours(const struct note *note)
{
    return note->owner_size == sizeof ROOT_NOTE_OWNER &&
           memcmp(note->owner, ROOT_NOTE_OWNER, sizeof ROOT_NOTE_OWNER) == 0;
}

static uint64_t word(const uint8_t *bytes, size_t index)
{
    uint64_t value;

    memcpy(&value, bytes + index * sizeof value, sizeof value);
    return value;
}

/* count, page size, {start, end, offset in pages} * count, names. */
static void take_files(struct elf_core *core, const struct note *note)
{
    if (core->files != NULL || note->size < 16)
        return;
    uint64_t count = word(note->desc, 0);
    uint64_t page = word(note->desc, 1);
    if (count > FILES_MAX || (note->size - 16) / 24 < count)
        return;
    core->files = xcalloc(count, sizeof *core->files);
    if (page == 4096 || page == 16384 || page == 65536)
        core->page_size = page;
    const char *name = (const char *)note->desc + 16 + count * 24;
    const char *end = (const char *)note->desc + note->size;
    for (size_t i = 0; i < count; i++) {
        size_t length = strnlen(name, (size_t)(end - name));
        if (name + length >= end)
            break;
        core->files[core->nfiles++] =
            (struct core_file){.start = word(note->desc, 2 + i * 3),
                               .end = word(note->desc, 3 + i * 3),
                               .offset = word(note->desc, 4 + i * 3) * page,
                               .name = name};
        name += length + 1;
    }
}

static void take_header(struct elf_core *core, const struct note *note)
{
    struct snapshot_header *header = &core->snapshot;
    size_t size = note->size < sizeof *header ? note->size : sizeof *header;

    if (note->size < 8 || header->size != 0)
        return;
    memcpy(header, note->desc, size);
    if (header->size == 0)
        header->size = (uint32_t)size;
    if (header->system_page == 4096 || header->system_page == 16384 ||
        header->system_page == 65536)
        core->page_size = header->system_page;
    core->pid = (pid_t)header->pid;
}

static void take_note(struct elf_core *core, const struct note *note)
{
    if (is_ours(note)) {
        if (note->type == SNAPSHOT_NOTE_HEADER)
            take_header(core, note);
        return;
    }
    if (note->type == NT_PRSTATUS && core->pid == 0 &&
        note->size >= PRSTATUS_PID + 4) {
        memcpy(&core->pid, note->desc + PRSTATUS_PID, 4);
    } else if (note->type == NT_PRPSINFO &&
               note->size >= PRPSINFO_FNAME + FNAME_SIZE) {
        memcpy(&core->pid, note->desc + PRPSINFO_PID, 4);
        /* gdb writes one letter more than the kernel keeps. */
        memcpy(core->program, note->desc + PRPSINFO_FNAME, FNAME_SIZE - 1);
    } else if (note->type == NT_FILE) {
        take_files(core, note);
    }
}

void core_notes_add(struct elf_core *core, uint64_t offset, uint64_t size)
{
    struct note note;
    size_t at = 0;

    if (core->nnotes == CORE_NOTES || offset >= core->size) {
        core->torn = true;
        return;
    }
    struct core_stretch *stretch = &core->notes[core->nnotes++];
    stretch->bytes = core->bytes + offset;
    stretch->size = size;
    if (size > core->size - offset) {
        stretch->size = core->size - offset;
        core->torn = true;
    }
    while (next_note(stretch, &at, &note, &core->torn))
        take_note(core, &note);
}

/* Calls `take` for each of our notes of a type until it returns true. */
static bool each_note(const struct elf_core *core, uint32_t type,
                      bool (*take)(const struct note *note, void *data),
                      void *data)
{
    struct note note;
    bool torn;

    for (size_t i = 0; i < core->nnotes; i++) {
        size_t at = 0;
        while (next_note(&core->notes[i], &at, &note, &torn)) {
            if (is_ours(&note) && note.type == type && take(&note, data))
                return true;
        }
    }
    return false;
}

struct text_search {
    const char *file;
    char *text;
};

static bool take_text(const struct note *note, void *data)
{
    struct text_search *search = data;
    size_t length = strlen(search->file) + 1;

    if (note->size < length || memcmp(note->desc, search->file, length) != 0)
        return false;
    search->text = xcalloc(1, note->size - length + 1);
    memcpy(search->text, note->desc + length, note->size - length);
    return true;
}

char *core_notes_text(const struct elf_core *core, const char *file)
{
    struct text_search search = {.file = file};

    (void)each_note(core, SNAPSHOT_NOTE_TEXT, take_text, &search);
    return search.text;
}

struct image_search {
    uintptr_t start;
    struct build_id *id;
};

static bool take_images(const struct note *note, void *data)
{
    const struct image_search *search = data;
    struct snapshot_image image;

    for (size_t at = 0; at + sizeof image <= note->size; at += sizeof image) {
        memcpy(&image, note->desc + at, sizeof image);
        if (image.start != search->start)
            continue;
        search->id->is_known = true;
        search->id->size = image.size <= sizeof image.build_id ? image.size : 0;
        memcpy(search->id->bytes, image.build_id, sizeof image.build_id);
        return true;
    }
    return false;
}

bool core_notes_image(const struct elf_core *core, uintptr_t start,
                      struct build_id *id)
{
    struct image_search search = {start, id};

    return each_note(core, SNAPSHOT_NOTE_IMAGES, take_images, &search);
}

struct residency_search {
    size_t page_size;
    uintptr_t address;
    size_t count;
    uint8_t *out;
    bool found;
};

/* Both count in pages from `address` 0. */
static void put_run(struct residency_search *search, uint64_t first,
                    uint64_t count, uint8_t bits)
{
    uint64_t wanted = search->address / search->page_size;
    uint64_t from = first > wanted ? first : wanted;
    uint64_t to = first + count;

    if (to > wanted + search->count)
        to = wanted + search->count;
    if (from >= to)
        return;
    memset(search->out + (from - wanted), bits, to - from);
    search->found = true;
}

static bool take_residency(const struct note *note, void *data)
{
    struct residency_search *search = data;
    struct snapshot_residency head;
    struct snapshot_run run;

    if (note->size < sizeof head)
        return false;
    memcpy(&head, note->desc, sizeof head);
    uint64_t at = head.start / search->page_size;
    uint64_t left = head.count;
    for (size_t offset = sizeof head;
         left > 0 && offset + sizeof run <= note->size; offset += sizeof run) {
        memcpy(&run, note->desc + offset, sizeof run);
        uint64_t count = run.count < left ? run.count : left;
        put_run(search, at, count, (uint8_t)run.bits);
        at += count;
        left -= count;
    }
    return false;
}

bool core_notes_residency(const struct elf_core *core, size_t page_size,
                          uintptr_t address, size_t count,
                          uint8_t *out) /* NOLINT: put_run() writes it */
{
    struct residency_search search = {
        .page_size = page_size, .address = address, .count = count, .out = out};

    (void)each_note(core, SNAPSHOT_NOTE_RESIDENCY, take_residency, &search);
    return search.found;
}
