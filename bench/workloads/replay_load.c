/* SPDX-License-Identifier: MIT */
/*
 * From a trace to arrays of operations, in two passes over the file: who ends
 * each object, then the slots.  The tables stay until the end: giving them back
 * would leave a peak of resident memory that is not the allocator's.
 */
#include "reader.h"
#include "replay.h"

#include <stdio.h>
#include <unistd.h>

#define NOBODY UINT32_MAX /* an enum would be an int */

enum { SLOTS_AT_ONCE = 512 }; /* a page of addresses: threads share no line */

struct thing {
    uint32_t maker;
    uint32_t ender; /* NOBODY: it outlives the trace */
    uint32_t slot;
};

/* A thread's empty slots: a list through `below`, and a part never used. */
struct shelf {
    uint32_t top; /* NOBODY: the list is empty */
    uint32_t fresh;
    uint32_t fresh_end;
};

struct loading {
    struct replay *replay;
    struct reader *reader;
    bool one_thread;
    struct thing *things;
    struct shelf *shelves;
    uint32_t *below; /* by slot */
    uint64_t stamp;  /* of the next call */
    uint32_t nstarted;
    uint32_t last; /* the thread of the call before */
};

static _Noreturn void refuse(const char *path, const char *why)
{
    dprintf(2, "bench_work: %s %s\n", path, why);
    _exit(2);
}

static struct reader *open_trace(const char *path)
{
    const char *why = NULL;
    struct reader *reader = reader_open(path, &why);
    if (!reader || reader->header.ncalls == 0)
        refuse(path, reader ? "has no calls" : why);
    return reader;
}

/* Pass 1: the number of each thread's operations, the ends of objects. */
static void survey(struct loading *loading, const char *path)
{
    struct trace_record record;
    struct reader *reader = loading->reader;
    struct player *players = loading->replay->players;
    uint32_t nstarted = 1;
    uint32_t last = 0;
    while (reader_next(reader, &record)) {
        if (record.op == TRACE_THREAD)
            continue;
        uint32_t thread = loading->one_thread ? 0 : record.thread;
        if (thread == nstarted) {
            players[last].nplays++;
            nstarted++;
        }
        last = thread;
        players[thread].nplays++;
        if (trace_ends(record.op))
            loading->things[record.object].ender = thread;
        if (trace_makes(record.op))
            loading->things[record.made] = (struct thing){thread, NOBODY, 0};
    }
    if (reader->error)
        refuse(path, reader->error);
}

/*
 * An object for another thread needs a slot that was never full: else its
 * consumer could take what lay there before.
 */
static uint32_t slot_get(struct loading *loading, uint32_t thread, bool unused)
{
    struct shelf *shelf = &loading->shelves[thread];
    if (!unused && shelf->top != NOBODY) {
        uint32_t slot = shelf->top;
        shelf->top = loading->below[slot];
        return slot;
    }
    if (shelf->fresh == shelf->fresh_end) {
        shelf->fresh = loading->replay->nslots;
        loading->replay->nslots += SLOTS_AT_ONCE;
        shelf->fresh_end = loading->replay->nslots;
    }
    return shelf->fresh++;
}

static void slot_put(struct loading *loading, uint32_t thread, uint32_t slot)
{
    loading->below[slot] = loading->shelves[thread].top;
    loading->shelves[thread].top = slot;
}

static void append(struct loading *loading, uint32_t thread, struct play play)
{
    struct player *player = &loading->replay->players[thread];
    play.stamp = (uint32_t)loading->stamp;
    player->plays[player->nplays++] = play;
}

/* Before a thread's first call: the thread that called last starts it. */
static void append_start(struct loading *loading, uint32_t thread)
{
    if (thread != loading->nstarted)
        return;
    loading->nstarted++;
    struct play play = {.op = PLAY_START, .slot = thread};
    append(loading, loading->last, play);
}

static void append_call(struct loading *loading,
                        const struct trace_record *record)
{
    static const enum play_op ops[TRACE_OPS] = {
        [TRACE_MALLOC] = PLAY_MALLOC,   [TRACE_CALLOC] = PLAY_CALLOC,
        [TRACE_ALIGNED] = PLAY_ALIGNED, [TRACE_REALLOC] = PLAY_REALLOC,
        [TRACE_FREE] = PLAY_FREE,
    };
    uint32_t thread = loading->one_thread ? 0 : record->thread;
    struct play play = {.op = ops[record->op],
                        .align_log2 = record->align_log2 & 31u,
                        .size = record->size & ((1ull << 48) - 1)};
    append_start(loading, thread);
    if (trace_ends(record->op)) {
        const struct thing *thing = &loading->things[record->object];
        play.old = thing->slot;
        play.shared = thing->maker != thread;
        if (!play.shared)
            slot_put(loading, thread, thing->slot);
    }
    if (trace_makes(record->op)) {
        struct thing *thing = &loading->things[record->made];
        bool away = thing->ender != NOBODY && thing->ender != thread;
        thing->slot = slot_get(loading, thread, away);
        play.slot = thing->slot;
    }
    append(loading, thread, play);
    loading->last = thread;
    loading->stamp++;
}

static void players_make(struct replay *replay, uint32_t nthreads)
{
    replay->nplayers = nthreads;
    replay->players = harness_pages(nthreads * sizeof *replay->players);
}

/* Exact arrays; the counts begin again, as ends of what is appended. */
static void players_fit(struct replay *replay)
{
    for (uint32_t i = 0; i < replay->nplayers; i++) {
        struct player *player = &replay->players[i];
        player->plays =
            harness_pages((player->nplays + 1) * sizeof *player->plays);
        player->nplays = 0;
    }
}

void replay_load(struct replay *replay, const char *path, bool one_thread)
{
    struct trace_record record;
    struct reader *reader = open_trace(path);
    uint64_t nobjects = reader->header.nobjects;
    uint32_t nthreads = one_thread ? 1 : (uint32_t)reader->header.nthreads;
    /* Each thread may leave a part of its last page of slots unused. */
    uint64_t most = nobjects + (uint64_t)nthreads * SLOTS_AT_ONCE;
    if (reader->header.ncalls + nthreads > UINT32_MAX || most > UINT32_MAX)
        refuse(path, "is too large");
    struct loading loading = {.replay = replay,
                              .reader = reader,
                              .one_thread = one_thread,
                              .nstarted = 1};
    replay->ncalls = reader->header.ncalls;
    replay->max_size = reader->header.max_size;
    players_make(replay, nthreads);
    loading.things = harness_pages((nobjects + 1) * sizeof *loading.things);
    survey(&loading, path);
    reader_close(reader);
    players_fit(replay);
    loading.below = harness_pages(most * sizeof *loading.below);
    loading.shelves = harness_pages(nthreads * sizeof *loading.shelves);
    for (uint32_t i = 0; i < nthreads; i++)
        loading.shelves[i].top = NOBODY;
    loading.reader = open_trace(path);
    while (reader_next(loading.reader, &record)) {
        if (record.op != TRACE_THREAD)
            append_call(&loading, &record);
    }
    reader_close(loading.reader);
    replay->slots =
        harness_pages((replay->nslots + 1ul) * sizeof *replay->slots);
}
