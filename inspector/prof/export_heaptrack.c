/* SPDX-License-Identifier: MIT */
/*
 * heaptrack's text, version 3: live samples as allocations that nobody frees.
 * A sample is one allocation of as many bytes as it stands for, so that bytes
 * are right and counts are those of samples.
 *
 *   v VERSION 3     s LENGTH TEXT     i ADDRESS MODULE FUNCTION FILE LINE ...
 *   t IP PARENT     a SIZE TRACE      + ALLOCATION        (numbers are hex)
 */
#include "prof/export.h"

#include "memory.h"
#include "prof/index_map.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEAPTRACK_VERSION = 0x10400 };

struct writer {
    const struct exported *exported;
    FILE *stream;
    struct index_map strings; /* interned texts; written as they are met */
    struct index_map places;  /* addresses */
    struct index_map traces;  /* place << 32 | parent */
};

/* Their numbers begin with 1: 0 is none. */
static uint32_t string_of(struct writer *writer, const char *text)
{
    uint32_t known = writer->strings.count;

    if (text == NULL || *text == '\0')
        return 0;
    text = symbols_intern(writer->exported->symbols, text);
    uint32_t index = index_map_add(&writer->strings, index_key(text));
    if (index == known) {
        (void)fprintf(writer->stream, "s %zx ", strlen(text));
        for (const char *at = text; *at != '\0'; at++)
            (void)fputc((unsigned char)*at < ' ' ? '?' : *at, writer->stream);
        (void)fputc('\n', writer->stream);
    }
    return index + 1;
}

/* Functions innermost first: the concrete one's callers were inlined into it
   no more, so the first is what the address belongs to. */
static uint32_t place_of(struct writer *writer, uintptr_t address)
{
    const struct place *place = symbols_at(writer->exported->symbols, address);
    const struct modules *modules = symbols_modules(writer->exported->symbols);
    uint32_t known = writer->places.count;
    uint32_t index = index_map_add(&writer->places, address);
    uint32_t numbers[STACK_SYMBOLS][3];
    size_t count = place->count < STACK_SYMBOLS ? place->count : STACK_SYMBOLS;

    if (index != known)
        return index + 1;
    for (size_t i = 0; i < count; i++) {
        const struct symbol *symbol = &place->symbols[i];
        numbers[i][0] = string_of(writer, symbol->function);
        numbers[i][1] = string_of(writer, symbol->file);
        numbers[i][2] = symbol->line;
    }
    uint32_t module = place->module < modules->count
                          ? string_of(writer, modules->all[place->module].path)
                          : 0;
    (void)fprintf(writer->stream, "i %" PRIxPTR " %x", address, module);
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(writer->stream, " %x %x %x", numbers[i][0], numbers[i][1],
                      numbers[i][2]);
    }
    (void)fputc('\n', writer->stream);
    return index + 1;
}

/* From the outermost frame in: 0 is the root. */
static uint32_t trace_of(struct writer *writer, size_t stack)
{
    static struct named_stack named;
    uint32_t trace = 0;

    stack_name(writer->exported->profile, writer->exported->symbols, stack,
               &named);
    for (size_t i = named.nframes; i-- > 0;) {
        uint32_t place = place_of(writer, named.frames[i]);
        uint32_t known = writer->traces.count;
        uint32_t index =
            index_map_add(&writer->traces, (uint64_t)place << 32 | trace);
        if (index == known)
            (void)fprintf(writer->stream, "t %x %x\n", place, trace);
        trace = index + 1;
    }
    return trace;
}

static void put_samples(struct writer *writer)
{
    const struct profile *profile = writer->exported->profile;
    uint32_t *traces = xcalloc(profile->nstacks, sizeof *traces);
    uint32_t count = 0;

    for (size_t i = 0; i < profile->nstacks; i++)
        traces[i] = trace_of(writer, i);
    for (size_t i = 0; i < profile->nlive; i++) {
        const struct prof_sample *sample = &profile->live[i].sample;
        double bytes = sample_weight(sample) * (double)sample->size;
        /* What has no stack has no trace: heaptrack knows none such. */
        if (traces[sample->stack] == 0)
            continue;
        (void)fprintf(writer->stream, "a %" PRIx64 " %x\n+ %x\n",
                      bytes < 1e18 ? (uint64_t)(bytes + 0.5) : 0,
                      traces[sample->stack], count++);
    }
    free(traces);
}

bool export_heaptrack(FILE *stream, const struct exported *exported)
{
    struct writer writer = {.exported = exported, .stream = stream};
    const struct target *target = exported->profile->target;
    const char *program = target_program(target);

    (void)fprintf(stream, "v %x 3\nX %s\nI %zx %x\nc 0\n", HEAPTRACK_VERSION,
                  *program != '\0' ? program : "unknown",
                  target_page_size(target), 0);
    put_samples(&writer);
    (void)fprintf(stream, "c 1\n");
    index_map_free(&writer.strings);
    index_map_free(&writer.places);
    index_map_free(&writer.traces);
    return ferror(stream) == 0;
}
