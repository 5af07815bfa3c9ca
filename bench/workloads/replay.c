/* SPDX-License-Identifier: MIT */
/*
 * A recorded program's calls, played again (bench/trace/FORMAT.md): the same
 * sizes, lifetimes, threads and order, without the program.  A thread starts
 * where it made its first call, waits for objects another has yet to make, and
 * never runs far ahead of the slowest.  One op is one recorded call.
 */
#include "replay.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    SPINS = 200,
    SAMPLE_EVERY = 4096, /* calls between two looks at the clock */
};

/* One pass.  Protected by: lock, where a comment says so. */
struct stage {
    struct run *run;
    struct replay *replay;
    bool null;    /* play without an allocator */
    bool sampled; /* thread 0 looks at the RSS */
    enum touch touch;
    pthread_mutex_t lock;
    pthread_cond_t over;
    uint32_t nrunning; /* Protected by: lock */
};

static struct stage stage = {.lock = PTHREAD_MUTEX_INITIALIZER,
                             .over = PTHREAD_COND_INITIALIZER};

static void player_start(uint32_t number);

static void pause_a_little(unsigned *spins)
{
    if (++*spins < SPINS) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
        return;
    }
    sched_yield();
    *spins = 0;
}

/* The thread with the smallest stamp waits for nobody: all get on. */
static void keep_order(uint32_t stamp)
{
    const struct replay *replay = stage.replay;
    unsigned spins = 0;
    for (uint32_t i = 0; i < replay->nplayers; i++) {
        while ((uint64_t)atomic_load_explicit(&replay->players[i].stamp,
                                              memory_order_relaxed) +
                   WINDOW <
               stamp)
            pause_a_little(&spins);
    }
}

static void *slot_take(const struct play *play)
{
    _Atomic(void *) *slot = &stage.replay->slots[play->old];
    unsigned spins = 0;
    /* acquire: what the maker wrote; pairs with slot_fill() */
    void *mem = atomic_load_explicit(slot, memory_order_acquire);
    while (!mem && play->shared) {
        pause_a_little(&spins);
        mem = atomic_load_explicit(slot, memory_order_acquire);
    }
    atomic_store_explicit(slot, NULL, memory_order_relaxed);
    return mem;
}

/* release: the object's contents; pairs with slot_take() */
static void slot_fill(const struct play *play, void *mem)
{
    atomic_store_explicit(&stage.replay->slots[play->slot], mem,
                          memory_order_release);
}

static void *aligned(const struct play *play)
{
    void *mem = NULL;
    size_t align = (size_t)1 << play->align_log2;
    if (align < sizeof(void *))
        align = sizeof(void *);
    if (posix_memalign(&mem, align, play->size) != 0)
        fail("out of memory");
    return mem;
}

static void *make(const struct play *play)
{
    switch ((enum play_op)play->op) {
    case PLAY_MALLOC:
        return check_block(malloc(play->size));
    case PLAY_CALLOC:
        return check_block(calloc(1, play->size));
    case PLAY_ALIGNED:
        return aligned(play);
    case PLAY_REALLOC:
        return check_block(realloc(slot_take(play), play->size));
    case PLAY_START:
    case PLAY_FREE:
    default:
        return NULL;
    }
}

static void *make_null(const struct player *player, const struct play *play)
{
    if (play->op == PLAY_REALLOC)
        (void)slot_take(play);
    return player->scratch;
}

static inline __attribute__((always_inline)) void
play_one(const struct player *player, const struct play *play, bool null)
{
    if (play->op == PLAY_START) {
        player_start(play->slot);
    } else if (play->op == PLAY_FREE) {
        void *mem = slot_take(play);
        if (!null)
            free(mem);
    } else {
        void *mem = null ? make_null(player, play) : make(play);
        block_touch(mem, play->size, play->stamp, stage.touch);
        slot_fill(play, mem);
    }
}

static inline __attribute__((always_inline)) void
play_all(struct player *player, bool null, bool alone)
{
    uint64_t look = 0; /* at the others, from this stamp on */
    for (uint64_t i = 0; i < player->nplays; i++) {
        const struct play *play = &player->plays[i];
        if (!alone) {
            atomic_store_explicit(&player->stamp, play->stamp,
                                  memory_order_relaxed);
            if (play->stamp >= look) {
                keep_order(play->stamp);
                look = (uint64_t)play->stamp + STRIDE;
            }
        }
        if (i % SAMPLE_EVERY == 0 && stage.sampled &&
            player == stage.replay->players)
            run_sample(stage.run);
        play_one(player, play, null);
    }
    atomic_store_explicit(&player->stamp, UINT32_MAX, memory_order_relaxed);
}

static void player_run(struct player *player)
{
    bool alone = stage.replay->nplayers == 1;
    if (stage.null) {
        play_all(player, true, alone);
    } else {
        play_all(player, false, alone);
    }
    pthread_mutex_lock(&stage.lock);
    if (--stage.nrunning == 0)
        pthread_cond_signal(&stage.over);
    pthread_mutex_unlock(&stage.lock);
}

static void *player_main(void *player)
{
    player_run(player);
    return NULL;
}

/* Detached: a thread's stack goes when it ends, as the program's did. */
static void player_start(uint32_t number)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, player_main,
                       &stage.replay->players[number]) != 0)
        fail("cannot start a thread");
    pthread_detach(thread);
}

static void play_pass(bool null)
{
    struct replay *replay = stage.replay;
    stage.null = null;
    stage.nrunning = replay->nplayers;
    for (uint32_t i = 0; i < replay->nplayers; i++) {
        atomic_store(&replay->players[i].stamp,
                     replay->players[i].plays[0].stamp);
    }
    player_run(&replay->players[0]);
    pthread_mutex_lock(&stage.lock);
    while (stage.nrunning > 0)
        pthread_cond_wait(&stage.over, &stage.lock);
    pthread_mutex_unlock(&stage.lock);
}

/* What the program left; not part of its time. */
static void leftovers_drop(struct replay *replay, bool null)
{
    for (uint32_t i = 0; i < replay->nslots; i++) {
        void *mem =
            atomic_load_explicit(&replay->slots[i], memory_order_relaxed);
        if (mem && !null)
            free(mem);
        atomic_store_explicit(&replay->slots[i], NULL, memory_order_relaxed);
    }
}

/* Room for the largest object. */
static void *scratch_make(uint64_t size)
{
    void *mem = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mem == MAP_FAILED)
        fail("no memory for the harness");
    return mem;
}

/* CPU time of all threads: other work on the machine is not in it. */
static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The least of three passes in which malloc and free do nothing. */
static uint64_t null_cpu_ns(struct replay *replay)
{
    uint64_t best = UINT64_MAX;
    for (uint32_t i = 0; i < replay->nplayers; i++)
        replay->players[i].scratch = scratch_make(replay->max_size);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t begin = cpu_ns();
        play_pass(true);
        uint64_t spent = cpu_ns() - begin;
        best = spent < best ? spent : best;
        leftovers_drop(replay, true);
    }
    return best;
}

/* The figures of all passes; run_stop() knows only one. */
struct total {
    uint64_t wall_ns;
    uint64_t best_ns;     /* of a pass */
    uint64_t best_cpu_ns; /* of a pass */
    uint64_t user_us;
    uint64_t sys_us;
    uint64_t faults;
    uint64_t passes;
};

static void pass_add(struct total *total, struct run *run,
                     struct replay *replay)
{
    stage.sampled = total->passes == 0;
    run_start(run);
    uint64_t begin = cpu_ns();
    play_pass(false);
    uint64_t cpu = cpu_ns() - begin;
    run_stop(run, replay->ncalls);
    leftovers_drop(replay, false);
    total->wall_ns += run->wall_ns;
    total->user_us += run->user_us;
    total->sys_us += run->sys_us;
    total->faults += run->faults;
    if (total->passes == 0 || cpu < total->best_cpu_ns)
        total->best_cpu_ns = cpu;
    if (total->passes++ == 0 || run->wall_ns < total->best_ns)
        total->best_ns = run->wall_ns;
}

static bool enough(const struct total *total, const struct run *run)
{
    if (run->options.ops)
        return run->ops * total->passes >= run->options.ops;
    return (double)total->wall_ns >= run->options.seconds * 1e9;
}

static void replay_file(struct run *run, const char *path)
{
    static struct replay replay;
    struct total total = {.passes = 0};
    unsigned asked = run->options.threads;
    if (asked > 1) {
        dprintf(2, "bench_work: a trace has its own threads: only --threads 1 "
                   "changes them\n");
        _exit(2);
    }
    replay_load(&replay, path, asked == 1);
    run->options.threads = replay.nplayers;
    stage.run = run;
    stage.replay = &replay;
    stage.touch = run->options.touch;
    do {
        pass_add(&total, run, &replay);
    } while (!enough(&total, run));
    run->wall_ns = total.wall_ns;
    run->user_us = total.user_us;
    run->sys_us = total.sys_us;
    run->faults = total.faults;
    run->ops = replay.ncalls * total.passes;
    run->best_ns = (double)total.best_ns / (double)replay.ncalls;
    run_extra(run, "trace_calls", (double)replay.ncalls);
    run_extra(run, "passes", (double)total.passes);
    run_extra(run, "overhead_share",
              (double)null_cpu_ns(&replay) / (double)total.best_cpu_ns);
}

static void replay_given(struct run *run)
{
    if (!run->options.trace) {
        dprintf(2, "bench_work: which trace? --trace FILE\n");
        _exit(2);
    }
    replay_file(run, run->options.trace);
}

static void replay_python(struct run *run)
{
    replay_file(run, BENCH_TRACES "/python.trace");
}

static void replay_gcc(struct run *run)
{
    replay_file(run, BENCH_TRACES "/gcc.trace");
}

static void replay_redis(struct run *run)
{
    replay_file(run, BENCH_TRACES "/redis.trace");
}

const struct workload replay_workloads[] = {
    {"replay", "the trace of --trace FILE, with its threads", replay_given, 0},
    {"trace-python", "a python3 script on dicts, strings and json",
     replay_python, 0},
    {"trace-gcc", "cc1 -O2 compiling C", replay_gcc, 0},
    {"trace-redis", "redis-server, 2 I/O threads, lazy freeing, under load",
     replay_redis, 0},
    {NULL, NULL, NULL, 0},
};
