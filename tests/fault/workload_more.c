/* SPDX-License-Identifier: MIT */
/*
 * Threads run one at a time: the counter of the fault injection is no atomic,
 * and the n-th call is to be the same one in every run.
 */
#define TEST_NO_MAIN
#include "workload_more.h"

#include "liballoc.h"
#include "workload.h"

#include <pthread.h>
#include <semaphore.h>

enum { OBJECTS = 300, BLOCKS = 80 };

static void construct(void *object)
{
    memset(object, 0x5a, 200);
}

void cache_objects(void)
{
    struct liballoc_cache *cache = taken(
        liballoc_cache_create("fault", 200, 64, LIBALLOC_NO_MERGE, construct),
        1);
    void *object[OBJECTS];

    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        errno = 0;
        object[i] = liballoc_cache_alloc(cache, 0);
        CHECK(object[i] != NULL || (errno == ENOMEM && !kernel_is_generous));
        CHECK(object[i] == NULL || ((unsigned char *)object[i])[199] == 0x5a);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        liballoc_cache_free(cache, object[i]);
    }
    liballoc_cache_shrink(cache);
    CHECK_EQ(liballoc_cache_destroy(cache), 0);
}

void user_pages(void)
{
    void *block[LIBALLOC_MAX_ORDER + 1];
    void *exact[20];

    for (unsigned order = 0; order <= LIBALLOC_MAX_ORDER; order++) {
        errno = 0;
        block[order] = liballoc_pages_alloc(order, order % 8 == 1);
        CHECK(block[order] != NULL || (errno == ENOMEM && !kernel_is_generous));
    }
    for (size_t i = 0; i < 20; i++) {
        exact[i] = liballoc_pages_alloc_exact(100000 + i * 500000, 0);
        CHECK(exact[i] != NULL || !kernel_is_generous);
    }
    for (unsigned order = 0; order <= LIBALLOC_MAX_ORDER; order++) {
        liballoc_pages_free(block[order], order);
    }
    malloc_trim(0);
    for (size_t i = 0; i < 20; i++) {
        liballoc_pages_free_exact(exact[i], 100000 + i * 500000);
    }
    malloc_trim(0);
}

/* What only reads the heap: an error is fine, a crash is not. */
void reports(void)
{
    char json[2000];
    char path[64];
    struct liballoc_stats stats;
    unsigned char *mem = take(5000);
    FILE *null = fopen("/dev/null", "w");

    CHECK(null != NULL || !kernel_is_generous);
    for (int i = 0; null != NULL && i < 3; i++) {
        errno = 0;
        int result = malloc_info(0, null);
        CHECK(result == 0 || (errno == ENOMEM && !kernel_is_generous));
        struct mallinfo2 info = mallinfo2();
        CHECK(info.uordblks + info.hblkhd >= 5000 || mem == NULL);
        CHECK(liballoc_stats_json(json, sizeof(json)) > 0);
        CHECK_EQ(liballoc_stats_get(&stats, sizeof(stats)), 0);
    }
    snprintf(path, sizeof(path), "/tmp/fault.%d.snap", (int)getpid());
    errno = 0;
    int result = liballoc_snapshot(path, 0);
    CHECK(result == 0 || !kernel_is_generous);
    unlink(path);
    if (null != NULL) {
        fclose(null);
    }
    give(mem);
}

static size_t size_of(size_t i)
{
    return i % 10 == 9 ? 200000 + i * 60000 : i * 53 % 9000;
}

static unsigned char *block[BLOCKS];

static void *fill(void *unused)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = block[i] != NULL ? block[i] : take(size_of(i));
    }
    return unused;
}

static void *empty(void *unused)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        CHECK(is_whole(block[i], size_of(i)));
        give(block[i]);
        block[i] = NULL;
    }
    return unused;
}

/* Runs to its end, unless there is no memory for a thread. */
static void run_thread(void *(*body)(void *))
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, body, NULL);

    CHECK(error == 0 || !kernel_is_generous);
    if (error == 0) {
        pthread_join(thread, NULL);
    }
}

void remote_frees(void)
{
    for (int i = 0; i < 3; i++) {
        run_thread(fill);
        empty(NULL);
        fill(NULL);
        run_thread(empty);
        empty(NULL);
    }
}

/* Each thread adopts the heap, and the blocks, of the one before. */
void exit_and_adoption(void)
{
    for (int i = 0; i < 6; i++) {
        run_thread(i % 2 == 0 ? fill : empty);
    }
    empty(NULL);
}

static sem_t turn[7];

/* Threads that live at the same time, each with a heap of its own. */
static void *in_turn(void *arg)
{
    size_t id = (size_t)(uintptr_t)arg;
    unsigned char *mem[BLOCKS];

    for (int round = 0; round < 2; round++) {
        while (sem_wait(&turn[id]) != 0) {
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            if (round == 0) {
                mem[i] = take(size_of(i) / 2);
            } else {
                CHECK(is_whole(mem[i], size_of(i) / 2));
                give(mem[i]);
            }
        }
        sem_post(&turn[6]);
    }
    return NULL;
}

void six_threads(void)
{
    pthread_t thread[6];
    bool runs[6];

    for (int i = 0; i < 7; i++) {
        sem_init(&turn[i], 0, 0);
    }
    for (uintptr_t i = 0; i < 6; i++) {
        runs[i] = pthread_create(&thread[i], NULL, in_turn, (void *)i) == 0;
        CHECK(runs[i] || !kernel_is_generous);
    }
    for (int i = 0; i < 12; i++) {
        if (runs[i % 6]) {
            sem_post(&turn[i % 6]);
            while (sem_wait(&turn[6]) != 0) {
            }
        }
    }
    for (int i = 0; i < 6; i++) {
        if (runs[i]) {
            pthread_join(thread[i], NULL);
        }
    }
}

/* The child goes on under the same faults with what it inherited. */
void fork_and_go_on(void)
{
    int status = -1;

    fill(NULL);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        empty(NULL);
        fill(NULL);
        empty(NULL);
        malloc_trim(0);
        _exit(atomic_load(&test_state.failures) == 0 ? 0 : 1);
    }
    empty(NULL);
    if (child > 0) {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        CHECK_EQ(status, 0);
    }
}
