/* SPDX-License-Identifier: MIT */
/*
 * Events of all threads into the memory that is shared with the inspector:
 * what is written there survives every way in which a process can end.
 */
#include "recorder.h"

#include "stacks.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 2000, /* that the inspector may stand still */
};

enum mode {
    MODE_FORKED, /* what a forked child finds: the page is wiped */
    MODE_ON,
    MODE_OFF,
};

/* A page of its own, with MADV_WIPEONFORK. */
static struct switches {
    _Atomic int mode;
} * switches;

static struct record_header *header;
static pthread_key_t exit_key;
static pthread_once_t load_once = PTHREAD_ONCE_INIT;

/* initial-exec: else the first use in a thread would call malloc. */
static __thread struct {
    struct record_event *next;
    struct record_event *end;
    struct walker *walker;
    uint32_t chunk;
    uint32_t thread_plus_1;
    unsigned depth; /* calls of the family this thread is within */
} self __attribute__((tls_model("initial-exec")));

static struct record_event *chunk_at(uint32_t index)
{
    return (void *)((char *)header + RECORD_CHUNKS_AT +
                    index * RECORD_CHUNK_BYTES);
}

static void chunk_give(void)
{
    if (self.next == NULL)
        return;
    /* release: publishes the events; pairs with the inspector's read */
    atomic_store_explicit(&header->chunks[self.chunk], RECORD_CHUNK_FULL,
                          memory_order_release);
    self.next = NULL;
    self.end = NULL;
}

static bool chunk_try(void)
{
    for (uint32_t i = 0; i < RECORD_CHUNKS; i++) {
        uint32_t free_chunk = RECORD_CHUNK_FREE;
        if (atomic_load_explicit(&header->chunks[i], memory_order_relaxed) !=
                RECORD_CHUNK_FREE ||
            !atomic_compare_exchange_strong(&header->chunks[i], &free_chunk,
                                            RECORD_CHUNK_FILLING))
            continue;
        header->owners[i] = self.thread_plus_1 - 1;
        self.chunk = i;
        self.next = chunk_at(i);
        self.end = self.next + RECORD_CHUNK_EVENTS;
        return true;
    }
    return false;
}

/* Waits for the inspector as long as it is alive. */
static bool chunk_wait(void)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    uint32_t seen = atomic_load(&header->now);
    unsigned idle = 0;

    while (idle++ < PATIENCE_MS) {
        (void)nanosleep(&nap, NULL);
        if (chunk_try())
            return true;
        uint32_t now = atomic_load(&header->now);
        if (now != seen)
            idle = 0;
        seen = now;
    }
    if (atomic_exchange(&switches->mode, MODE_OFF) == MODE_ON)
        dprintf(2, "liballoc_record: nobody reads: recording stops\n");
    return false;
}

static void thread_leaves(void *argument)
{
    (void)argument;
    if (switches == NULL || atomic_load(&switches->mode) == MODE_FORKED)
        return;
    self.depth++;
    chunk_give();
    if (self.walker != NULL)
        walker_put(self.walker);
    self.walker = NULL;
    self.depth--;
}

static void load(void)
{
    if (!stacks_load())
        dprintf(2, "liballoc_record: no libunwind: no stacks\n");
}

/* The slow part of an event; false: there is no room for it. */
__attribute__((cold, noinline)) static bool prepare(void)
{
    int saved = errno;

    pthread_once(&load_once, load);
    if (self.thread_plus_1 == 0)
        self.thread_plus_1 = 1 + atomic_fetch_add(&header->threads, 1);
    if (self.walker == NULL) {
        self.walker = walker_get();
        pthread_setspecific(exit_key, &self);
    }
    if (self.next == self.end) {
        chunk_give();
        if (self.walker == NULL || (!chunk_try() && !chunk_wait()))
            atomic_fetch_add(&header->lost, 1);
    }
    errno = saved;
    return self.next != self.end;
}

static bool is_on(void)
{
    int mode = atomic_load_explicit(&switches->mode, memory_order_relaxed);

    if (__builtin_expect(mode == MODE_ON, 1))
        return true;
    if (mode == MODE_FORKED &&
        atomic_exchange(&switches->mode, MODE_OFF) == MODE_FORKED)
        atomic_fetch_add(&header->forked, 1);
    return false;
}

bool recorder_enter(void)
{
    return self.depth++ == 0 && switches && is_on();
}

void recorder_leave(void)
{
    self.depth--;
}

void recorder_event(enum record_op op, const void *mem, size_t size,
                    unsigned align_log2)
{
    if (__builtin_expect(self.next == self.end, 0) && !prepare())
        return;
    /* The stack of a reallocation is that of its second event. */
    uint32_t stack = op != RECORD_REALLOC ? walker_stack(self.walker) : 0;
    struct record_event *event = self.next++;
    event->address = (uintptr_t)mem | (uint64_t)op << RECORD_OP_SHIFT |
                     (uint64_t)align_log2 << RECORD_ADDRESS_BITS;
    event->size = size;
    event->stack = stack;
    event->ms = atomic_load_explicit(&header->now, memory_order_relaxed);
    /* release: publishes the event; pairs with the inspector's read */
    atomic_store_explicit(&event->stamp,
                          1 + atomic_fetch_add(&header->stamp, 1),
                          memory_order_release);
}

/* NULL: this process is not to be recorded. */
static struct record_header *attach(void)
{
    const char *where = getenv(RECORD_VARIABLE);
    char path[64];
    int pid;
    int number;

    if (!where || sscanf(where, "%d:%d", &pid, &number) != 2)
        return NULL;
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, number);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    void *mem = mmap(NULL, RECORD_MEMORY_BYTES, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_NORESERVE, fd, 0);
    close(fd);
    struct record_header *found = mem;
    if (mem == MAP_FAILED || found->magic != RECORD_MAGIC)
        return NULL;
    if (found->pid != (uint32_t)getpid()) {
        atomic_fetch_add(&found->others, 1);
        munmap(mem, RECORD_MEMORY_BYTES);
        return NULL;
    }
    return found;
}

/* After exec(): the inspector has to forget the program of before. */
static bool begin_anew(struct record_header *found)
{
    const struct timespec nap = {.tv_nsec = 1000000};

    if (atomic_fetch_add(&found->attached, 1) == 0)
        return true;
    atomic_store(&found->reset, RECORD_WANTED);
    for (unsigned i = 0; i < PATIENCE_MS; i++) {
        if (atomic_load(&found->reset) == RECORD_RUNNING)
            return true;
        (void)nanosleep(&nap, NULL);
    }
    return false;
}

void recorder_init(void)
{
    int saved = errno;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *mem = mmap(NULL, page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    header = attach();
    if (header && mem != MAP_FAILED && begin_anew(header) &&
        madvise(mem, page, MADV_WIPEONFORK) == 0 &&
        pthread_key_create(&exit_key, thread_leaves) == 0 &&
        tree_init(header)) {
        switches = mem;
        atomic_store(&switches->mode, MODE_ON);
    }
    errno = saved;
}
