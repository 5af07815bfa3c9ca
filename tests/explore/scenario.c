/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include "arena/chunk.h"
#include "base/atomic.h"
#include "base/tunables.h"
#include "harden/harden.h"
#include "heap/fast.h"
#include "heap/fast_chunk.h"
#include "heap/heap.h"
#include "heap/remote.h"
#include "heap/thread_exit.h"
#include "os/os_barrier.h"
#include "page/zone.h"
#include "points.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void kernel_thread_exit(void);

size_t explore_help_bytes = SIZE_MAX;
unsigned explore_batch = 1;
int explore_mutant;
bool explore_harden;

enum {
    /* Four objects a slab: few states.  Room for a canary. */
    BLOCK_SIZE = 8 * KIB - 16,
};

/* All of this is in the world. */
_Atomic(void *) blocks[NBLOCKS];
static const struct scenario *now;
static struct heap *lock_target;
static int inside; /* threads that hold the lock of lock_target */

/* Each block says which it is, behind what its free form holds. */
static uint64_t *stamp_of(void *mem)
{
    return (uint64_t *)mem + 2;
}

/* Nobody else may have any part of [mem, mem + size). */
static void check_distinct(const char *mem)
{
    for (int i = 0; i < NBLOCKS; i++) {
        const char *other = blocks[i];
        if (other != NULL && mem < other + BLOCK_SIZE &&
            other < mem + BLOCK_SIZE)
            explore_fail("%p was handed out twice", (const void *)mem);
    }
}

/* As in api/entry.h, which cannot be had without api/. */
static void *block_alloc(size_t size)
{
    bool fresh;

    return harden_active ? harden_alloc(size, &fresh)
                         : heap_alloc(size, &fresh);
}

void scenario_free(void *mem)
{
    if (harden_active) {
        harden_free(mem);
    } else {
        heap_free(mem);
    }
}

/* As malloc() in api/malloc.c. */
static void op_alloc(int block)
{
    void *mem = fast_alloc_medium(heap_front(), BLOCK_SIZE);

    if (mem == NULL)
        mem = block_alloc(BLOCK_SIZE);
    if (mem == NULL)
        explore_fail("no memory");
    check_distinct(mem);
    *stamp_of(mem) = (uint64_t)block;
    /* release: pairs with op_free() */
    store_release(&blocks[block], mem);
}

/* As free() in api/malloc.c. */
static void free_as_api(void *mem)
{
    struct heap *heap = heap_back();
    uint32_t kind = fast_kind(heap, mem);

    if (harden_wraps) {
        scenario_free(mem);
        return;
    }
    if (kind < NSLAB) {
        if (!fast_free_object(heap, mem, kind) && bin_spill(heap, kind, mem))
            heap_maintain(heap);
        return;
    }
    if (kind == KIND_CHUNK && fast_free_chunk(heap, mem))
        return;
    if (!fast_is_foreign(heap, kind) ||
        !remote_free_tagged(heap, kind ^ heap->tag, mem))
        scenario_free(mem);
}

static void op_free(int block)
{
    void *mem;

    /* acquire: pairs with op_alloc() */
    while ((mem = load_acquire(&blocks[block])) == NULL)
        explore_point(POINT_WAIT, NULL);
    if (*stamp_of(mem) != (uint64_t)block)
        explore_fail("block %d was overwritten", block);
    /* stale ok: it is this thread's now */
    store_relaxed(&blocks[block], NULL);
    free_as_api(mem);
}

/* The time between locking and unlocking. */
static void critical(void)
{
    if (inside++ != 0)
        explore_fail("two threads hold the lock");
    explore_point(POINT_AFTER, NULL);
    if (inside-- != 1)
        explore_fail("two threads hold the lock");
}

static void op_enter(struct heap *heap)
{
    uint32_t epoch = heap_try_enter(heap);

    if ((epoch & 1) != 0)
        return;
    critical();
    heap_leave(heap, epoch);
}

NO_THREAD_SAFETY static void op_lock(char op)
{
    if (op == 's') {
        op_enter(lock_target);
        return;
    }
    if (op == 'y' && !heap_try_lock_remote(lock_target))
        return;
    if (op == 'h')
        heap_lock_remote(lock_target);
    if (op == 'l')
        heap_lock(lock_target);
    critical();
    if (op == 'l') {
        heap_unlock(lock_target);
    } else {
        heap_unlock_remote(lock_target);
    }
}

static void op_collect(struct heap *heap)
{
    heap_lock(heap);
    remote_collect_owner(heap);
    heap_unlock(heap);
}

static void op_end(bool is_reborn)
{
    kernel_thread_exit();
    if (is_reborn)
        thread_forget_tls();
}

static void run_op(char op, int block)
{
    switch (op) {
    case 'a':
        op_alloc(block);
        break;
    case 'f':
        op_free(block);
        break;
    case 'u':
        remote_flush(heap_get());
        break;
    case 'c':
        op_collect(heap_get());
        break;
    case 'm':
        threads->now_ms += 300;
        heap_maintain(heap_get());
        break;
    case 't':
        heap_trim(0);
        break;
    case 'e':
    case 'x':
        op_end(op == 'x');
        break;
    default:
        op_lock(op);
    }
}

static void run_program(const char *program)
{
    while (*program != '\0') {
        char *end;
        char op = *program;
        int block = (int)strtol(program + 1, &end, 10);
        run_op(op, block);
        program = end + strspn(end, " ");
    }
}

static void run_thread(int i)
{
    run_program(now->setup[i]);
    thread_park(POINT_START, NULL);
    run_program(now->run[i]);
}

static void complain(const char *why, const char *item, size_t len)
{
    explore_fail("%s \"%.*s\"", why, (int)len, item);
}

/* As api/init.c, with the scenario's tunables. */
static void start(void)
{
    if (explore_harden)
        tunables_parse("harden:1", complain);
    tunables.slab_after = 0;
    tunables.slab_max = now->classic ? 0 : SLAB_MAX;
    explore_help_bytes = now->help_bytes != 0 ? now->help_bytes : SIZE_MAX;
    explore_batch = now->batch != 0 ? now->batch : 1;
    threads->now_ms = 1000;
    chunk_secret = 0x9e3779b97f4a7c15u;
    os_membarrier_init();
    thread_exit_init();
    if (!zone_init())
        explore_fail("liballoc does not start");
    harden_init();
    registry_set_slow(SLOW_ALWAYS, harden_wraps);
    if (!registry_init())
        explore_fail("liballoc does not start");
    /* The clock's first look is a tick: not in the threads. */
    scenario_free(block_alloc(BLOCK_SIZE));
    heap_trim(0);
}

static void die(const char *when)
{
    failure_text("\n", 1);
    failure_text(when, strlen(when));
    if (write(2, failure(), strlen(failure())) < 0)
        _exit(3);
    _exit(2);
}

void scenario_start(const struct scenario *scenario)
{
    now = scenario;
    if (!thread_run_check(start))
        die(": explore: before the start\n");
    thread_check_ends();
    for (int i = 0; i < NTHREADS; i++) {
        thread_create(i, run_thread);
        if (!thread_step(i, 0))
            die(": explore: in a set-up\n");
    }
    lock_target = *(struct heap **)thread_tls_of(0, &thread_own);
    world_freeze();
}

const struct scenario *scenario_find(const char *name)
{
    for (const struct scenario *it = scenarios; it->name != NULL; it++) {
        if (strcmp(it->name, name) == 0)
            return it;
    }
    return NULL;
}
