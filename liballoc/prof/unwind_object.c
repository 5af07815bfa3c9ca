/* SPDX-License-Identifier: MIT */
#include "prof/unwind_object.h"

#include "base/bits.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

/* Lock-free, since glibc 2.35. */
extern __typeof(_dl_find_object) _dl_find_object __attribute__((weak));

bool unwind_object_is_there(void)
{
    return &_dl_find_object != NULL;
}

/* The first words of the table: its place, its length, its first entries. */
static uint64_t fingerprint(uintptr_t eh_frame_hdr)
{
    uint64_t words[3];

    if (eh_frame_hdr == 0)
        return 0;
    memcpy(words, (const void *)eh_frame_hdr, sizeof words);
    return words[0] ^ words[1] * 0x9e3779b97f4a7c15u ^ words[2] << 7;
}

static bool is_same(const struct unwind_object *a,
                    const struct unwind_object *b)
{
    return a->start == b->start && a->size == b->size &&
           a->eh_frame_hdr == b->eh_frame_hdr &&
           a->fingerprint == b->fingerprint;
}

static void forget_all(struct unwinder *unwinder)
{
    memset(unwinder->objects, 0, sizeof unwinder->objects);
    memset(unwinder->rules, 0, sizeof unwinder->rules);
    unwinder->last_number = 0;
    unwinder->nrecent = 0;
}

/* The object's place in the table, with its number: an old or a new one. */
static struct unwind_object *place(struct unwinder *unwinder,
                                   const struct unwind_object *found)
{
    size_t at = (found->start >> 12) * 0x9e3779b97f4a7c15u >> 32;

    for (size_t i = 0; i < OBJECTS; i++) {
        struct unwind_object *object = &unwinder->objects[(at + i) % OBJECTS];
        if (is_same(object, found))
            return object;
        if (object->key != 0 && object->start != found->start)
            continue;
        /* Free, or what was there is gone: a new number, its rules die. */
        if (unwinder->last_number + 1 == OBJECT_NUMBERS)
            break;
        *object = *found;
        object->key = ++unwinder->last_number << PC_BITS;
        return object;
    }
    forget_all(unwinder);
    return place(unwinder, found);
}

const struct unwind_object *unwind_object_find(struct unwinder *unwinder,
                                               uintptr_t pc)
{
    struct dl_find_object found;

    for (unsigned i = 0; i < unwinder->nrecent; i++) {
        const struct unwind_object *object = unwinder->recent[i];
        if (pc - object->start < object->size)
            return object;
    }
    if (_dl_find_object((void *)pc, &found) != 0)
        return NULL;
    struct unwind_object object = {
        .start = (uintptr_t)found.dlfo_map_start,
        .size = (uintptr_t)found.dlfo_map_end - (uintptr_t)found.dlfo_map_start,
        .eh_frame_hdr = (uintptr_t)found.dlfo_eh_frame,
    };
    object.fingerprint = fingerprint(object.eh_frame_hdr);
    const struct unwind_object *placed = place(unwinder, &object);
    if (unwinder->nrecent == RECENT)
        unwinder->nrecent = RECENT / 2;
    unwinder->recent[unwinder->nrecent++] = placed;
    return placed;
}

bool unwind_object_word(const struct unwind_object *object, uintptr_t address,
                        uintptr_t *word)
{
    const ElfW(Ehdr) *header = (const void *)object->start;

    /* The header lies at the start, as the linkers have it, or we pass. */
    if (address - object->start >= object->size ||
        object->size < sizeof *header ||
        memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) ||
        header->e_phoff + header->e_phnum * sizeof(ElfW(Phdr)) > STACK_PAGE)
        return false;
    const ElfW(Phdr) *segments =
        (const void *)(object->start + header->e_phoff);
    uintptr_t first = UINTPTR_MAX;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        const ElfW(Phdr) *segment = &segments[i];
        if (segment->p_type != PT_LOAD)
            continue;
        if (first == UINTPTR_MAX)
            first = round_down(segment->p_vaddr, STACK_PAGE);
        uintptr_t start = object->start + segment->p_vaddr - first;
        if ((segment->p_flags & PF_R) != 0 && address >= start &&
            address + sizeof *word <=
                round_up(start + segment->p_memsz, STACK_PAGE)) {
            memcpy(word, (const void *)address, sizeof *word);
            return true;
        }
    }
    return false;
}
