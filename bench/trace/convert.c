/* SPDX-License-Identifier: MIT */
#include "convert.h"

#include "objects.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    NUMBER_BYTES = 10, /* of a 64-bit number, at most */
    PATH_BYTES = 4096,
};

/* A recorded thread. */
struct caller {
    uint32_t number_plus_1; /* in the trace; 0: none yet */
    bool in_realloc;
    bool had_object; /* that realloc's old object is one we know */
    struct object old;
};

struct conversion {
    struct converted *converted;
    unsigned char *bytes; /* the records */
    size_t used;
    size_t room;
    struct objects objects;
    struct caller *callers;
    size_t ncallers;
    uint32_t thread;
    uint64_t live_bytes;
    bool no_memory;
};

bool raw_open(struct raw *raw, const char *path)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    void *mem = MAP_FAILED;
    if (fstat(fd, &stat) == 0 && stat.st_size >= RAW_HEADER_BYTES)
        mem = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mem == MAP_FAILED)
        return false;
    raw->header = mem;
    raw->bytes = (size_t)stat.st_size;
    raw->events = (const void *)((const unsigned char *)mem + RAW_HEADER_BYTES);
    raw->nevents = (raw->bytes - RAW_HEADER_BYTES) / sizeof *raw->events;
    if (raw->header->magic == RAW_MAGIC)
        return true;
    raw_close(raw);
    return false;
}

void raw_close(struct raw *raw)
{
    union {
        const void *mapped;
        void *mem;
    } mapping = {.mapped = raw->header};
    munmap(mapping.mem, raw->bytes);
}

size_t raw_count(const struct raw *raw)
{
    size_t count = 0;
    for (size_t i = 0; i < raw->nevents; i++)
        count += raw->events[i].stamp != 0;
    return count;
}

static void put_number(struct conversion *to, uint64_t number)
{
    if (to->used + NUMBER_BYTES > to->room) {
        size_t room = to->room ? 2 * to->room : (size_t)1 << 20;
        unsigned char *larger = realloc(to->bytes, room);
        if (!larger) {
            to->no_memory = true;
            return;
        }
        to->bytes = larger;
        to->room = room;
    }
    for (; number >= 0x80; number >>= 7)
        to->bytes[to->used++] = (unsigned char)(number | 0x80);
    to->bytes[to->used++] = (unsigned char)number;
}

static void put_head(struct conversion *to, enum trace_op op, uint64_t value)
{
    put_number(to, value << TRACE_OP_BITS | op);
}

/* The thread of the next call; threads get numbers as they first call. */
static void put_thread(struct conversion *to, struct caller *caller)
{
    struct trace_header *header = &to->converted->header;
    if (caller->number_plus_1 == 0)
        caller->number_plus_1 = (uint32_t)++header->nthreads;
    header->ncalls++;
    if (to->thread == caller->number_plus_1 - 1)
        return;
    to->thread = caller->number_plus_1 - 1;
    put_head(to, TRACE_THREAD, to->thread);
}

static void object_made(struct conversion *to, uint64_t address, uint64_t size)
{
    struct trace_header *header = &to->converted->header;
    struct object unseen;
    if (objects_remove(&to->objects, address, &unseen)) {
        to->converted->lost++;
        to->live_bytes -= unseen.size;
    }
    to->live_bytes += size;
    if (to->live_bytes > header->peak_bytes)
        header->peak_bytes = to->live_bytes;
    if (size > header->max_size)
        header->max_size = size;
    struct object object = {address, header->nobjects++, size};
    if (!objects_insert(&to->objects, object))
        to->no_memory = true;
}

static uint64_t age(const struct conversion *to, const struct object *object)
{
    return to->converted->header.nobjects - object->number;
}

static void take_free(struct conversion *to, struct caller *caller,
                      uint64_t address)
{
    struct object object;
    if (!objects_remove(&to->objects, address, &object)) {
        to->converted->foreign++;
        return;
    }
    to->live_bytes -= object.size;
    put_thread(to, caller);
    put_head(to, TRACE_FREE, age(to, &object));
}

static void take_alloc(struct conversion *to, struct caller *caller,
                       const struct raw_event *event)
{
    static const enum trace_op ops[] = {[RECORD_MALLOC] = TRACE_MALLOC,
                                        [RECORD_CALLOC] = TRACE_CALLOC,
                                        [RECORD_ALIGNED] = TRACE_ALIGNED};
    put_thread(to, caller);
    put_head(to, ops[event->op], event->size);
    if (event->op == RECORD_ALIGNED)
        put_number(to, event->align_log2);
    object_made(to, event->address, event->size);
}

/* From here to REALLOCED another thread may be given the old address. */
static void take_realloc(struct conversion *to, struct caller *caller,
                         const struct raw_event *event)
{
    caller->in_realloc = true;
    caller->had_object =
        objects_remove(&to->objects, event->address, &caller->old);
}

static void take_reallocated(struct conversion *to, struct caller *caller,
                             const struct raw_event *event)
{
    const struct object *old = &caller->old;
    if (!caller->in_realloc)
        return;
    caller->in_realloc = false;
    if (event->address == 0 && event->size > 0) { /* it failed */
        if (caller->had_object && !objects_insert(&to->objects, *old))
            to->no_memory = true;
        return;
    }
    if (!caller->had_object && event->address == 0)
        return;
    put_thread(to, caller);
    if (caller->had_object)
        to->live_bytes -= old->size;
    if (event->address == 0) {
        put_head(to, TRACE_FREE, age(to, old));
        return;
    }
    if (caller->had_object) {
        put_head(to, TRACE_REALLOC, age(to, old));
        put_number(to, event->size);
    } else {
        put_head(to, TRACE_MALLOC, event->size);
    }
    object_made(to, event->address, event->size);
}

static struct caller *caller_of(struct conversion *to, uint32_t thread)
{
    if (thread >= to->ncallers) {
        size_t count = 2 * (size_t)thread + 16;
        struct caller *more = realloc(to->callers, count * sizeof *more);
        if (!more)
            return NULL;
        memset(more + to->ncallers, 0, (count - to->ncallers) * sizeof *more);
        to->callers = more;
        to->ncallers = count;
    }
    return &to->callers[thread];
}

static void take_event(struct conversion *to, const struct raw_event *event)
{
    struct caller *caller = caller_of(to, event->thread);
    if (!caller) {
        to->no_memory = true;
        return;
    }
    switch ((enum record_op)event->op) {
    case RECORD_MALLOC:
    case RECORD_CALLOC:
    case RECORD_ALIGNED:
        take_alloc(to, caller, event);
        break;
    case RECORD_FREE:
        take_free(to, caller, event->address);
        break;
    case RECORD_REALLOC:
        take_realloc(to, caller, event);
        break;
    case RECORD_REALLOCED:
        take_reallocated(to, caller, event);
        break;
    default:
        break;
    }
}

/* By stamp; NULL where a stamp has no event.  NULL: no memory. */
static const struct raw_event **sorted(const struct raw *raw, uint64_t *last)
{
    *last = 0;
    for (size_t i = 0; i < raw->nevents; i++) {
        if (raw->events[i].stamp > *last)
            *last = raw->events[i].stamp;
    }
    const struct raw_event **order = calloc(*last + 1, sizeof *order);
    for (size_t i = 0; order && i < raw->nevents; i++)
        order[raw->events[i].stamp] = &raw->events[i];
    return order;
}

static bool write_all(gzFile file, const void *bytes, size_t length)
{
    return gzfwrite(bytes, 1, length, file) == length;
}

static bool write_trace(struct conversion *to, const char *path)
{
    const struct trace_header *header = &to->converted->header;
    size_t length = strlen(header->program);
    struct conversion head = {.room = 0};
    put_number(&head, header->ncalls);
    put_number(&head, header->nobjects);
    put_number(&head, header->nthreads);
    put_number(&head, header->peak_bytes);
    put_number(&head, header->max_size);
    unsigned char name_length = (unsigned char)length;
    gzFile file = gzopen(path, "wb9");
    bool done = file && !head.no_memory &&
                write_all(file, TRACE_MAGIC, TRACE_MAGIC_BYTES) &&
                write_all(file, &name_length, 1) &&
                write_all(file, header->program, name_length) &&
                write_all(file, head.bytes, head.used) &&
                write_all(file, to->bytes, to->used);
    if (file && gzclose(file) != Z_OK)
        done = false;
    free(head.bytes);
    return done;
}

static const char *write_in_place(struct conversion *to, const char *path)
{
    char part[PATH_BYTES];
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return "the path is too long";
    if (write_trace(to, part) && rename(part, path) == 0)
        return NULL;
    unlink(part);
    return "cannot be written";
}

const char *convert(const struct raw *raw, const char *path,
                    struct converted *converted)
{
    struct conversion to = {.converted = converted, .thread = 0};
    uint64_t last = 0;
    const struct raw_event **order = sorted(raw, &last);
    *converted = (struct converted){.foreign = 0};
    /* At most 127 letters, so that its length is one byte. */
    memcpy(converted->header.program, raw->header->program,
           RAW_PROGRAM_BYTES - 1);
    for (uint64_t i = 1; order && i <= last; i++) {
        if (order[i])
            take_event(&to, order[i]);
    }
    put_head(&to, TRACE_END, 0);
    const char *why = "no memory";
    if (order && converted->header.nthreads > TRACE_MAX_THREADS) {
        why = "too many threads for a trace";
    } else if (order && !to.no_memory) {
        why = write_in_place(&to, path);
    }
    free(order);
    free(to.bytes);
    free(to.callers);
    free(to.objects.slots);
    return why;
}
