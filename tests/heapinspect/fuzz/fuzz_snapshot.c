/* SPDX-License-Identifier: MIT */
/*
 * A snapshot with bytes changed, walked as the verbs do.  The input is a list
 * of changes to a base (FUZZ_BASE): {place, 8 bytes}, where places count only
 * the parts of the base that are not zeros; so a few bytes reach deep.
 * An input that begins with ELF's magic is a file of its own instead.
 */
#include "kernel/regions.h"
#include "kernel/vma_use.h"
#include "memory.h"
#include "walk/freelist.h"
#include "walk/usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WORD = 8,
    CHANGES = 64,
    ITEM = 4 + WORD,
};

static struct {
    int file;
    uint8_t *bytes; /* shared: a change is in the file at once */
    size_t size;
    uint32_t *places; /* words that are not 0 */
    size_t nplaces;
} base;

static void open_base(void)
{
    const char *path = getenv("FUZZ_BASE"); /* NOLINT: one thread */
    struct stat stat_of;
    int from = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (from < 0 || fstat(from, &stat_of) != 0) {
        (void)fputs("FUZZ_BASE: no snapshot\n", stderr);
        exit(2); /* NOLINT: one thread */
    }
    base.size = (size_t)stat_of.st_size;
    base.file = memfd_create("base", MFD_CLOEXEC);
    if (ftruncate(base.file, stat_of.st_size) != 0)
        abort();
    base.bytes =
        mmap(NULL, base.size, PROT_READ | PROT_WRITE, MAP_SHARED, base.file, 0);
    const uint8_t *old = mmap(NULL, base.size, PROT_READ, MAP_PRIVATE, from, 0);
    base.places = xcalloc(base.size / WORD, sizeof *base.places);
    for (size_t at = 0; at + WORD <= base.size; at += WORD) {
        static const uint8_t zeros[WORD];
        if (memcmp(old + at, zeros, WORD) == 0)
            continue;
        memcpy(base.bytes + at, old + at, WORD);
        base.places[base.nplaces++] = (uint32_t)(at / WORD);
    }
    (void)close(from);
}

static void walk(struct target *target)
{
    struct failure failure;
    struct regions regions;
    size_t unverified;
    struct model *model = model_load(target, &failure);

    if (model == NULL)
        return;
    usage_free(usage_count(model));
    regions_find(model, &regions);
    regions_free(&regions);
    free(vma_use_count(model, &unverified));
    model_free(model);
}

static void look_at(int file)
{
    const struct target_options options = {.mode = MODE_PEEK};
    struct failure failure;
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct target *target = target_open(path, &options, &failure);
    if (target != NULL && target_root(target) != NULL)
        walk(target);
    target_close(target);
}

static void look_at_raw(const uint8_t *data, size_t size)
{
    int file = memfd_create("raw", MFD_CLOEXEC);

    if (write(file, data, size) == (ssize_t)size)
        look_at(file);
    (void)close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t before[CHANGES][WORD];
    size_t at[CHANGES];
    size_t count = 0;

    if (base.bytes == NULL)
        open_base();
    if (size >= 4 && memcmp(data, "\177ELF", 4) == 0) {
        look_at_raw(data, size);
        return 0;
    }
    for (; count < CHANGES && size >= ITEM; count++) {
        uint32_t place;
        memcpy(&place, data, sizeof place);
        at[count] = (size_t)base.places[place % base.nplaces] * WORD;
        memcpy(before[count], base.bytes + at[count], WORD);
        memcpy(base.bytes + at[count], data + sizeof place, WORD);
        data += ITEM;
        size -= ITEM;
    }
    look_at(base.file);
    while (count-- > 0)
        memcpy(base.bytes + at[count], before[count], WORD);
    return 0;
}
