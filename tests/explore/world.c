/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    SYSTEM_PAGE = 4096,
    BLOCK = 64,
    NRANGES = 256,
    NHOT = 2048,
    LOG_BYTES = 1 << 30, /* reserved; touched as far as the search is deep */
};

#define RESERVE_BASE ((char *)0x100000000000)

struct range {
    char *start;
    char *end;
};

struct hot {
    char *page;
    char *copy; /* its contents at the last note */
};

/* What a block was before a step. */
struct entry {
    char *block;
    char *copy;
    char old[BLOCK];
};

struct world {
    struct range ranges[NRANGES];
    size_t nranges;
    struct hot hot[NHOT];
    size_t nhot;
    struct entry *log;
    size_t nlog;
    char *copies;
    char *reserve_at;
    uint64_t hash;
    void (*crash)(const void *at);
};

/* Set before the first freeze and never again: the world may contain it. */
static struct world *world;

/* The bounds of the program's data, from the linker. */
extern char __data_start[];
extern char _end[];

static void die(const char *what)
{
    fprintf(stderr, "explore: %s\n", what);
    _Exit(2);
}

void *world_private(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED)
        die("no memory");
    return at;
}

static char *page_of(const void *at)
{
    return (char *)((uintptr_t)at & ~(uintptr_t)(SYSTEM_PAGE - 1));
}

static bool is_in_world(const char *at)
{
    for (size_t i = 0; i < world->nranges; i++) {
        if (at >= world->ranges[i].start && at < world->ranges[i].end)
            return true;
    }
    return false;
}

static bool is_hot(const char *page)
{
    for (size_t i = 0; i < world->nhot; i++) {
        if (world->hot[i].page == page)
            return true;
    }
    return false;
}

static void make_hot(char *page)
{
    if (world->nhot == NHOT)
        die("too many pages change");
    struct hot *hot = &world->hot[world->nhot];
    hot->page = page;
    hot->copy = world->copies + world->nhot++ * SYSTEM_PAGE;
    memcpy(hot->copy, page, SYSTEM_PAGE);
    if (mprotect(page, SYSTEM_PAGE, PROT_READ | PROT_WRITE) != 0)
        die("mprotect");
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    char *page = page_of(info->si_addr);

    (void)number;
    (void)context;
    if (!is_in_world(page) || is_hot(page))
        world->crash(info->si_addr);
    make_hot(page);
}

static void catch_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags =
                                   SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    stack_t stack = {.ss_sp = world_private(64 * 1024), .ss_size = 64 * 1024};

    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

void *world_reserve(size_t size)
{
    char *at = world->reserve_at;

    size = (size + SYSTEM_PAGE - 1) & ~(size_t)(SYSTEM_PAGE - 1);
    at = mmap(at, size, PROT_NONE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
              -1, 0);
    if (at != world->reserve_at)
        return NULL;
    world->reserve_at = at + size + (1 << 20);
    return at;
}

void world_commit(void *start, size_t size)
{
    char *from = page_of(start);
    char *end = page_of((char *)start + size + SYSTEM_PAGE - 1);

    if (is_in_world(from))
        return;
    if (world->nranges == NRANGES)
        die("too many mappings");
    if (mprotect(from, (size_t)(end - from), PROT_READ) != 0)
        die("mprotect");
    world->ranges[world->nranges++] = (struct range){from, end};
}

void world_init(void (*crash)(const void *at))
{
    world = world_private(sizeof *world);
    world->copies = world_private((size_t)NHOT * SYSTEM_PAGE);
    world->log = world_private(LOG_BYTES);
    world->reserve_at = RESERVE_BASE;
    world->crash = crash;
    catch_faults();
    world_commit(__data_start, (size_t)(_end - __data_start));
}

void world_freeze(void)
{
    for (size_t i = 0; i < world->nhot; i++) {
        if (mprotect(world->hot[i].page, SYSTEM_PAGE, PROT_READ) != 0)
            die("mprotect");
    }
    world->nhot = 0;
    world->nlog = 0;
    world->hash = 0;
}

/* Source: Lemire, Strongly Universal String Hashing is Fast (2014): pairs of
   words, multiplied; the block's address is part of it. */
static uint64_t block_hash(const char *block, const char *contents)
{
    static const uint64_t keys[BLOCK / 8] = {
        0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u, 0x94d049bb133111ebu,
        0xd6e8feb86659fd93u, 0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu,
        0x8ebc6af09c88c6e3u, 0x589965cc75374cc3u};
    uint64_t words[BLOCK / 8];
    uint64_t sum = (uintptr_t)block * 0x2545f4914f6cdd1du;

    memcpy(words, contents, BLOCK);
    for (size_t i = 0; i < BLOCK / 8; i++) {
        uint64_t x = (words[i] + sum) * keys[i];
        sum ^= x ^ x >> 32;
        sum = sum << 23 | sum >> 41;
    }
    sum *= 0xff51afd7ed558ccdu;
    return sum ^ sum >> 29;
}

static void note_block(char *block, char *copy)
{
    if ((world->nlog + 1) * sizeof(struct entry) > LOG_BYTES)
        die("the search is too deep");
    struct entry *entry = &world->log[world->nlog++];
    entry->block = block;
    entry->copy = copy;
    memcpy(entry->old, copy, BLOCK);
    world->hash += block_hash(block, block) - block_hash(block, copy);
    memcpy(copy, block, BLOCK);
}

void world_note(void)
{
    for (size_t i = 0; i < world->nhot; i++) {
        struct hot *hot = &world->hot[i];
        if (memcmp(hot->page, hot->copy, SYSTEM_PAGE) == 0)
            continue;
        for (size_t at = 0; at < SYSTEM_PAGE; at += BLOCK) {
            if (memcmp(hot->page + at, hot->copy + at, BLOCK) != 0)
                note_block(hot->page + at, hot->copy + at);
        }
    }
}

size_t world_mark(void)
{
    return world->nlog;
}

void world_undo(size_t mark)
{
    while (world->nlog > mark) {
        struct entry *entry = &world->log[--world->nlog];
        world->hash += block_hash(entry->block, entry->old) -
                       block_hash(entry->block, entry->copy);
        memcpy(entry->block, entry->old, BLOCK);
        memcpy(entry->copy, entry->old, BLOCK);
    }
}

uint64_t world_hash(void)
{
    return world->hash;
}

size_t world_hot_bytes(void)
{
    return world->nhot * SYSTEM_PAGE;
}
