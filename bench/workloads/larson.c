/* SPDX-License-Identifier: MIT */
/*
 * A server whose threads hand objects on, after Larson and Krishnan (ISMM
 * 1998): a session is an array of 1000 live objects of 8-1000 B.  A thread
 * takes a session from the pool, replaces 10 000 of its objects, puts it back;
 * after 20 sessions the thread ends and starts its successor.  So objects are
 * freed by living threads that did not make them and outlive those that did.
 * One op is one free and one malloc.
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    OBJECTS = 1000,
    REPLACED = 10000,
    SESSIONS_PER_LIFE = 20,
};

struct session {
    struct session *next;
    void *objects[OBJECTS];
};

/* First in, first out: a session rarely comes back to the same thread. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t finished;
    struct session *first;
    struct session **last;
    unsigned nservers; /* chains still running */
};

struct server {
    struct run *run;
    struct pool *pool;
    struct rng rng;
    uint64_t ops;
    uint64_t lives;
};

static struct session *pool_get(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct session *session = pool->first;
    pool->first = session->next;
    if (!pool->first)
        pool->last = &pool->first;
    pthread_mutex_unlock(&pool->lock);
    return session;
}

static void pool_put(struct pool *pool, struct session *session)
{
    session->next = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->last = session;
    pool->last = &session->next;
    pthread_mutex_unlock(&pool->lock);
}

static void pool_leave(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->nservers--;
    pthread_cond_signal(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
}

static void serve(struct server *server, struct session *session)
{
    struct rng rng = server->rng;
    for (unsigned i = 0; i < REPLACED; i++) {
        uint64_t random = rng_next(&rng);
        size_t slot = rng_scale((uint32_t)random, OBJECTS);
        size_t size = 8 + rng_scale((uint32_t)(random >> 32), 993);
        free(session->objects[slot]);
        void *mem = check_block(malloc(size));
        memcpy(mem, &random, sizeof random);
        session->objects[slot] = mem;
    }
    server->rng = rng;
    server->ops += REPLACED;
}

static void *server_life(void *arg);

static void start_life(struct server *server)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, server_life, server) != 0)
        fail("cannot start a thread");
    pthread_detach(thread);
}

static void *server_life(void *arg)
{
    struct server *server = arg;
    server->lives++;
    for (unsigned i = 0; i < SESSIONS_PER_LIFE; i++) {
        struct session *session = pool_get(server->pool);
        serve(server, session);
        pool_put(server->pool, session);
        if (run_done(server->run, server->ops)) {
            pool_leave(server->pool);
            return NULL;
        }
    }
    start_life(server);
    return NULL;
}

static void make_sessions(struct pool *pool, unsigned count, struct rng *rng)
{
    struct session *sessions = harness_pages(count * sizeof *sessions);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < OBJECTS; k++) {
            size_t size = rng_range(rng, 8, 1000);
            sessions[i].objects[k] = check_block(malloc(size));
            memset(sessions[i].objects[k], 1, 8);
        }
        pool_put(pool, &sessions[i]);
    }
}

static void larson(struct run *run)
{
    static struct pool pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .finished = PTHREAD_COND_INITIALIZER};
    unsigned nservers = run_threads(run);
    struct server *servers = harness_pages(nservers * sizeof *servers);
    struct rng rng = rng_make(run->options.seed);
    uint64_t nops = 0;
    uint64_t nlives = 0;
    run->options.threads = nservers;
    pool.last = &pool.first;
    pool.nservers = nservers;
    /* More sessions than servers: some always wait, as requests do. */
    make_sessions(&pool, 2 * nservers + 3, &rng);
    run_start(run);
    for (unsigned i = 0; i < nservers; i++) {
        servers[i] = (struct server){.run = run, .pool = &pool};
        servers[i].rng = rng_make(run->options.seed + 1 + i);
        start_life(&servers[i]);
    }
    pthread_mutex_lock(&pool.lock);
    while (pool.nservers > 0)
        pthread_cond_wait(&pool.finished, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
    for (unsigned i = 0; i < nservers; i++) {
        nops += servers[i].ops;
        nlives += servers[i].lives;
    }
    run_stop(run, nops);
    run_extra(run, "lives", (double)nlives);
}

const struct workload larson_workloads[] = {
    {"larson", "server threads that hand sessions on and are replaced", larson,
     2},
    {NULL, NULL, NULL, 0},
};
