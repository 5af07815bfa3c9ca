/* SPDX-License-Identifier: MIT */
/*
 * Events of all threads into one file, by shared mappings: what is written
 * there survives every way in which a process can end, and nothing has to be
 * flushed.  The file is opened anew for each chunk: programs close descriptors
 * that they do not know.
 */
#include "recorder.h"

#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PATH_BYTES = 4096,
    FILES_PER_PID = 1000,
    CHUNK_EVENTS = RAW_CHUNK_BYTES / sizeof(struct raw_event),
};

/* A page of its own that a forked child finds zeroed (MADV_WIPEONFORK). */
static struct switches {
    atomic_bool on;
} * switches;

static char path[PATH_BYTES];
static uint64_t max_stamp;
static atomic_ulong last_stamp;
static atomic_ulong nchunks;
static atomic_uint nthreads;
static pthread_key_t exit_key;

/* Where a thread writes next.  A thread that ends leaves its rest to others. */
struct pen {
    struct raw_event *next;
    struct raw_event *end;
};

enum { RESTS = 256 };

/* Protected by: rest_lock. */
static struct pen rests[RESTS];
static unsigned nrests;
static pthread_mutex_t rest_lock = PTHREAD_MUTEX_INITIALIZER;

/* initial-exec: else the first use in a thread would call malloc. */
static __thread struct {
    struct pen pen;
    unsigned thread_plus_1;
    unsigned depth; /* calls of the family this thread is within */
} self __attribute__((tls_model("initial-exec")));

static void thread_leaves(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&rest_lock);
    if (self.pen.next != self.pen.end && nrests < RESTS)
        rests[nrests++] = self.pen;
    pthread_mutex_unlock(&rest_lock);
    self.pen = (struct pen){NULL, NULL};
}

static void *map_file(int fd, size_t bytes, off_t offset)
{
    const char last = 0;
    /* Unlike ftruncate, two threads cannot shrink each other's growth. */
    if (pwrite(fd, &last, 1, offset + (off_t)bytes - 1) != 1)
        return NULL;
    void *mem =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    return mem == MAP_FAILED ? NULL : mem;
}

static bool pen_take_rest(struct pen *pen)
{
    pthread_mutex_lock(&rest_lock);
    bool found = nrests > 0;
    if (found)
        *pen = rests[--nrests];
    pthread_mutex_unlock(&rest_lock);
    return found;
}

/* Outcome: room for an event.  False: no disk or no memory is left. */
static bool pen_refill(struct pen *pen)
{
    if (pen->end)
        munmap(pen->end - CHUNK_EVENTS, RAW_CHUNK_BYTES);
    *pen = (struct pen){NULL, NULL};
    if (pen_take_rest(pen))
        return true;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    unsigned long index = atomic_fetch_add(&nchunks, 1);
    struct raw_event *events =
        map_file(fd, RAW_CHUNK_BYTES,
                 RAW_HEADER_BYTES + (off_t)(index * RAW_CHUNK_BYTES));
    close(fd);
    if (events)
        *pen = (struct pen){events, events + CHUNK_EVENTS};
    return events != NULL;
}

/* The slow part of an event; a recording that fails stops and says so. */
static bool event_prepare(void)
{
    int saved = errno;
    if (self.thread_plus_1 == 0) {
        self.thread_plus_1 = 1 + atomic_fetch_add(&nthreads, 1);
        pthread_setspecific(exit_key, &self);
    }
    bool ready = pen_refill(&self.pen);
    if (!ready && atomic_exchange(&switches->on, false)) {
        dprintf(2, "bench_trace: recording stops: %s: %s\n", path,
                strerror(errno));
    }
    errno = saved;
    return ready;
}

bool recorder_enter(void)
{
    return self.depth++ == 0 && switches &&
           atomic_load_explicit(&switches->on, memory_order_relaxed);
}

void recorder_leave(void)
{
    self.depth--;
}

void recorder_event(enum record_op op, const void *mem, size_t size,
                    unsigned align_log2)
{
    uint64_t stamp = 1 + atomic_fetch_add(&last_stamp, 1);
    if (stamp > max_stamp)
        return;
    if (self.pen.next == self.pen.end && !event_prepare())
        return;
    struct raw_event *event = self.pen.next++;
    event->address = (uintptr_t)mem;
    event->size = size;
    event->thread = self.thread_plus_1 - 1;
    event->op = (uint8_t)op;
    event->align_log2 = (uint8_t)align_log2;
    atomic_signal_fence(memory_order_release);
    event->stamp = stamp;
}

/* The first free name: a pid has one file for each program it executes. */
static int file_create(const char *directory)
{
    int fd = -1;
    for (unsigned i = 0; fd < 0 && i < FILES_PER_PID; i++) {
        (void)snprintf(path, sizeof path, "%s/raw.%d.%u", directory,
                       (int)getpid(), i);
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

static bool header_write(int fd)
{
    struct raw_header *header = map_file(fd, RAW_HEADER_BYTES, 0);
    if (!header)
        return false;
    header->pid = (uint64_t)getpid();
    (void)snprintf(header->program, sizeof header->program, "%s",
                   program_invocation_short_name);
    header->magic = RAW_MAGIC;
    munmap(header, RAW_HEADER_BYTES);
    return true;
}

void recorder_init(void)
{
    int saved = errno;
    const char *directory = getenv(RAW_DIR_VARIABLE);
    const char *max = getenv(RAW_MAX_VARIABLE);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *mem = mmap(NULL, page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    max_stamp = max ? strtoull(max, NULL, 10) : UINT64_MAX;
    int fd = directory ? file_create(directory) : -1;
    if (fd >= 0 && mem != MAP_FAILED &&
        madvise(mem, page, MADV_WIPEONFORK) == 0 &&
        pthread_key_create(&exit_key, thread_leaves) == 0 && header_write(fd)) {
        switches = mem;
        atomic_store(&switches->on, true);
    }
    if (fd >= 0)
        close(fd);
    errno = saved;
}
