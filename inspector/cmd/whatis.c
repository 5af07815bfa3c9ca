/* SPDX-License-Identifier: MIT */
/*
 * whatis: from an address to its VMA, region, page and object, and to who
 * asked for it if it was sampled.
 */
#include "cmd/whatis.h"
#include "memory.h"
#include "walk/resident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHAIN_ADDRESSES = 4, /* as many are told as sentences, in text */
};

static const struct column columns[] = {
    {"ADDRESS", "address", COLUMN_ADDRESS, false, "as asked for"},
    {"VMA", "vma", COLUMN_ADDRESS, true, "start of its mapping"},
    {"NAME", "vma.name", COLUMN_TEXT, true, "name of the mapping"},
    {"REGION", "region", COLUMN_TEXT, false,
     "zone, brk, mmap, guarded samples, metadata; none: not of the heap"},
    {"PAGE", "page", COLUMN_TEXT, false, "what its block of pages is"},
    {"ORDER", "order", COLUMN_COUNT, true, "of the block"},
    {"FLAGS", "page.flags", COLUMN_TEXT, false,
     "of the system page: r resident, h in a huge page, s swapped"},
    {"OBJECT", "object", COLUMN_ADDRESS, false,
     "what malloc returned; its slot or chunk holds the address"},
    {"OFFSET", "offset", COLUMN_COUNT, false,
     "of the address from there; negative ones are in the header: see START"},
    {"START", "start", COLUMN_ADDRESS, true, "of the slot or chunk"},
    {"SIZE", "size", COLUMN_BYTES, false, "of the slot or chunk"},
    {"USABLE", "usable", COLUMN_BYTES, false, "bytes of the program in it"},
    {"STATE", "state", COLUMN_TEXT, false,
     "live; binned, spare, remote: cached by threads; free; top; virgin"},
    {"LIST", "list", COLUMN_TEXT, false, "the list of free objects it is on"},
    {"HEAP", "heap", COLUMN_COUNT, false, "thread heap that owns it"},
    {"CLASS", "class", COLUMN_COUNT, true, "size class of slab objects"},
    {"GUARDED", "guarded", COLUMN_TEXT, true,
     "guarded sample whose page, or guard page, it is"},
    {"REQUESTED", "requested", COLUMN_BYTES, true, "if it was sampled"},
    {"TID", "tid", COLUMN_COUNT, true, "thread that asked, if sampled"},
    {"AGE", "age", COLUMN_MS, true, "of the object, if sampled"},
    {"STACK", "stack", COLUMN_TEXT, true, "that asked, if sampled"},
};
enum {
    NCOLUMNS = sizeof columns / sizeof *columns,
    NSAMPLE = 4, /* of these, the last: of the sample */
};

static const char *region_of(const struct model *model,
                             const struct answer *answer)
{
    const struct model_zone *zone;
    size_t pfn;

    if (!answer->has_block) {
        if (!model_page(model, answer->address, &zone, &pfn))
            return "none";
        return pfn < zone->first ? "none" : "zone, not in use yet";
    }
    if (answer->block.kind == BLOCK_META)
        return "metadata";
    if (answer->block.kind == BLOCK_GUARDED)
        return "guarded samples";
    if (answer->block.zone == NULL)
        return "mmap";
    return answer->block.pfn == SIZE_MAX ? "brk" : "zone";
}

static const char *bits_text(unsigned bits, char text[8])
{
    char *at = text;

    if ((bits & KNOWN) == 0)
        return NULL;
    *at++ = (bits & RESIDENT) != 0 ? 'r' : '-';
    if ((bits & HUGE) != 0)
        *at++ = 'h';
    if ((bits & SWAPPED) != 0)
        *at++ = 's';
    *at = '\0';
    return text;
}

/* The sample of the object that was found; NULL: none. */
static const struct prof_sample *sample_of(const struct lookup *lookup,
                                           const struct answer *answer)
{
    return answer->has_object
               ? profiled_sample(&lookup->profiled, &answer->object)
               : NULL;
}

/* The last columns. */
static void sample_values(const struct lookup *lookup,
                          const struct answer *answer,
                          struct value values[NSAMPLE])
{
    static char stack[STACK_TEXT];
    const struct prof_sample *sample = sample_of(lookup, answer);

    for (unsigned i = 0; i < NSAMPLE; i++)
        values[i] = value_unknown();
    if (sample == NULL)
        return;
    values[0] = value_number(sample->size);
    values[1] = value_number(sample->tid);
    values[2] = value_ratio((double)profiled_age_ms(&lookup->profiled, sample));
    values[3] =
        value_text(profiled_stack(&lookup->profiled, sample->stack, stack));
}

static bool row(struct table *table, const struct lookup *lookup,
                const struct answer *answer)
{
    const struct object *object = &answer->object;
    const struct vma *vma =
        target_vma_at(lookup->context->target, answer->address);
    bool has = answer->has_object;
    char page[VIEW_NAME];
    char list[VIEW_NAME];
    char bits[8];
    char guarded[GUARDED_TEXT];
    struct value values[NCOLUMNS] = {
        value_number(answer->address),
        vma != NULL ? value_number(vma->start) : value_unknown(),
        value_text(vma != NULL ? vma->name : NULL),
        value_text(region_of(lookup->model, answer)),
        value_text(answer->has_block
                       ? view_block_name(lookup->model, &answer->block, page)
                       : NULL),
        answer->has_block ? value_number(answer->block.order) : value_unknown(),
        value_text(bits_text(answer->bits, bits)),
        has ? value_number(object->mem) : value_unknown(),
        has && answer->address >= object->mem
            ? value_number(answer->address - object->mem)
            : value_unknown(),
        has ? value_number(object->start) : value_unknown(),
        has ? value_number(object->size) : value_unknown(),
        has ? value_number(object->usable) : value_unknown(),
        value_text(has ? object_state_names[object->state] : NULL),
        value_text(has ? view_object_list(lookup->freelist, object, list)
                       : NULL),
        answer->has_block ? value_nonzero(answer->block.heap_id)
                          : value_unknown(),
        has && object->cls < NCLASS ? value_number(object->cls)
                                    : value_unknown(),
        value_text(whatis_guarded(lookup, answer, guarded)),
    };

    sample_values(lookup, answer, values + NCOLUMNS - NSAMPLE);
    return table_row(table, values);
}

static void tell_object(FILE *out, const struct lookup *lookup,
                        const struct answer *answer)
{
    const struct object *object = &answer->object;
    const struct output *output = lookup->context->output;
    char text[32];
    char list[VIEW_NAME];
    const char *name = view_object_list(lookup->freelist, object, list);

    (void)fprintf(out, "    object  %s: ",
                  output_address(output, object->mem, text, sizeof text));
    if (answer->address < object->mem) {
        (void)fprintf(out, "address is %zu bytes before it%s; ",
                      object->mem - answer->address,
                      object->block != BLOCK_GUARDED ? ", in its header" : "");
    } else {
        (void)fprintf(out, "offset %zu; ", answer->address - object->mem);
    }
    (void)fprintf(out, "%zu bytes, %zu usable; %s", object->size,
                  object->usable, object_state_names[object->state]);
    if (name != NULL)
        (void)fprintf(out, " (%s)", name);
    (void)fputc('\n', out);
}

/* Who asked for it, if that is known. */
static void tell_sample(FILE *out, const struct lookup *lookup,
                        const struct answer *answer)
{
    static char text[STACK_TEXT];
    const struct prof_sample *sample = sample_of(lookup, answer);
    char name[VIEW_NAME];

    if (lookup->profiled.profile == NULL || answer->object.state != OBJECT_LIVE)
        return;
    if (sample == NULL) {
        (void)fprintf(out, "    stack   not sampled\n");
        return;
    }
    (void)view_thread_name(lookup->context->target, sample->tid, name);
    (void)fprintf(
        out, "    asked   for %zu bytes by thread %u%s%s, %.1f s ago\n",
        (size_t)sample->size, sample->tid, *name != '\0' ? " " : "", name,
        (double)profiled_age_ms(&lookup->profiled, sample) / 1000);
    (void)fprintf(out, "    stack   %s\n",
                  profiled_stack(&lookup->profiled, sample->stack, text));
}

/* One address as the chain VMA -> region -> page -> object. */
static void tell(FILE *out, const struct lookup *lookup,
                 const struct answer *answer)
{
    const struct output *output = lookup->context->output;
    struct target *target = lookup->context->target;
    const struct vma *vma = target_vma_at(target, answer->address);
    char text[32];
    char name[VIEW_NAME];
    char bits[8];
    char words[GUARDED_TEXT];

    (void)fprintf(out, "%s\n",
                  output_address(output, answer->address, text, sizeof text));
    if (vma == NULL) {
        (void)fprintf(out, "    not mapped\n");
    } else {
        (void)fprintf(out, "    vma     %s+%zu %s %s\n",
                      output_address(output, vma->start, text, sizeof text),
                      vma->end - vma->start, vma->prot, vma->name);
    }
    (void)fprintf(out, "    region  %s\n", region_of(lookup->model, answer));
    const char *guarded = whatis_guarded(lookup, answer, words);
    if (guarded != NULL)
        (void)fprintf(out, "    guarded %s\n", guarded);
    if (!answer->has_block)
        return;
    const char *flags = bits_text(answer->bits, bits);
    (void)fprintf(
        out, "    page    %s, %zu bytes at %s%s%s\n",
        view_block_name(lookup->model, &answer->block, name),
        answer->block.size,
        output_address(output, answer->block.start, text, sizeof text),
        flags != NULL ? ", " : "", flags != NULL ? flags : "");
    if (answer->has_object) {
        tell_object(out, lookup, answer);
        tell_sample(out, lookup, answer);
    } else if (answer->block.slab != NULL) {
        (void)fprintf(out, "    between objects: the rest of a page\n");
    }
}

static enum status show(struct lookup *lookup)
{
    struct output *output = lookup->context->output;

    if (output_is_text(output) && lookup->count <= CHAIN_ADDRESSES) {
        for (size_t i = 0; i < lookup->count; i++)
            tell(output_stream(output), lookup, &lookup->answers[i]);
        return STATUS_FINE;
    }
    struct table *table = table_begin(output, "whatis", columns, NCOLUMNS);
    for (size_t i = 0; i < lookup->count; i++) {
        if (!row(table, lookup, &lookup->answers[i]))
            break;
    }
    return table_end(table);
}

static enum status run(struct context *context)
{
    struct lookup lookup = {.context = context};

    if (!whatis_collect(&lookup)) {
        free(lookup.answers);
        return STATUS_USAGE;
    }
    struct model *model = view_begin(context, true);
    if (model == NULL) {
        free(lookup.answers);
        return context->failure->status;
    }
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    lookup.model = model;
    lookup.freelist = freelist;
    (void)profiled_attach(model, 0, &lookup.profiled);
    whatis_find(&lookup);
    model_release(model); /* names take their time */
    enum status status = show(&lookup);
    profiled_end(&lookup.profiled);
    freelist_free(freelist);
    free(lookup.answers);
    return view_end(context, model, status);
}

const struct command cmd_whatis = {
    .name = "whatis",
    .arguments = "TARGET ADDR...|-",
    .summary = "what lies at an address: mapping, region, page, object, stack",
    .example = "heapinspect whatis 1234 0x7f3210004020",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
