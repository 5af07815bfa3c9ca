/* SPDX-License-Identifier: MIT */
#include "unit_heap.h"

#include <sched.h>

enum { MANY = 4000 };

static void *blocks[MANY];
static struct heap *owner;
static sem_t ready;
static sem_t go_on;

/* Where the owner stops until it is told to go on. */
static void pause_owner(void)
{
    sem_post(&ready);
    sem_wait(&go_on);
}

/* Allocates MANY blocks, sleeps while others free them, and looks. */
static void *own(void *size)
{
    for (int i = 0; i < MANY; i++) {
        blocks[i] = get((uintptr_t)size);
        CHECK(blocks[i] != NULL);
    }
    owner = thread_own;
    pause_owner();
    /* Whatever came home is usable and distinct. */
    for (int i = 0; i < MANY; i++) {
        blocks[i] = get((uintptr_t)size);
        memset(blocks[i], i, (uintptr_t)size);
    }
    for (int i = 0; i < MANY; i++)
        CHECK(is_filled(blocks[i], i, (uintptr_t)size));
    pause_owner();
    return NULL;
}

static pthread_t start(void *(*body)(void *), size_t size)
{
    pthread_t thread;

    heap_start();
    sem_init(&ready, 0, 0);
    sem_init(&go_on, 0, 0);
    REQUIRE(pthread_create(&thread, NULL, body, (void *)size) == 0);
    sem_wait(&ready);
    return thread;
}

static void end(pthread_t thread)
{
    sem_post(&go_on);
    pthread_join(thread, NULL);
}

/* Objects that slabs of the heap count as out. */
static size_t objects_out(struct heap *heap, size_t size)
{
    size_t count = 0;
    struct slab_cache *cache = &heap->slab_caches[size_class(size)];
    struct list_head *lists[] = {&cache->partial, &cache->full, &cache->empty};

    if (cache->active != NULL)
        count += cache->active->inuse;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        struct list_head *head = lists[i];
        for (struct list_head *it = head->next; it != NULL && it != head;
             it = it->next)
            count += CONTAINER_OF(it, struct slab, lru)->inuse;
    }
    return count;
}

static void free_all(void)
{
    for (int i = 0; i < MANY; i++)
        heap_free(blocks[i]);
}

TEST_CHILD(remote, objects_freed_by_another_thread_come_home)
{
    pthread_t thread = start(own, 128);
    free_all();
    remote_flush(thread_own);
    sem_post(&go_on);
    sem_wait(&ready);
    /* All of them were used again: the owner needed hardly any more. */
    CHECK(objects_out(owner, 128) < MANY + 600);
    check_heap(owner);
    free_all();
    end(thread);
    check_heap(owner);
}

TEST_CHILD(remote, chunks_freed_by_another_thread_come_home)
{
    pthread_t thread = start(own, 8000);
    size_t system = owner->arena.system_mem;
    free_all();
    remote_flush(thread_own);
    sem_post(&go_on);
    sem_wait(&ready);
    CHECK(owner->arena.system_mem < system + system / 4);
    CHECK_NULL_TEXT(arena_check(&owner->arena));
    free_all();
    end(thread);
    check_heap(owner);
}

TEST_CHILD(remote, batches_wait_until_full_or_flushed)
{
    pthread_t thread = start(own, 128);
    size_t out = objects_out(owner, 128);
    struct slab *slab;
    struct block block;
    block_find(blocks[0], &block);
    slab = block.slab;
    heap_maintain(thread_own); /* not just now: a tick sends all batches */
    heap_free(blocks[0]);
    CHECK_EQ(atomic_load(&slab->remote), 0);
    remote_flush(thread_own);
    CHECK(atomic_load(&slab->remote) != 0);
    CHECK(atomic_load(&owner->pending) == slab);
    CHECK_EQ(objects_out(owner, 128), out);
    heap_lock_remote(owner);
    remote_collect_helper(owner);
    heap_unlock_remote(owner);
    CHECK_EQ(objects_out(owner, 128), out - 1);
    CHECK(atomic_load(&owner->pending) == NULL);
    check_heap(owner);
    sem_post(&go_on);
    sem_wait(&ready);
    end(thread);
}

TEST_CHILD(remote, batches_of_chunks_wait_until_flushed)
{
    pthread_t thread = start(own, 8000);
    heap_maintain(thread_own);
    for (int i = 0; i < 2; i++) { /* the flush does not end it */
        heap_free(blocks[i]);
        CHECK(atomic_load(&owner->pending_chunks) == NULL);
        remote_flush(thread_own);
        CHECK(atomic_load(&owner->pending_chunks) == blocks[i]);
        heap_lock_remote(owner);
        remote_collect_helper(owner);
        heap_unlock_remote(owner);
    }
    sem_post(&go_on);
    sem_wait(&ready);
    end(thread);
    check_heap(owner);
}

/*
 * While objects are on no list a reader of this process is told: the epoch is
 * odd for that time, and has moved after.  Under the lock it is odd already.
 */
TEST_CHILD(remote, who_sends_a_batch_says_so)
{
    pthread_t thread = start(own, 128);
    heap_maintain(thread_own);
    heap_free(blocks[0]);
    uint32_t before = atomic_load(&thread_own->epoch);
    remote_flush(thread_own);
    CHECK_EQ(atomic_load(&thread_own->epoch), before + 2);
    CHECK_EQ(before & 1, 0);
    heap_free(blocks[1]);
    heap_lock_owner(thread_own);
    before = atomic_load(&thread_own->epoch);
    remote_flush(thread_own);
    CHECK_EQ(atomic_load(&thread_own->epoch), before);
    CHECK_EQ(before & 1, 1);
    heap_unlock_owner(thread_own);
    sem_post(&go_on);
    sem_wait(&ready);
    end(thread);
}

/* The owner sleeps: 4 MiB freed by another thread must not be stranded. */
TEST_CHILD(remote, the_freer_helps_an_owner_that_sleeps)
{
    pthread_t thread = start(own, 1024);
    size_t out = objects_out(owner, 1024);
    CHECK(out >= MANY);
    free_all();
    remote_flush(thread_own);
    CHECK(objects_out(owner, 1024) < out - MANY / 2);
    check_heap(owner);
    sem_post(&go_on);
    sem_wait(&ready);
    end(thread);
}

TEST_CHILD(remote, the_freer_helps_an_arena_whose_owner_sleeps)
{
    pthread_t thread = start(own, 8000);
    size_t system = owner->arena.system_mem;
    free_all();
    remote_flush(thread_own);
    CHECK_NULL_TEXT(arena_check(&owner->arena));
    CHECK(owner->arena.free_bytes + (system - owner->arena.system_mem) >
          MANY * 8000 / 2);
    sem_post(&go_on);
    sem_wait(&ready);
    end(thread);
}

TEST_CHILD(remote, frees_for_an_ended_thread_are_collected_by_the_freer)
{
    pthread_t thread = start(own, 128);
    sem_post(&go_on);
    sem_wait(&ready);
    end(thread);
    CHECK_EQ(owner->state, HEAP_IDLE);
    size_t out = objects_out(owner, 128);
    free_all();
    remote_flush(thread_own);
    /* Some batches may wait for the next tick. */
    size_t left = objects_out(owner, 128) - (out - MANY);
    if (left > MANY / 4)
        TEST_FAILED("%zu of %d objects wait", left, MANY);
    check_heap(owner);
    /* The first MANY were never freed. */
    heap_trim(0);
    CHECK_EQ(objects_out(owner, 128), MANY);
}

TEST_DIES(remote, a_double_free_by_another_thread_is_fatal, "double free")
{
    start(own, 128);
    heap_free(blocks[5]);
    remote_flush(thread_own);
    heap_free(blocks[5]);
}

TEST_DIES(remote, a_double_free_of_a_chunk_by_another_thread_is_fatal,
          "double free")
{
    start(own, 8000);
    heap_free(blocks[5]);
    remote_flush(thread_own);
    heap_free(blocks[5]);
}

TEST_CHILD(remote, a_full_batch_is_sent_by_itself)
{
    pthread_t thread = start(own, 16);
    for (int i = 0; i < 600; i++)
        heap_free(blocks[i]);
    CHECK(atomic_load(&owner->pending) != NULL);
    remote_flush(thread_own);
    sem_post(&go_on);
    sem_wait(&ready);
    end(thread);
    check_heap(owner);
}

/*
 * The slab is announced, collected and announced again, with nothing else that
 * would order the two threads: of interest to ThreadSanitizer.
 */
static atomic_int turn;

static void wait_for(int value)
{
    while (atomic_load_explicit(&turn, memory_order_relaxed) != value)
        sched_yield();
}

static void give_turn(int value)
{
    atomic_store_explicit(&turn, value, memory_order_relaxed);
}

NO_THREAD_SAFETY static void *own_and_collect(UNUSED void *arg)
{
    for (int i = 0; i < 4; i++)
        blocks[i] = get(128);
    owner = thread_own;
    sem_post(&ready);
    for (int round = 0; round < 4; round++) {
        wait_for(2 * round + 1);
        heap_lock(owner);
        remote_collect_owner(owner);
        heap_unlock(owner);
        give_turn(2 * round + 2);
    }
    return NULL;
}

static void *free_in_turn(UNUSED void *arg)
{
    /* Without a heap: each free is sent at once. */
    for (int round = 0; round < 4; round++) {
        wait_for(2 * round);
        heap_free(blocks[round]);
        give_turn(2 * round + 1);
    }
    return NULL;
}

TEST_CHILD(remote, a_slab_is_announced_again_after_it_was_collected)
{
    pthread_t freer;
    pthread_t thread = start(own_and_collect, 0);
    size_t out = objects_out(owner, 128);
    REQUIRE(pthread_create(&freer, NULL, free_in_turn, NULL) == 0);
    pthread_join(freer, NULL);
    pthread_join(thread, NULL);
    CHECK_EQ(objects_out(owner, 128), out - 4);
    CHECK(atomic_load(&owner->pending) == NULL);
    check_heap(owner);
}

/* A batch is checked while the owner goes on carving its slab. */
static void *own_and_carve(UNUSED void *arg)
{
    for (int i = 0; i < 4; i++)
        blocks[i] = get(128);
    owner = thread_own;
    sem_post(&ready);
    wait_for(1);
    for (int i = 4; i < 200; i++)
        blocks[i] = get(128);
    give_turn(2);
    return NULL;
}

static void *free_while_carved(UNUSED void *arg)
{
    heap_free(get(128));
    heap_free(blocks[0]);
    give_turn(1);
    wait_for(2);
    remote_flush(thread_own);
    return NULL;
}

TEST_CHILD(remote, a_batch_is_sent_to_a_slab_that_is_carved_further)
{
    pthread_t freer;
    pthread_t thread = start(own_and_carve, 0);
    REQUIRE(pthread_create(&freer, NULL, free_while_carved, NULL) == 0);
    pthread_join(freer, NULL);
    pthread_join(thread, NULL);
    CHECK(atomic_load(&owner->pending) != NULL);
    check_heap(owner);
}
