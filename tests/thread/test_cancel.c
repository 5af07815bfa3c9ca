/* SPDX-License-Identifier: MIT */
/*
 * Cancellation, and output that blocks: malloc_info, malloc_stats and
 * malloc_trim write to a pipe that nobody empties, are cancelled there, and
 * must leave no lock, no memory and no mapping behind.  Meanwhile old threads
 * allocate and new ones start.
 *
 * A CI run cancels 2 x 500 times, scripts/soak 2 x 5000 (TEST_SCALE=10).
 */
#include "black_box.h"
#include "test.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>

enum { CANCELS = 500 };

static unsigned cancels(void)
{
    return CANCELS * test_scale();
}

/* A pipe that is full: who writes there waits. */
static void full_pipe(int ends[2])
{
    static const char filling[4096];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], filling, sizeof(filling)) > 0) {
    }
    fcntl(ends[1], F_SETFL, 0);
}

static void *allocate(void *unused)
{
    (void)unused;
    for (size_t size = 1; size < 600 * KIB; size *= 2) {
        free(launder(malloc(size)));
    }
    return NULL;
}

/* All that takes the locks an interrupted report might have kept. */
static void use_everything(void)
{
    pthread_t thread;
    allocate(NULL);
    REQUIRE(pthread_create(&thread, NULL, allocate, NULL) == 0);
    pthread_join(thread, NULL);
    malloc_trim(0);
    mallinfo2();
}

static bool is_asleep(pid_t tid)
{
    char path[64];
    char buf[256];
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, buf, sizeof(buf) - 1);
    close(fd);
    buf[got > 0 ? got : 0] = '\0';
    const char *name_end = strrchr(buf, ')');
    return name_end != NULL && name_end[2] == 'S';
}

static atomic_int reporter; /* its thread id, once it reports */

static void wait_until_asleep(void)
{
    while (atomic_load(&reporter) == 0 || !is_asleep(atomic_load(&reporter))) {
        sched_yield();
    }
}

static void *report_info(void *stream)
{
    atomic_store(&reporter, gettid());
    malloc_info(0, stream);
    return NULL;
}

/* Cancelled in the write of malloc_info: the text's memory is given back. */
static void cancel_info(void *unused)
{
    int ends[2];
    size_t resident = 0;
    (void)unused;
    alarm(60 * test_scale());
    full_pipe(ends);
    FILE *stream = fdopen(ends[1], "w");
    setvbuf(stream, NULL, _IONBF, 0);
    for (int i = 0; i < (int)cancels(); i++) {
        pthread_t thread;
        void *result = NULL;
        resident = i == (int)cancels() / 4 ? self_resident() : resident;
        atomic_store(&reporter, 0);
        REQUIRE(pthread_create(&thread, NULL, report_info, stream) == 0);
        wait_until_asleep();
        pthread_cancel(thread);
        pthread_join(thread, &result);
        CHECK(result == PTHREAD_CANCELED);
        use_everything();
    }
    /* A page of text is touched each time. */
    CHECK(self_resident() < resident + cancels() / 4 * 4 * KIB);
}

TEST(cancel, of_malloc_info_in_its_write)
{
    CHECK_EQ(test_child(cancel_info, NULL, NULL, 0), 0);
}

static void *report_stats(void *unused)
{
    (void)unused;
    atomic_store(&reporter, gettid());
    malloc_stats();
    pthread_testcancel();
    return NULL;
}

/* malloc_stats is no cancellation point; its lines wait without a lock. */
static void block_stats(void *unused)
{
    int ends[2];
    char rest[4096];
    pthread_t thread;
    (void)unused;
    alarm(30);
    full_pipe(ends);
    dup2(ends[1], STDERR_FILENO);
    atomic_store(&reporter, 0);
    REQUIRE(pthread_create(&thread, NULL, report_stats, NULL) == 0);
    wait_until_asleep();
    for (int i = 0; i < 100; i++) {
        use_everything();
    }
    pthread_cancel(thread);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        if (read(ends[0], rest, sizeof(rest)) < 0) {
            usleep(100);
        }
    }
}

TEST(cancel, of_malloc_stats_that_waits_for_its_reader)
{
    CHECK_EQ(test_child(block_stats, NULL, NULL, 0), 0);
}

static void *report_for_ever(void *stream)
{
    for (;;) {
        atomic_store(&reporter, gettid());
        malloc_info(0, stream);
        malloc_stats();
        malloc_trim(0);
        allocate(NULL);
        pthread_testcancel();
    }
    return NULL;
}

/* Cancelled anywhere, by others that allocate; output goes nowhere. */
static void cancel_anywhere(void *unused)
{
    (void)unused;
    alarm(60 * test_scale());
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDERR_FILENO);
    FILE *stream = fdopen(null, "w");
    for (int i = 0; i < (int)cancels(); i++) {
        pthread_t thread;
        atomic_store(&reporter, 0);
        REQUIRE(pthread_create(&thread, NULL, report_for_ever, stream) == 0);
        while (atomic_load(&reporter) == 0) {
            sched_yield();
        }
        for (int j = 0; j < i % 50; j++) {
            free(launder(malloc((size_t)j * 100 + 1)));
        }
        pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
    use_everything();
}

TEST(cancel, of_reports_and_trim_leaves_no_lock)
{
    CHECK_EQ(test_child(cancel_anywhere, NULL, NULL, 0), 0);
}
