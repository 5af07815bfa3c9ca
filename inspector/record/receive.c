/* SPDX-License-Identifier: MIT */
/*
 * Takes full chunks out of the shared memory as fast as the disk allows; the
 * program waits when there is no free one.  Those that were being filled are
 * taken when the program is gone.  Counts in the memory are the program's:
 * bounded here.
 */
#include "record/receive.h"

#include "record/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct receiver {
    struct started started;
    struct record_header *header;
    struct record_writer *writer;
    const struct receive_options *options;
    uint64_t start_ms;
    uint32_t nodes;   /* written */
    uint32_t modules; /* written */
    uint32_t execs;
};

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tick(struct receiver *receiver)
{
    receiver->header->now = (uint32_t)(now_ms() - receiver->start_ms);
}

static uint32_t bounded(uint32_t value, uint32_t most)
{
    return value < most ? value : most;
}

/* Complete nodes; when the program is gone, all. */
static void take_nodes(struct receiver *receiver, bool is_gone)
{
    const struct record_node *nodes =
        (const void *)((char *)receiver->header + RECORD_NODES_AT);
    uint32_t drawn = bounded(receiver->header->nodes, RECORD_NODES);
    uint32_t end = receiver->nodes;

    while (end < drawn && (is_gone || nodes[end].pc != 0))
        end++;
    writer_nodes(receiver->writer, nodes + receiver->nodes, receiver->nodes,
                 end - receiver->nodes);
    receiver->nodes = end;
}

static void take_modules(struct receiver *receiver)
{
    const struct record_module *modules =
        (const void *)((char *)receiver->header + RECORD_MODULES_AT);
    uint32_t count = bounded(receiver->header->modules, RECORD_MODULES);

    writer_modules(receiver->writer, modules + receiver->modules,
                   count - receiver->modules);
    receiver->modules = count;
}

static void take_chunk(struct receiver *receiver, uint32_t index)
{
    struct record_event *events =
        (void *)((char *)receiver->header + RECORD_CHUNKS_AT +
                 index * RECORD_CHUNK_BYTES);
    uint32_t count = 0;

    while (count < RECORD_CHUNK_EVENTS && events[count].stamp != 0)
        count++;
    if (count > 0) {
        writer_events(receiver->writer, receiver->header->owners[index], events,
                      count);
    }
    memset((void *)events, 0, count * sizeof *events);
    receiver->header->chunks[index] = RECORD_CHUNK_FREE;
}

/* True: there was something. */
static bool take(struct receiver *receiver, bool is_gone)
{
    bool any = false;

    for (uint32_t i = 0; i < RECORD_CHUNKS; i++) {
        uint32_t state = receiver->header->chunks[i];
        if (state != RECORD_CHUNK_FULL &&
            !(is_gone && state == RECORD_CHUNK_FILLING))
            continue;
        take_chunk(receiver, i);
        tick(receiver);
        any = true;
    }
    take_nodes(receiver, is_gone);
    take_modules(receiver);
    return any;
}

/* The program executed another: all that it had is gone. */
static void begin_anew(struct receiver *receiver)
{
    struct started *started = &receiver->started;
    struct record_header *header = receiver->header;

    receiver->execs++;
    receiver->nodes = 1;
    receiver->modules = 0;
    (void)fallocate(started->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    RECORD_MODULES_AT, RECORD_MEMORY_BYTES - RECORD_MODULES_AT);
    header->stamp = header->lost = header->stackless = 0;
    header->modules = header->threads = header->forked = header->others = 0;
    for (uint32_t i = 0; i < RECORD_CHUNKS; i++)
        header->chunks[i] = RECORD_CHUNK_FREE;
    start_header(started);
    writer_begin(receiver->writer, started->pid, receiver->options->argc,
                 receiver->options->argv);
    header->reset = RECORD_RUNNING;
}

static int run(struct receiver *receiver)
{
    struct pollfd gone = {receiver->started.pidfd, POLLIN, 0};
    bool is_gone = false;
    int wait_status = 0;

    while (!is_gone) {
        tick(receiver);
        if (receiver->header->reset == RECORD_WANTED)
            begin_anew(receiver);
        is_gone = poll(&gone, 1, take(receiver, false) ? 0 : 1) > 0;
    }
    (void)waitpid(receiver->started.pid, &wait_status, 0);
    (void)take(receiver, true);
    tick(receiver);
    return wait_status;
}

static void finish(struct receiver *receiver, int wait_status,
                   struct received *received)
{
    const struct record_header *header = receiver->header;
    struct record_end *end = &received->end;

    received->attached = header->attached > 0;
    received->dropped = writer_dropped(receiver->writer, &received->why);
    *end = (struct record_end){
        .lost = header->lost + received->dropped,
        .stackless = header->stackless,
        .duration_ms = header->now,
        .threads = header->threads,
        .forked = header->forked,
        .others = header->others,
        .execs = receiver->execs,
        .wait_status = (uint32_t)wait_status,
    };
    writer_close(receiver->writer, end);
}

/* FILE, or a name by program and pid. */
static bool open_file(struct receiver *receiver, struct received *received,
                      struct failure *failure)
{
    const struct receive_options *options = receiver->options;
    const char *slash = strrchr(options->argv[0], '/');

    if (options->file != NULL) {
        (void)snprintf(received->file, sizeof received->file, "%s",
                       options->file);
    } else {
        (void)snprintf(received->file, sizeof received->file,
                       "heapinspect.%.200s.%d.rec",
                       slash != NULL ? slash + 1 : options->argv[0],
                       (int)receiver->started.pid);
    }
    receiver->writer = writer_open(received->file, options->force, failure);
    return receiver->writer != NULL;
}

enum status receive(const struct receive_options *options,
                    struct received *received, struct failure *failure)
{
    struct receiver receiver = {
        .options = options, .start_ms = now_ms(), .nodes = 1};

    if (!start_memory(&receiver.started, failure))
        return failure->status;
    receiver.header = receiver.started.header;
    /* A name that is given is tried before the program runs. */
    if (options->file != NULL && !open_file(&receiver, received, failure))
        return failure->status;
    if (!start_program(&receiver.started, options, failure)) {
        if (options->file != NULL)
            (void)unlink(options->file);
        return failure->status;
    }
    if (options->file == NULL && !open_file(&receiver, received, failure)) {
        (void)kill(receiver.started.pid, SIGKILL);
        return failure->status;
    }
    writer_begin(receiver.writer, receiver.started.pid, options->argc,
                 options->argv);
    int wait_status = run(&receiver);
    finish(&receiver, wait_status, received);
    (void)munmap(receiver.header, RECORD_MEMORY_BYTES);
    (void)close(receiver.started.fd);
    (void)close(receiver.started.pidfd);
    return STATUS_FINE;
}
