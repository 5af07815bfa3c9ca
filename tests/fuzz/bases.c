/* SPDX-License-Identifier: MIT */
#include "bases.h"

#include "memory.h"

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

enum {
    BASES_MAX = 16,
    CHANGES_MAX = 64,
    WORD = 8,
    LINE = 64, /* bytes; places are in lines that are not all 0 */
    PIECE = 1 << 16,
    HOW_SHIFT = 29,
    NAME = 40,
};

struct change {
    size_t at;
    uint64_t before;
};

struct base {
    char path[NAME];
    uint8_t *bytes; /* shared: a change is in the file at once */
    size_t size;
    uint32_t *places; /* words */
    size_t nplaces;
    struct change changes[CHANGES_MAX];
    size_t nchanges;
};

static struct base bases[BASES_MAX];
static unsigned nbases;
static char scratch[128];

static void give_up(const char *name, const char *why)
{
    (void)fprintf(stderr, "FUZZ_BASES: %s: %s\n", name, why);
    exit(2); /* NOLINT: one thread */
}

/* Unpacked into a file without a name; holes stay holes. */
static int unpack(const char *name, size_t *size)
{
    static uint8_t piece[PIECE];
    static const uint8_t zeros[PIECE];
    int file = memfd_create("base", MFD_CLOEXEC);
    gzFile packed = gzopen(name, "rb");
    int got;

    if (file < 0 || packed == NULL)
        give_up(name, "not readable");
    while ((got = gzread(packed, piece, PIECE)) > 0) {
        bool is_hole = memcmp(piece, zeros, (size_t)got) == 0;
        if (!is_hole && pwrite(file, piece, (size_t)got, (off_t)*size) != got)
            give_up(name, "no room");
        *size += (size_t)got;
    }
    if (got < 0 || *size == 0 || ftruncate(file, (off_t)*size) != 0)
        give_up(name, "damaged");
    (void)gzclose(packed);
    return file;
}

static void find_places(struct base *base)
{
    static const uint8_t zeros[LINE];
    uint8_t line[LINE];

    base->places = xcalloc(base->size / WORD, sizeof *base->places);
    for (size_t at = 0; at + LINE <= base->size; at += LINE) {
        memcpy(line, base->bytes + at, LINE);
        if (memcmp(line, zeros, LINE) == 0)
            continue;
        for (size_t i = 0; i < LINE; i += WORD)
            base->places[base->nplaces++] = (uint32_t)((at + i) / WORD);
    }
}

static void open_one(struct base *base, const char *name)
{
    int file = unpack(name, &base->size);

    (void)snprintf(base->path, sizeof base->path, "/proc/self/fd/%d", file);
    base->bytes =
        mmap(NULL, base->size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (base->bytes == MAP_FAILED)
        give_up(name, "no memory");
    find_places(base);
}

static void remove_scratch(void)
{
    (void)unlink(scratch);
}

void bases_open(void)
{
    const char *place = getenv("FUZZ_BASES"); /* NOLINT: one thread */
    char pattern[512];
    glob_t found;

    (void)snprintf(pattern, sizeof pattern, "%s/*.gz",
                   place != NULL ? place : ".");
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    if (glob(pattern, 0, NULL, &found) != 0)
        give_up(pattern, "no such file");
    for (size_t i = 0; i < found.gl_pathc && nbases < BASES_MAX; i++)
        open_one(&bases[nbases++], found.gl_pathv[i]);
    globfree(&found);
    place = getenv("TMPDIR"); /* NOLINT: one thread */
    (void)snprintf(scratch, sizeof scratch, "%.100s/fuzz-snapshot.%d",
                   place != NULL ? place : "/tmp", (int)getpid());
    (void)atexit(remove_scratch);
}

unsigned base_count(void)
{
    return nbases;
}

char *base_path(unsigned base)
{
    return bases[base].path;
}

char *base_scratch(void)
{
    return scratch;
}

static uint64_t word_at(const struct base *base, uint64_t place)
{
    uint64_t word;
    size_t at = (size_t)base->places[place % base->nplaces] * WORD;

    memcpy(&word, base->bytes + at, sizeof word);
    return word;
}

static uint64_t special(uint64_t operand)
{
    static const uint64_t words[] = {
        0,         1,           UINT64_MAX,      INT64_MAX,       UINT32_MAX,
        0xffff,    (1ul << 47), (1ul << 63),     UINT64_MAX - 15, 0x10,
        1ul << 20, 1ul << 32,   (1ul << 48) - 1, PIECE,
    };

    return words[operand % (sizeof words / sizeof *words)];
}

static uint64_t changed(const struct base *base, uint64_t word,
                        enum base_how how, uint64_t operand)
{
    switch (how) {
    case BASE_ADD:
        return word + (uint64_t)(int64_t)(int16_t)operand;
    case BASE_COPY:
        return word_at(base, operand);
    case BASE_FLIP:
        return word ^ (uint64_t)1 << (operand & 63);
    case BASE_LOW:
        return (word & ~(uint64_t)UINT32_MAX) | (operand & UINT32_MAX);
    case BASE_HIGH:
        return (word & UINT32_MAX) | operand << 32;
    case BASE_SPECIAL:
        return special(operand);
    case BASE_NEAR:
        return word_at(base, operand >> 8) +
               (uint64_t)(int64_t)(int8_t)operand * WORD;
    case BASE_SET:
    case BASE_HOWS:
        break;
    }
    return operand;
}

void base_change(unsigned which, uint32_t where, uint64_t operand)
{
    struct base *base = &bases[which];
    uint32_t place = where & (((uint32_t)1 << HOW_SHIFT) - 1);
    size_t at = (size_t)base->places[place % base->nplaces] * WORD;
    uint64_t word;

    if (base->nchanges == CHANGES_MAX)
        return;
    memcpy(&word, base->bytes + at, sizeof word);
    base->changes[base->nchanges++] = (struct change){at, word};
    word = changed(base, word, (enum base_how)(where >> HOW_SHIFT), operand);
    memcpy(base->bytes + at, &word, sizeof word);
}

void base_restore(unsigned which)
{
    struct base *base = &bases[which];

    while (base->nchanges > 0) {
        const struct change *change = &base->changes[--base->nchanges];
        memcpy(base->bytes + change->at, &change->before, WORD);
    }
}

uint64_t base_word(unsigned base, uint64_t number)
{
    return number >> 63 != 0 ? word_at(&bases[base], number) : number;
}
