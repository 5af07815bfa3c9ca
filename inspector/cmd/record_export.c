/* SPDX-License-Identifier: MIT */
/*
 * A record in the formats of viewers: collapsed stacks, and heaptrack's text,
 * version 3, with every event in its order.
 *
 *   a SIZE TRACE   + ALLOCATION   - ALLOCATION   c MS      (numbers are hex)
 */
#include "cmd/record.h"
#include "memory.h"
#include "prof/index_map.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAPTRACK_VERSION = 0x10400 };

bool record_export_collapsed(FILE *stream, const struct record *record,
                             enum record_metric metric)
{
    static char text[STACK_TEXT];
    struct analysis *analysis = analyse(record, NULL);
    struct record_names *names = names_begin(record, false);

    for (size_t i = 0; i < analysis->nrows; i++) {
        uint64_t value = record_value(&analysis->rows[i], metric);
        if (value == 0)
            continue;
        (void)fprintf(
            stream, "%s %" PRIu64 "\n",
            stack_collapsed(names_of(names, analysis->rows[i].stack), text),
            value);
    }
    names_end(names);
    analysis_free(analysis);
    return ferror(stream) == 0;
}

struct heaptrack {
    FILE *stream;
    const struct record *record;
    struct symbols *symbols;
    struct index_map strings; /* interned texts, as they are met */
    struct index_map places;  /* addresses */
    struct index_map sizes;   /* size << 22 | stack: both fit, or no reuse */
    uint32_t *traces;         /* by node; 0: not written yet */
    uint32_t ntraces;
    uint32_t ms;
};

/* Their numbers begin with 1: 0 is none. */
static uint32_t string_of(struct heaptrack *h, const char *text)
{
    uint32_t known = h->strings.count;

    if (text == NULL || *text == '\0')
        return 0;
    text = symbols_intern(h->symbols, text);
    uint32_t index = index_map_add(&h->strings, index_key(text));
    if (index == known) {
        (void)fprintf(h->stream, "s %zx ", strlen(text));
        for (const char *at = text; *at != '\0'; at++)
            (void)fputc((unsigned char)*at < ' ' ? '?' : *at, h->stream);
        (void)fputc('\n', h->stream);
    }
    return index + 1;
}

static uint32_t place_of(struct heaptrack *h, uintptr_t pc)
{
    const struct place *place = symbols_at(h->symbols, pc);
    const struct modules *modules = symbols_modules(h->symbols);
    uint32_t known = h->places.count;
    uint32_t index = index_map_add(&h->places, pc);
    uint32_t numbers[STACK_SYMBOLS][2];
    size_t count = place->count < STACK_SYMBOLS ? place->count : STACK_SYMBOLS;

    if (index != known)
        return index + 1;
    for (size_t i = 0; i < count; i++) {
        numbers[i][0] = string_of(h, place->symbols[i].function);
        numbers[i][1] = string_of(h, place->symbols[i].file);
    }
    uint32_t module = place->module < modules->count
                          ? string_of(h, modules->all[place->module].path)
                          : 0;
    (void)fprintf(h->stream, "i %" PRIxPTR " %x", pc, module);
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(h->stream, " %x %x %x", numbers[i][0], numbers[i][1],
                      place->symbols[i].line);
    }
    (void)fputc('\n', h->stream);
    return index + 1;
}

/* Nodes from the outermost in: a parent has a lower number than its child. */
static uint32_t trace_of(struct heaptrack *h, uint32_t stack)
{
    uint32_t path[STACK_SYMBOLS] = {0};
    size_t depth = 0;

    for (uint32_t at = stack;
         at != 0 && h->traces[at] == 0 && depth < STACK_SYMBOLS;
         at = h->record->frames[at].parent)
        path[depth++] = at;
    while (depth-- > 0) {
        const struct record_frame *frame = &h->record->frames[path[depth]];
        uint32_t place = place_of(h, frame->pc);
        (void)fprintf(h->stream, "t %x %x\n", place, h->traces[frame->parent]);
        h->traces[path[depth]] = ++h->ntraces;
    }
    return h->traces[stack];
}

static void set_time(struct heaptrack *h, uint32_t ms)
{
    if (ms > h->ms) {
        h->ms = ms;
        (void)fprintf(h->stream, "c %x\n", ms);
    }
}

static uint32_t allocated(void *context, const struct record_item *item)
{
    struct heaptrack *h = context;
    uint32_t known = h->sizes.count;
    uint64_t key = item->size << 22 | item->stack;

    set_time(h, item->ms);
    uint32_t trace = trace_of(h, item->stack);
    uint32_t number = index_map_add(&h->sizes, key);
    if (number == known)
        (void)fprintf(h->stream, "a %" PRIx64 " %x\n", item->size, trace);
    (void)fprintf(h->stream, "+ %x\n", number);
    return number;
}

static void released(void *context, uint32_t number, uint32_t ms)
{
    struct heaptrack *h = context;

    set_time(h, ms);
    (void)fprintf(h->stream, "- %x\n", number);
}

bool record_export_heaptrack(FILE *stream, const struct record *record)
{
    struct record_names *names = names_begin(record, false);
    struct heaptrack h = {
        .stream = stream, .record = record, .symbols = names->symbols};
    const struct record_listener listener = {&h, allocated, released};

    h.traces = xcalloc(record->nframes, sizeof *h.traces);
    (void)fprintf(stream, "v %x 3\nX %s\nI %lx 0\nc 0\n", HEAPTRACK_VERSION,
                  record->words, (unsigned long)sysconf(_SC_PAGESIZE));
    analysis_free(analyse(record, &listener));
    index_map_free(&h.strings);
    index_map_free(&h.places);
    index_map_free(&h.sizes);
    free(h.traces);
    names_end(names);
    return ferror(stream) == 0;
}
