/* SPDX-License-Identifier: MIT */
/* The measured part: one thread or many, slices until time or work is up. */
#include "bench.h"
#include "latency.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

/* There only in bench_latency. */
#pragma weak latency_record

static uint64_t micros(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

void run_start(struct run *run)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    run->user_us = micros(usage.ru_utime);
    run->sys_us = micros(usage.ru_stime);
    run->faults = (uint64_t)usage.ru_minflt;
    run->started_ns = clock_ns();
    if (latency_record)
        latency_record(true);
}

void run_stop(struct run *run, uint64_t nops)
{
    if (latency_record)
        latency_record(false);
    run->wall_ns = clock_ns() - run->started_ns;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    run->user_us = micros(usage.ru_utime) - run->user_us;
    run->sys_us = micros(usage.ru_stime) - run->sys_us;
    run->faults = (uint64_t)usage.ru_minflt - run->faults;
    run->ops = nops;
    run->rss_kib = rss_kib();
}

bool run_done(const struct run *run, uint64_t nops)
{
    if (run->options.ops)
        return nops >= run->options.ops;
    double seconds = (double)(clock_ns() - run->started_ns) / 1e9;
    return seconds >= run->options.seconds;
}

void run_extra(struct run *run, const char *name, double value)
{
    if (run->nextras == MAX_EXTRAS)
        fail("too many extra figures");
    run->extras[run->nextras++] = (struct extra){name, value};
}

unsigned run_threads(const struct run *run)
{
    unsigned asked = run->options.threads;
    return asked ? asked : run->workload->threads;
}

/*
 * Left alone, two threads often share one CPU in turns: then nothing travels
 * between caches, and the time is a third or three times what it is else.
 */
void run_pin(unsigned k)
{
    cpu_set_t allowed;
    cpu_set_t one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    unsigned left = k % (unsigned)CPU_COUNT(&allowed);
    size_t cpu = 0;
    while (!CPU_ISSET(cpu, &allowed) || left-- > 0)
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    /* Refused (a sandbox): measured as the scheduler likes it. */
    (void)sched_setaffinity(0, sizeof one, &one);
}

struct team {
    struct run *run;
    const struct loop *loop;
    unsigned nthreads;
    uint64_t ops_each; /* 0: by time */
    pthread_barrier_t ready;
    pthread_barrier_t finished;
    struct worker workers[MAX_THREADS];
};

struct member {
    struct team *team;
    struct worker *worker;
};

static void warm_up(struct worker *worker, const struct loop *loop)
{
    bool by_time = worker->run->options.ops == 0;
    double share = by_time ? worker->run->options.seconds / 10 : 0;
    uint64_t end = clock_ns() + (uint64_t)(share * 1e9);
    uint64_t done = 0;
    do {
        loop->slice(worker, loop->slice_ops);
        done += loop->slice_ops;
    } while (done < loop->warm_ops || clock_ns() < end);
}

static void measure(struct worker *worker, const struct loop *loop,
                    uint64_t ops_each)
{
    double seconds = worker->run->options.seconds;
    uint64_t begin = clock_ns();
    uint64_t end = begin + (uint64_t)(seconds * 1e9);
    uint64_t before = begin;
    for (;;) {
        loop->slice(worker, loop->slice_ops);
        uint64_t now = clock_ns();
        double each = (double)(now - before) / (double)loop->slice_ops;
        if (worker->best_ns == 0 || each < worker->best_ns)
            worker->best_ns = each;
        worker->ops += loop->slice_ops;
        before = now;
        if (ops_each ? worker->ops >= ops_each : now >= end)
            return;
    }
}

static void member_run(struct team *team, struct worker *worker)
{
    const struct loop *loop = team->loop;
    if (team->nthreads > 1)
        run_pin(worker->index);
    loop->setup(worker);
    warm_up(worker, loop);
    if (team->nthreads > 1)
        pthread_barrier_wait(&team->ready);
    if (worker->index == 0)
        run_start(team->run);
    measure(worker, loop, team->ops_each);
    if (team->nthreads > 1)
        pthread_barrier_wait(&team->finished);
}

static void *member_main(void *arg)
{
    struct member *member = arg;
    member_run(member->team, member->worker);
    /* The main thread looks at the memory before anybody lets go of it. */
    pthread_barrier_wait(&member->team->finished);
    if (member->team->loop->finish)
        member->team->loop->finish(member->worker);
    return NULL;
}

static void team_stop(struct team *team)
{
    uint64_t nops = 0;
    struct run *run = team->run;
    for (unsigned i = 0; i < team->nthreads; i++) {
        const struct worker *worker = &team->workers[i];
        nops += worker->ops;
        if (run->best_ns == 0 || worker->best_ns < run->best_ns)
            run->best_ns = worker->best_ns;
    }
    run_stop(run, nops);
}

/* Workers 1.. get a thread each; worker 0 is the main thread. */
static void run_many(struct team *team)
{
    static pthread_t threads[MAX_THREADS];
    static struct member members[MAX_THREADS];
    pthread_barrier_init(&team->ready, NULL, team->nthreads);
    pthread_barrier_init(&team->finished, NULL, team->nthreads);
    for (unsigned i = 1; i < team->nthreads; i++) {
        members[i] = (struct member){team, &team->workers[i]};
        if (pthread_create(&threads[i], NULL, member_main, &members[i]) != 0)
            fail("cannot start a thread");
    }
    member_run(team, &team->workers[0]);
    team_stop(team);
    pthread_barrier_wait(&team->finished);
    if (team->loop->finish)
        team->loop->finish(&team->workers[0]);
    for (unsigned i = 1; i < team->nthreads; i++)
        pthread_join(threads[i], NULL);
}

void run_loop(struct run *run, const struct loop *loop)
{
    static struct team team;
    unsigned nthreads = run_threads(run);
    team.run = run;
    team.loop = loop;
    team.nthreads = nthreads;
    team.ops_each = (run->options.ops + nthreads - 1) / nthreads;
    run->options.threads = nthreads;
    for (unsigned i = 0; i < nthreads; i++) {
        union {
            const void *params;
            void *state;
        } initial = {.params = loop->params};
        team.workers[i].run = run;
        team.workers[i].index = i;
        team.workers[i].rng = rng_make(run->options.seed + i * 1000003ul);
        team.workers[i].state = initial.state;
    }
    if (nthreads > 1) {
        run_many(&team);
        return;
    }
    member_run(&team, &team.workers[0]);
    team_stop(&team);
    if (loop->finish)
        loop->finish(&team.workers[0]);
}
