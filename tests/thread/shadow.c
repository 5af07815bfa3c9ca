/* SPDX-License-Identifier: MIT */
/*
 * shadow: a random test against a model.  Each thread keeps a table of what
 * it believes of its blocks and holds the allocator to it: contents stay,
 * blocks do not overlap (contents.h says how far both are looked at),
 * alignment, usable size, zeroes of calloc, errno.  Three in ten frees are
 * left to another thread, through a mailbox.  Each worker is a succession of
 * eight threads, so that heaps are retired and adopted on the way.
 *
 *   shadow [--seed N] [--ops N] [THREADS]
 *
 * The seed is random and printed first; with it each worker does the same
 * operations again, interleaved as the scheduler likes.  CI: 1, 2, 8, 32
 * threads in three modes, > 2e8 in all (CMakeLists.txt); scripts/soak:
 * TEST_SCALE times OPS.
 */
#include "contents.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

enum {
    OPS = 25000000,
    MAX_THREADS = 64,
    MAX_SLOTS = 4096,
    MAILS = 1024,
    LETTERS = 32, /* blocks sent at a time */
    GENERATIONS = 8,
    PATIENCE = 20, /* looks at a full box */
};

struct mailbox {
    pthread_mutex_t lock;
    unsigned n;
    struct block mail[MAILS];
};

struct worker {
    unsigned id;
    unsigned generation;
    sem_t done;
    atomic_bool gone; /* reads its mail no longer */
    uint64_t random;  /* state of the generator */
    uint64_t steps;   /* of a generation */
    uint64_t ops;     /* checked calls of the allocator */
    uint64_t frees;
    uint64_t foreign;       /* frees of blocks another worker made */
    uint64_t failures_seen; /* requests that were meant to fail, and did */
    unsigned to;            /* whom the letters are for */
    unsigned nletters;
    struct block letters[LETTERS];
    struct mailbox box;
    struct block slots[MAX_SLOTS];
};

static struct worker *workers; /* mmapped: the model is not on the heap */
static unsigned nworkers = 1;
static unsigned nslots = MAX_SLOTS;
static uint64_t run_seed;

_Noreturn static void broken(const struct block *block, const char *what,
                             size_t at)
{
    fprintf(stderr,
            "FAIL shadow: %s at byte %zu of block %p, size %zu, align %u; "
            "again with --seed %" PRIu64 "\n",
            what, at, (void *)block->mem, block->size, block->align, run_seed);
    abort();
}

static void block_check(const struct block *block)
{
    size_t wrong = contents_wrong(block, block->size);
    if (wrong != SIZE_MAX) {
        broken(block, "contents changed", wrong);
    }
}

/* Every byte up to 4 KiB, then the places of the pattern. */
static void check_zero(const struct block *block)
{
    static const unsigned char zeroes[4 * KIB];
    size_t head = block->size < sizeof(zeroes) ? block->size : sizeof(zeroes);
    if (memcmp(block->mem, zeroes, head) != 0) {
        broken(block, "calloc is not zero", 0);
    }
    for (size_t at = head; at < block->size; at += contents_stride(block)) {
        if (block->mem[at] != 0) {
            broken(block, "calloc is not zero", at);
        }
    }
    if (block->size > 0 && block->mem[block->size - 1] != 0) {
        broken(block, "calloc is not zero", block->size - 1);
    }
}

static void *alloc_aligned(struct worker *worker, struct block *block)
{
    uint64_t random = random_next(&worker->random);
    size_t most = random % 8 == 0 ? 12 : 7;
    void *mem = NULL;
    block->align = (uint16_t)(16u << random_part(random, most));
    switch (random / 8 % 3) {
    case 0:
        return aligned_alloc(block->align, block->size);
    case 1:
        return memalign(block->align, block->size);
    default:
        return posix_memalign(&mem, block->align, block->size) == 0 ? mem
                                                                    : NULL;
    }
}

static void *alloc_any(struct worker *worker, struct block *block, size_t dice)
{
    if (dice < 180) {
        return malloc(block->size);
    }
    if (dice < 220) {
        return calloc(1, block->size);
    }
    return dice < 240 ? realloc(NULL, block->size)
                      : alloc_aligned(worker, block);
}

static void block_alloc(struct worker *worker, struct block *block)
{
    uint64_t random = random_next(&worker->random);
    size_t dice = random % 256;
    block->size = random_size(&worker->random);
    block->align = block->size < 16 ? 8 : 16;
    block->from = (uint16_t)worker->id;
    block->seed = (uint32_t)(random >> 32);
    block->mem = launder(alloc_any(worker, block, dice));
    if (block->mem == NULL) {
        broken(block, "out of memory", 0);
    }
    if ((uintptr_t)block->mem % block->align != 0) {
        broken(block, "misaligned", 0);
    }
    if (dice >= 180 && dice < 220) {
        check_zero(block);
    }
    if (random / 256 % 8 == 0) {
        size_t usable = malloc_usable_size(block->mem);
        if (usable < block->size) {
            broken(block, "usable size below the request", usable);
        }
        if (usable < 64 * KIB) {
            block->size = usable; /* all of it is ours */
        }
    }
    contents_write(block);
    worker->ops++;
}

static void block_free(struct worker *worker, struct block *block)
{
    block_check(block);
    errno = 4242;
    free(block->mem);
    if (errno != 4242) {
        broken(block, "free changed errno", (size_t)errno);
    }
    block->mem = NULL;
    worker->ops++;
    worker->frees++;
    worker->foreign += block->from != worker->id;
}

static void block_realloc(struct worker *worker, struct block *block)
{
    uint64_t random = random_next(&worker->random);
    size_t size = random % 2 == 0
                      ? block->size + block->size / 8 + 1 /* in place */
                      : random_size(&worker->random) + 1;
    block_check(block);
    size_t least = size < block->size ? size : block->size;
    void *mem = launder(realloc(block->mem, size));
    if (mem == NULL) {
        broken(block, "realloc out of memory", size);
    }
    block->mem = mem;
    block->align = 16;
    if (malloc_usable_size(mem) < size || (uintptr_t)mem % 8 != 0) {
        broken(block, "realloc gave a bad block", size);
    }
    size_t wrong = contents_wrong(block, least);
    if (wrong != SIZE_MAX) {
        broken(block, "realloc lost contents", wrong);
    }
    block->size = size;
    block->seed = (uint32_t)(random >> 32);
    contents_write(block);
    worker->ops++;
}

/* A request that must fail leaves everything as it was. */
static void ask_too_much(struct worker *worker, struct block *block)
{
    uint64_t random = random_next(&worker->random);
    size_t size = launder_size(SIZE_MAX - random_part(random, 8192));
    errno = 0;
    void *mem = random % 2 == 0 ? realloc(block->mem, size) : malloc(size);
    if (mem != NULL || errno != ENOMEM) {
        broken(block, "an absurd request did not fail", size);
    }
    worker->ops++;
    worker->failures_seen++;
}

static void mail_collect(struct worker *worker, struct mailbox *box)
{
    struct block got[MAILS];
    pthread_mutex_lock(&box->lock);
    unsigned n = box->n;
    memcpy(got, box->mail, n * sizeof(struct block));
    box->n = 0;
    pthread_mutex_unlock(&box->lock);
    for (unsigned i = 0; i < n; i++) {
        block_free(worker, &got[i]);
    }
}

static bool mail_try(struct worker *worker, struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    bool fits = box->n + worker->nletters <= MAILS;
    if (fits) {
        memcpy(&box->mail[box->n], worker->letters,
               worker->nletters * sizeof(struct block));
        box->n += worker->nletters;
        worker->nletters = 0;
    }
    pthread_mutex_unlock(&box->lock);
    return fits;
}

/*
 * Waits for a reader that is slow, and reads its own mail meanwhile, so that
 * no circle of writers waits for ever; one that has gone is stood in for.
 */
static void mail_deliver(struct worker *worker)
{
    struct worker *reader = &workers[worker->to];
    for (int tries = 1; !mail_try(worker, &reader->box); tries++) {
        mail_collect(worker, &worker->box);
        if (atomic_load(&reader->gone)) {
            mail_collect(worker, &reader->box);
        } else if (tries < PATIENCE) {
            sched_yield();
        } else {
            usleep(100);
        }
    }
}

/* Leaves the block to another worker to check and free. */
static void mail_send(struct worker *worker, struct block *block)
{
    if (worker->nletters == 0) {
        size_t step = 1 + random_below(&worker->random, nworkers - 1);
        worker->to = (worker->id + (unsigned)step) % nworkers;
    }
    worker->letters[worker->nletters++] = *block;
    block->mem = NULL;
    if (worker->nletters == LETTERS) {
        mail_deliver(worker);
    }
}

static void step(struct worker *worker)
{
    uint64_t random = random_next(&worker->random);
    struct block *block = &worker->slots[random_part(random, nslots)];
    size_t dice = random % 1024;
    if (block->mem == NULL) {
        block_alloc(worker, block);
    } else if (dice < 150) {
        block_realloc(worker, block);
    } else if (dice < 152) {
        ask_too_much(worker, block);
    } else if (dice < 560 && nworkers > 1) {
        mail_send(worker, block);
    } else {
        block_free(worker, block);
    }
    if (dice % 64 == 0) {
        mail_collect(worker, &worker->box);
    }
}

static void finish(struct worker *worker)
{
    for (unsigned i = 0; i < nslots; i++) {
        if (worker->slots[i].mem != NULL) {
            block_free(worker, &worker->slots[i]);
        }
    }
    mail_deliver(worker);
    atomic_store(&worker->gone, true);
    mail_collect(worker, &worker->box);
    sem_post(&worker->done);
}

static void *work(void *arg);

static bool start(struct worker *worker)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, work, worker) == 0 &&
           pthread_detach(thread) == 0;
}

/* One generation; the next goes on with its blocks. */
static void *work(void *arg)
{
    struct worker *worker = arg;
    for (uint64_t i = 0; i < worker->steps; i++) {
        step(worker);
    }
    if (++worker->generation == GENERATIONS) {
        finish(worker);
    } else if (!start(worker)) {
        fprintf(stderr, "FAIL shadow: no thread\n");
        abort();
    }
    return NULL;
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
        workers[i].steps = ops / nworkers / GENERATIONS;
        workers[i].random = mix(run_seed + i);
        sem_init(&workers[i].done, 0, 0);
        pthread_mutex_init(&workers[i].box.lock, NULL);
    }
    for (unsigned i = 0; i < nworkers; i++) {
        if (!start(&workers[i])) {
            return -1;
        }
    }
    return 0;
}

/* Waits for all; their figures, added up. */
static bool report(void)
{
    struct worker *all = &workers[0];
    for (unsigned i = 0; i < nworkers; i++) {
        while (sem_wait(&workers[i].done) != 0) {
        }
    }
    for (unsigned i = 0; i < nworkers; i++) {
        mail_collect(&workers[i],
                     &workers[i].box); /* what came after its reader had gone */
    }
    for (unsigned i = 1; i < nworkers; i++) {
        all->ops += workers[i].ops;
        all->frees += workers[i].frees;
        all->foreign += workers[i].foreign;
        all->failures_seen += workers[i].failures_seen;
    }
    printf("ok: %" PRIu64 " operations, %.1f %% of %" PRIu64
           " frees by another thread, %" PRIu64
           " requests refused, peak RSS %zu MiB\n",
           all->ops, 100.0 * (double)all->foreign / (double)all->frees,
           all->frees, all->failures_seen, self_status_bytes("VmHWM:") / MIB);
    return (nworkers == 1 || all->foreign > all->frees / 10 * 3) &&
           all->failures_seen > 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", 1, NULL, 's'}, {"ops", 1, NULL, 'o'}, {NULL, 0, NULL, 0}};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    run_seed = mix((uint64_t)now.tv_nsec + (uint64_t)getpid()) >> 16;
    uint64_t ops = (uint64_t)OPS * test_scale();
    for (int it; (it = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (it == 's') {
            run_seed = strtoull(optarg, NULL, 0);
        } else if (it == 'o') {
            ops = strtoull(optarg, NULL, 0);
        } else {
            return 2;
        }
    }
    nworkers = optind < argc ? (unsigned)atoi(argv[optind]) : 1;
    if (nworkers < 1 || nworkers > MAX_THREADS) {
        return 2;
    }
    nslots = MAX_SLOTS / (nworkers < 4 ? 1 : nworkers / 2);
    printf("shadow: %u threads, %" PRIu64 " operations, --seed %" PRIu64 "\n",
           nworkers, ops, run_seed);
    fflush(stdout);
    if (start_all(ops) != 0) {
        perror("shadow");
        return 2;
    }
    return report() ? 0 : 1;
}
