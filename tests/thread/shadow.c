/* SPDX-License-Identifier: MIT */
/*
 * shadow: a random test against a model.  Each thread keeps a table of what
 * it believes of its blocks (size, alignment, the seed of their contents) and
 * holds the allocator to it: contents stay, blocks do not overlap (they would
 * spoil each other's contents), alignment, usable size, zeroes of calloc,
 * errno.  Three in ten frees are left to another thread, through a mailbox.
 *
 *   shadow [THREADS]     SHADOW_SEED=n repeats a run, SHADOW_OPS=n its length
 */
#include "black_box.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

enum { MAX_THREADS = 64, MAX_SLOTS = 4096, MAILS = 256 };

struct block {
    unsigned char *mem; /* NULL: an empty slot */
    size_t size;        /* bytes requested, and written with the pattern */
    size_t align;
    uint64_t seed; /* of the contents */
};

struct mailbox {
    pthread_mutex_t lock;
    unsigned n;
    struct block mail[MAILS];
};

struct worker {
    pthread_t thread;
    unsigned id;
    uint64_t random; /* state of the generator */
    uint64_t ops;
    uint64_t sent;
    uint64_t failures_seen; /* requests that were meant to fail, and did */
    struct mailbox box;
    struct block slots[MAX_SLOTS];
};

static struct worker *workers; /* mmapped: the model is not on the heap */
static unsigned nworkers = 1;
static unsigned nslots = MAX_SLOTS;
static uint64_t run_seed;

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

static uint64_t next_random(struct worker *worker)
{
    worker->random += 0x9e3779b97f4a7c15u;
    return mix(worker->random);
}

/* 0..n-1 */
static size_t below(struct worker *worker, size_t n)
{
    return (size_t)(next_random(worker) % n);
}

_Noreturn static void broken(const struct block *block, const char *what,
                             size_t at)
{
    fprintf(stderr,
            "FAIL shadow: %s at byte %zu of block %p, size %zu, align %zu; "
            "again with SHADOW_SEED=%" PRIu64 "\n",
            what, at, (void *)block->mem, block->size, block->align, run_seed);
    abort();
}

/*
 * Which bytes carry the pattern: all up to 1 KiB, then the ends and 8 bytes
 * in each 1 KiB.  Returns the next such byte at or after `at`.
 */
static size_t pattern_next(size_t at, size_t size)
{
    if (size <= 1024 || at < 256 || at >= size - 256 || at % 1024 < 8) {
        return at;
    }
    size_t next = (at / 1024 + 1) * 1024;
    return next < size - 256 ? next : size - 256;
}

static unsigned char pattern_at(uint64_t seed, size_t at)
{
    return (unsigned char)(mix(seed + at / 8) >> (at % 8 * 8));
}

static void block_write(const struct block *block)
{
    for (size_t at = 0; at < block->size; at++) {
        at = pattern_next(at, block->size);
        block->mem[at] = pattern_at(block->seed, at);
    }
}

/* Looks at the first `size` bytes of what was written. */
static void block_check(const struct block *block, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        at = pattern_next(at, block->size);
        if (at < size && block->mem[at] != pattern_at(block->seed, at)) {
            broken(block, "contents changed", at);
        }
    }
    size_t usable = malloc_usable_size(block->mem);
    if (usable < block->size) {
        broken(block, "usable size below the request", usable);
    }
}

/* Mostly small; few of many MiB. */
static size_t random_size(struct worker *worker)
{
    size_t dice = below(worker, 10000);
    if (dice < 6000) {
        return below(worker, 257);
    }
    if (dice < 8000) {
        return below(worker, 1100);
    }
    if (dice < 9700) {
        return below(worker, 32 * KIB);
    }
    if (dice < 9970) {
        return below(worker, 300 * KIB);
    }
    if (dice < 9998) {
        return below(worker, 3 * MIB);
    }
    return below(worker, 12 * MIB);
}

static void check_zero(const struct block *block)
{
    const unsigned char *mem = block->mem;
    if (block->size > 0 &&
        (mem[0] != 0 || memcmp(mem, mem + 1, block->size - 1) != 0)) {
        broken(block, "calloc is not zero", 0);
    }
}

static void block_alloc(struct worker *worker, struct block *block)
{
    size_t dice = below(worker, 100);
    void *mem = NULL;
    block->size = random_size(worker);
    block->align = block->size < 16 ? 8 : 16;
    block->seed = next_random(worker);
    if (dice < 60) {
        mem = malloc(block->size);
    } else if (dice < 80) {
        mem = calloc(1, block->size);
    } else if (dice < 85) {
        mem = realloc(NULL, block->size);
    } else {
        block->align = (size_t)1 << (4 + below(worker, dice < 88 ? 12 : 7));
        if (dice < 92) {
            mem = aligned_alloc(block->align, block->size);
        } else if (dice < 96) {
            mem = memalign(block->align, block->size);
        } else if (posix_memalign(&mem, block->align, block->size) != 0) {
            mem = NULL;
        }
    }
    block->mem = launder(mem);
    if (mem == NULL) {
        broken(block, "out of memory", 0);
    }
    if ((uintptr_t)mem % block->align != 0) {
        broken(block, "misaligned", 0);
    }
    if (dice >= 60 && dice < 80) {
        check_zero(block);
    }
    if (below(worker, 8) == 0 && block->size < 64 * KIB) {
        block->size = malloc_usable_size(mem); /* all of it is ours */
    }
    block_write(block);
}

static void block_free(struct block *block)
{
    block_check(block, block->size);
    errno = 4242;
    free(block->mem);
    if (errno != 4242) {
        broken(block, "free changed errno", (size_t)errno);
    }
    block->mem = NULL;
}

static void block_realloc(struct worker *worker, struct block *block)
{
    size_t size = random_size(worker) + 1;
    if (below(worker, 2) == 0) {
        size = block->size + block->size / 8 + 1; /* growth in place */
    }
    block_check(block, block->size);
    size_t least = size < block->size ? size : block->size;
    void *mem = launder(realloc(block->mem, size));
    if (mem == NULL) {
        broken(block, "realloc out of memory", size);
    }
    block->mem = mem;
    block->align = 16;
    struct block kept = *block; /* what was written before */
    if (malloc_usable_size(mem) < size || (uintptr_t)mem % 8 != 0) {
        broken(block, "realloc gave a bad block", size);
    }
    for (size_t at = 0; at < least; at++) {
        at = pattern_next(at, kept.size);
        if (at < least && kept.mem[at] != pattern_at(kept.seed, at)) {
            broken(block, "realloc lost contents", at);
        }
    }
    block->size = size;
    block->seed = next_random(worker);
    block_write(block);
}

/* A request that must fail leaves everything as it was. */
static void ask_too_much(struct worker *worker, struct block *block)
{
    size_t size = SIZE_MAX - below(worker, 8192);
    errno = 0;
    void *mem = below(worker, 2) == 0 ? realloc(block->mem, launder_size(size))
                                      : malloc(launder_size(size));
    if (mem != NULL || errno != ENOMEM) {
        broken(block, "an absurd request did not fail", size);
    }
    worker->failures_seen++;
}

/* Leaves the block to another worker to check and free; false: box full. */
static bool mail_send(struct worker *worker, struct block *block)
{
    struct worker *to = &workers[below(worker, nworkers)];
    bool sent = false;
    pthread_mutex_lock(&to->box.lock);
    if (to->box.n < MAILS) {
        to->box.mail[to->box.n++] = *block;
        block->mem = NULL;
        sent = true;
        worker->sent++;
    }
    pthread_mutex_unlock(&to->box.lock);
    return sent;
}

static void mail_collect(struct worker *worker)
{
    for (;;) {
        struct block got = {0};
        pthread_mutex_lock(&worker->box.lock);
        if (worker->box.n > 0) {
            got = worker->box.mail[--worker->box.n];
        }
        pthread_mutex_unlock(&worker->box.lock);
        if (got.mem == NULL) {
            return;
        }
        block_free(&got);
    }
}

static void step(struct worker *worker)
{
    struct block *block = &worker->slots[below(worker, nslots)];
    size_t dice = below(worker, 1000);
    if (block->mem == NULL) {
        block_alloc(worker, block);
    } else if (dice < 150) {
        block_realloc(worker, block);
    } else if (dice < 152) {
        ask_too_much(worker, block);
    } else if (dice < 420) {
        if (nworkers == 1 || !mail_send(worker, block)) {
            block_free(block);
        }
    } else {
        block_free(block);
    }
    if (dice % 16 == 0) {
        mail_collect(worker);
    }
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    for (uint64_t i = 0; i < worker->ops; i++) {
        step(worker);
    }
    for (unsigned i = 0; i < nslots; i++) {
        if (worker->slots[i].mem != NULL) {
            block_free(&worker->slots[i]);
        }
    }
    mail_collect(worker);
    return NULL;
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static int start_all(uint64_t ops)
{
    size_t bytes = sizeof(*workers) * nworkers;
    workers = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (workers == MAP_FAILED) {
        return -1;
    }
    for (unsigned i = 0; i < nworkers; i++) {
        workers[i].id = i;
        workers[i].ops = ops / nworkers;
        workers[i].random = mix(run_seed + i);
        pthread_mutex_init(&workers[i].box.lock, NULL);
    }
    for (unsigned i = 0; i < nworkers; i++) {
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    run_seed = from_env("SHADOW_SEED", (uint64_t)now.tv_nsec);
    uint64_t ops = from_env("SHADOW_OPS", 3000000);
    nworkers = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    if (nworkers < 1 || nworkers > MAX_THREADS) {
        return 2;
    }
    nslots = MAX_SLOTS / (nworkers < 4 ? 1 : nworkers / 2);
    printf("shadow: %u threads, %" PRIu64 " operations, SHADOW_SEED=%" PRIu64
           "\n",
           nworkers, ops, run_seed);
    fflush(stdout);
    if (start_all(ops) != 0) {
        perror("shadow");
        return 2;
    }
    uint64_t sent = 0;
    uint64_t failures_seen = 0;
    for (unsigned i = 0; i < nworkers; i++) {
        pthread_join(workers[i].thread, NULL);
        sent += workers[i].sent;
        failures_seen += workers[i].failures_seen;
    }
    for (unsigned i = 0; i < nworkers; i++) {
        mail_collect(&workers[i]); /* what came after its reader had gone */
    }
    printf("ok: %" PRIu64 " blocks freed by another thread, %" PRIu64
           " requests refused, peak RSS %zu MiB\n",
           sent, failures_seen, self_status_bytes("VmHWM:") / MIB);
    return (nworkers == 1 || sent > 0) && failures_seen > 0 ? 0 : 1;
}
