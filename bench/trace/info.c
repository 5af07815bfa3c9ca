/* SPDX-License-Identifier: MIT */
/* bench_trace info: what is in a trace, one figure a line. */
#include "bench_trace.h"

#include "reader.h"

#include <stdlib.h>

enum { OCTAVES = 48 };

struct summary {
    uint64_t calls[TRACE_OPS];
    uint64_t octaves[OCTAVES]; /* sizes up to 1, 2, 4, ... */
    uint64_t bytes;            /* requested in all */
    uint64_t remote;           /* ended by a thread that did not make it */
    uint32_t *makers;
};

static unsigned octave_of(uint64_t size)
{
    return size <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(size - 1);
}

static void take(struct summary *summary, const struct trace_record *record)
{
    summary->calls[record->op]++;
    if (trace_ends(record->op))
        summary->remote += summary->makers[record->object] != record->thread;
    if (!trace_makes(record->op))
        return;
    summary->makers[record->made] = record->thread;
    summary->octaves[octave_of(record->size)]++;
    summary->bytes += record->size;
}

static void print_number(const char *name, uint64_t value)
{
    dprintf(1, "%s: %llu\n", name, (unsigned long long)value);
}

static void print_summary(const struct trace_header *header,
                          const struct summary *summary)
{
    static const char *const names[TRACE_OPS] = {
        [TRACE_MALLOC] = "malloc",   [TRACE_CALLOC] = "calloc",
        [TRACE_ALIGNED] = "aligned", [TRACE_REALLOC] = "realloc",
        [TRACE_FREE] = "free",
    };
    uint64_t ended = summary->calls[TRACE_FREE] + summary->calls[TRACE_REALLOC];
    dprintf(1, "program: %s\n", header->program);
    print_number("calls", header->ncalls);
    print_number("objects", header->nobjects);
    print_number("threads", header->nthreads);
    for (unsigned op = 0; op < TRACE_OPS; op++) {
        if (names[op])
            print_number(names[op], summary->calls[op]);
    }
    print_number("ended by another thread", summary->remote);
    print_number("left at the end", header->nobjects - ended);
    print_number("bytes requested", summary->bytes);
    print_number("bytes at the peak", header->peak_bytes);
    print_number("largest size", header->max_size);
    for (unsigned i = 0; i < OCTAVES; i++) {
        if (summary->octaves[i]) {
            dprintf(1, "sizes up to %llu: %llu\n", 1ull << i,
                    (unsigned long long)summary->octaves[i]);
        }
    }
}

int command_info(const char *file)
{
    const char *why = NULL;
    struct summary summary = {.bytes = 0};
    struct trace_record record;
    struct reader *reader = reader_open(file, &why);
    if (reader) {
        summary.makers =
            calloc(reader->header.nobjects + 1, sizeof *summary.makers);
        while (summary.makers && reader_next(reader, &record))
            take(&summary, &record);
        why = summary.makers ? reader->error : "no memory";
        if (!why)
            print_summary(&reader->header, &summary);
        free(summary.makers);
        reader_close(reader);
    }
    if (why)
        dprintf(2, "bench_trace: %s %s\n", file, why);
    return why ? 2 : 0;
}
