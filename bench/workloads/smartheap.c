/* SPDX-License-Identifier: MIT */
/*
 * Bursts of many sizes, after MicroQuill's sh6bench and sh8bench (SmartHeap's
 * benchmarks).  A burst makes groups of equal blocks, many small and few large
 * (1-1000 B).  Every other group is freed at once, last first; the rest joins
 * a backlog, whose older half is freed first first when it is full: two orders
 * at once, over the same sizes.
 *
 * sh6: each thread for itself.
 * sh8: half of the backlog goes to the next thread, which frees it.
 *
 * One op is one block made and freed.
 */
#include "bench.h"
#include "mailbox.h"

#include <stdlib.h>
#include <string.h>

enum {
    BACKLOG = 8000,
    GROUPS = 18,
    MIN_LETTER = sizeof(struct letter),
};

/* Size and number of a group's blocks: 3000 in all, a median of 40 B. */
static const struct group {
    unsigned short size;
    unsigned short count;
} groups[GROUPS] = {
    {1, 40},    {8, 240},   {16, 360}, {20, 240}, {24, 300},  {32, 280},
    {40, 240},  {48, 260},  {64, 240}, {80, 160}, {100, 140}, {128, 120},
    {160, 100}, {200, 100}, {256, 80}, {400, 50}, {600, 30},  {1000, 20},
};

struct office {
    bool hand_over;
    struct mailbox boxes[MAX_THREADS];
};

struct sh {
    struct office *office;
    struct mailbox *mine;
    struct mailbox *next;
    uint64_t checksum;
    unsigned nbacklog;
    struct kept {
        void *mem;
        size_t size;
    } backlog[BACKLOG];
};

static void sh_setup(struct worker *worker)
{
    struct sh *sh = harness_pages(sizeof *sh);
    unsigned nthreads = worker->run->options.threads;
    sh->office = worker->state;
    sh->mine = &sh->office->boxes[worker->index];
    sh->next = &sh->office->boxes[(worker->index + 1) % nthreads];
    worker->state = sh;
}

/* The older half goes, first first, each other block to the neighbour. */
static void backlog_halve(struct sh *sh)
{
    unsigned half = sh->nbacklog / 2;
    for (unsigned i = 0; i < half; i++) {
        const struct kept *kept = &sh->backlog[i];
        if (sh->office->hand_over && i % 2 == 0 && kept->size >= MIN_LETTER) {
            mailbox_send(sh->next, kept->mem, kept->size);
        } else {
            free(kept->mem);
        }
    }
    sh->nbacklog -= half;
    memmove(sh->backlog, sh->backlog + half,
            sh->nbacklog * sizeof *sh->backlog);
    sh->checksum += mailbox_empty(sh->mine);
}

/* Blocks with their first and last byte written, onto the backlog's top. */
static void group_make(struct sh *sh, const struct group *group)
{
    for (unsigned i = 0; i < group->count; i++) {
        void *mem = check_block(malloc(group->size));
        block_touch(mem, group->size, i, TOUCH_ENDS);
        sh->backlog[sh->nbacklog++] = (struct kept){mem, group->size};
    }
}

static void sh_slice(struct worker *worker, uint64_t nops)
{
    struct sh *sh = worker->state;
    for (uint64_t made = 0, turn = 0; made < nops; turn++) {
        const struct group *group = &groups[turn % GROUPS];
        if (sh->nbacklog + group->count > BACKLOG)
            backlog_halve(sh);
        group_make(sh, group);
        made += group->count;
        /* Odd rounds keep the even groups, even rounds the odd ones. */
        if ((turn + turn / GROUPS) % 2 != 0)
            continue;
        for (unsigned i = 0; i < group->count; i++)
            free(sh->backlog[--sh->nbacklog].mem);
    }
}

static void sh_finish(struct worker *worker)
{
    struct sh *sh = worker->state;
    sh->checksum += mailbox_empty(sh->mine);
    for (unsigned i = 0; i < sh->nbacklog; i++)
        free(sh->backlog[i].mem);
}

static void sh_run(struct run *run, bool hand_over)
{
    struct office *office = harness_pages(sizeof *office);
    office->hand_over = hand_over;
    struct loop loop = {.setup = sh_setup,
                        .slice = sh_slice,
                        .finish = sh_finish,
                        .slice_ops = 6000,
                        .warm_ops = 60000,
                        .params = office};
    run_loop(run, &loop);
}

static void sh6(struct run *run)
{
    sh_run(run, false);
}

static void sh8(struct run *run)
{
    sh_run(run, true);
}

const struct workload smartheap_workloads[] = {
    {"sh6", "bursts of 1-1000 B, some freed last first, some first first", sh6,
     1},
    {"sh8", "the bursts of sh6, a part freed by another thread", sh8, 2},
    {NULL, NULL, NULL, 0},
};
