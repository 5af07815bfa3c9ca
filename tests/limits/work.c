/* SPDX-License-Identifier: MIT */
/*
 * What a program does under a limit, preloaded; started by test_limits.c,
 * which sets the limit first.
 *
 *   work fill BYTES   blocks of every size until malloc gives NULL (or BYTES
 *                     are out): NULL comes with ENOMEM, all contents hold;
 *                     after frees it works again, to the same amount
 *   work live BYTES   never more than BYTES live, ten times as much in turn
 *   work calm         small amounts that must all succeed
 *
 * Exit status 0: all as it should be; 1: a line on stdout says what not.
 */
#include "work.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

enum { MOST_BLOCKS = 200000, MOST_REFUSALS = 200 };

struct block {
    unsigned char *mem;
    size_t size;
};

/* Mapped before the limit bites: the model is not on the heap. */
static struct block *blocks;
static size_t nblocks;

void wrong(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf(" (errno %d)\n", errno);
    fflush(stdout);
    _exit(1);
}

/* 16 bytes to 3 MiB, many small ones. */
static size_t size_of(size_t i)
{
    static const size_t sizes[] = {16,   48,    200,  700,    1000,   5000,
                                   3000, 20000, 1500, 130000, 700000, 3000000};
    size_t n = sizeof(sizes) / sizeof(sizes[0]);

    return sizes[i % 7 != 0 ? i % 6 : i / 7 % n] + i % 16;
}

static void fill_block(struct block *block, size_t size)
{
    block->size = size;
    memset(block->mem, (int)(size % 251), size);
}

static void check_block(const struct block *block)
{
    unsigned char want = (unsigned char)(block->size % 251);

    for (size_t at = 0; at < block->size; at++) {
        if (block->mem[at] != want) {
            wrong("contents changed at %zu of %zu", at, block->size);
        }
    }
}

/* Until `most` bytes are out or there is no more, of any size; the bytes. */
static size_t fill_up(size_t most)
{
    size_t bytes = 0;
    size_t refusals = 0;

    for (size_t i = 0; bytes < most && nblocks < MOST_BLOCKS; i++) {
        size_t size = size_of(i);
        errno = 0;
        blocks[nblocks].mem =
            launder(nblocks % 3 == 0 ? calloc(1, size) : malloc(size));
        if (blocks[nblocks].mem == NULL) {
            if (errno != ENOMEM) {
                wrong("NULL without ENOMEM");
            }
            if (++refusals > MOST_REFUSALS) {
                break;
            }
            continue;
        }
        if (nblocks % 3 == 0 && blocks[nblocks].mem[size / 2] != 0) {
            wrong("calloc(%zu) is not zero: %p", size,
                  (void *)blocks[nblocks].mem);
        }
        fill_block(&blocks[nblocks++], size);
        bytes += size;
    }
    return bytes;
}

/* free() at the limit keeps errno. */
static void empty(void)
{
    for (size_t i = 0; i < nblocks; i++) {
        size_t at = i * 7 % nblocks;
        at = nblocks % 7 == 0 ? i : at;
        check_block(&blocks[at]);
        errno = 77;
        free(blocks[at].mem);
        if (errno != 77) {
            wrong("free changed errno");
        }
    }
    nblocks = 0;
}

static void grow_by_realloc(void)
{
    size_t size = 1000;
    unsigned char *mem = malloc(size);

    memset(mem, 9, size);
    for (;;) {
        errno = 0;
        unsigned char *moved = realloc(mem, size * 2);
        if (moved == NULL && errno != ENOMEM) {
            wrong("realloc failed without ENOMEM");
        }
        if (moved == NULL || size > 256 * MIB) {
            mem = moved != NULL ? moved : mem;
            break;
        }
        mem = moved;
        size *= 2;
    }
    for (size_t i = 0; i < 1000; i++) {
        if (mem[i] != 9) {
            wrong("realloc lost contents");
        }
    }
    free(mem);
}

void work_fill(size_t most)
{
    size_t first = fill_up(most);

    /* At the limit: half comes back, and is there to be had again. */
    size_t kept = nblocks / 2;
    for (size_t i = kept; i < nblocks; i++) {
        check_block(&blocks[i]);
        free(blocks[i].mem);
    }
    nblocks = kept;
    fill_up(most);
    empty();
    grow_by_realloc();
    size_t again = fill_up(most);
    empty();
    if (first < 4 * MIB || again < first / 4 * 3) {
        wrong("%zu KiB at first, %zu KiB after all was freed", first / KIB,
              again / KIB);
    }
    printf("%zu MiB at first, %zu MiB after all was freed\n", first / MIB,
           again / MIB);
}

void work_try(size_t most)
{
    size_t bytes = fill_up(most);

    empty();
    printf("%zu KiB to be had; ", bytes / KIB);
}

static void work_live(size_t most)
{
    for (int i = 0; i < 10; i++) {
        size_t got = fill_up(most - 3100000);
        if (got < most - 3100000) {
            wrong("NULL with %zu KiB live", got / KIB);
        }
        empty();
    }
    printf("%zu MiB live, ten times\n", most / MIB);
}

static void work_calm(void)
{
    if (fill_up(8 * MIB) < 8 * MIB) {
        wrong("NULL within 8 MiB");
    }
    empty();
    puts("8 MiB in pieces");
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    size_t bytes = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;

    blocks = mmap(NULL, MOST_BLOCKS * sizeof(*blocks), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (blocks == MAP_FAILED) {
        wrong("no memory for the model");
    }
    if (strcmp(verb, "fill") == 0) {
        work_fill(bytes);
    } else if (strcmp(verb, "live") == 0) {
        work_live(bytes);
    } else if (strcmp(verb, "calm") == 0) {
        work_calm();
    } else if (!work_special(verb, bytes)) {
        wrong("no verb \"%s\"", verb);
    }
    return 0;
}
