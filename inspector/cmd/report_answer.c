/* SPDX-License-Identifier: MIT */
/* The ledger, deciles, who holds what, and one sentence for each of it. */
#include "cmd/report.h"
#include "render/html.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    NHOLDS = 8,         /* pages with 0, 1, 2, 3-4, 5-8, ... live objects */
    MUCH_OVERHEAD = 10, /* of the heap: a tenth is worth a word */
    WORTH_A_WORD = 50,  /* of the heap: less than 2 % is not in the headline */
};

/* Resident pages by the number of their live objects. */
struct holds {
    size_t pages[NHOLDS];
    size_t objects[NHOLDS];
    size_t resident[NHOLDS];
    size_t held[NHOLDS];
};

enum { TEXT = 40 };

static const char *bytes_text(const struct report *report, size_t bytes,
                              char text[TEXT])
{
    return output_bytes(report->context->output, bytes, text, TEXT);
}

static void advise(struct report *report, size_t bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `bytes` is what the advice is worth: the page sorts by it. */
static void advise(struct report *report, size_t bytes, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(json_object_get(report->root, "advice"),
                          json_pack("{s:I, s:o}", "bytes", (json_int_t)bytes,
                                    "text", html_text(text)));
}

static unsigned hold_index(unsigned objects)
{
    unsigned index = 0;

    if (objects <= 2)
        return objects;
    while (((objects - 1) >> (index + 1)) != 0)
        index++;
    return index + 2 < NHOLDS ? index + 2 : NHOLDS - 1;
}

static struct holds count_holds(const struct picture *picture)
{
    struct holds holds = {0};

    for (size_t i = 0; i < picture->count; i++) {
        const struct stretch *stretch = &picture->stretches[i];
        for (size_t c = 0; c < stretch->count; c++) {
            const struct cell *cell = &stretch->cells[c];
            unsigned at = hold_index(cell->objects);
            if (cell->resident == 0 || cell->kind == BLOCK_META)
                continue;
            holds.pages[at]++;
            holds.objects[at] += cell->objects;
            holds.resident[at] += cell->resident;
            holds.held[at] += cell->held;
        }
    }
    return holds;
}

static void put_holds(struct report *report, const struct holds *holds)
{
    static const char *const names[NHOLDS] = {
        "none",     "1",         "2",          "3\u20134",
        "5\u20138", "9\u201316", "17\u201332", "more",
    };
    json_t *list = json_array();

    for (unsigned i = 0; i < NHOLDS; i++) {
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "objects", names[i],
                            "pages", (json_int_t)holds->pages[i], "count",
                            (json_int_t)holds->objects[i], "resident",
                            (json_int_t)holds->resident[i], "held",
                            (json_int_t)holds->held[i]));
    }
    json_object_set_new(report->root, "holds", list);
}

static void put_ledger(struct report *report)
{
    const struct ledger *ledger = report->ledger;
    json_t *list = json_array();

    for (unsigned share = 0; share < NSHARES; share++) {
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "name",
                      share_names[share], "meaning", share_meanings[share],
                      "resident", (json_int_t)ledger->use[share].resident,
                      "swapped", (json_int_t)ledger->use[share].swapped,
                      "bytes", (json_int_t)ledger->bytes[share], "count",
                      (json_int_t)ledger->count[share]));
    }
    json_object_set_new(report->root, "ledger", list);
    json_object_set_new(report->root, "heap_rss", report_number(ledger->rss));
    json_object_set_new(report->root, "residue",
                        json_real(ledger_residue(ledger)));
}

static void put_deciles(struct report *report)
{
    static const char *const names[NUNITS] = {
        [UNIT_PAGE] = "pages",
        [UNIT_HUGE] = "tiles",
        [UNIT_SLAB] = "slabs",
    };
    json_t *all = json_object();

    for (unsigned unit = 0; unit < NUNITS; unit++) {
        const struct occupancy *it = &report->ledger->occupancy[unit];
        json_t *list = json_array();
        for (unsigned i = 0; i < NTENTHS; i++) {
            json_array_append_new(list,
                                  json_pack("[I,I,I]", (json_int_t)it->units[i],
                                            (json_int_t)it->resident[i],
                                            (json_int_t)it->live[i]));
        }
        json_object_set_new(all, names[unit], list);
    }
    json_object_set_new(report->root, "deciles", all);
}

static size_t resident_of(const struct report *report, enum share share)
{
    return report->ledger->use[share].resident;
}

/* Free memory in slabs and between chunks, because of what lies beside it. */
static void advise_fragments(struct report *report,
                             const struct pins_worth *worth)
{
    size_t bytes =
        resident_of(report, SHARE_SLAB_FREE) + resident_of(report, SHARE_CHUNK);
    char free_text[TEXT];
    char gain_text[TEXT];

    (void)bytes_text(report, bytes, free_text);
    (void)bytes_text(report, worth->bytes, gain_text);
    if (worth->objects == 0) {
        advise(report, bytes,
               "%s are free between live objects, so many to a page that "
               "moving a few gains nothing: the next need of these sizes takes "
               "it.",
               free_text);
        return;
    }
    advise(report, bytes,
           "%s are free between live objects. %zu of these hold 4 KiB or more "
           "each, %s in all: find out who keeps them (the table below; "
           "heapinspect pins), and allocate together what lives long.",
           free_text, worth->objects, gain_text);
}

/* Small objects as chunks pay for headers; slabs have none. */
static void advise_overhead(struct report *report)
{
    size_t bytes = resident_of(report, SHARE_OVERHEAD);
    size_t slab_max = 0;
    char text[TEXT];

    if (bytes < report->ledger->total / MUCH_OVERHEAD)
        return;
    (void)bytes_text(report, bytes, text);
    if (model_tunable(report->model, "slab_max", &slab_max) && slab_max == 0) {
        advise(report, bytes,
               "%s are headers and rounding, as every object is a chunk here: "
               "slabs (slab_max above 0) need none for small ones.",
               text);
    } else {
        advise(report, bytes,
               "%s are headers and rounding: small objects just above a size "
               "class, or large ones just above a page, cost most.",
               text);
    }
}

static void advise_caches(struct report *report)
{
    size_t idle = 0;
    size_t cached = resident_of(report, SHARE_CACHED);
    size_t idle_heaps = 0;
    char text[TEXT];

    for (size_t i = 0; i < report->model->nheaps; i++) {
        const struct model_heap *heap = &report->model->heaps[i];
        const struct heap_use *use = &report->usage->heaps[i + 1];
        if (heap->address == 0 || heap->heap.state != HEAP_IDLE)
            continue;
        idle += use->slab_cached + use->chunk_cached + use->listed;
        idle_heaps++;
    }
    (void)bytes_text(report, cached, text);
    advise(report, cached,
           "%s wait in threads' caches: smaller bin_bytes and cache_bytes keep "
           "less there.",
           text);
    if (idle_heaps > 0) {
        (void)bytes_text(report, idle, text);
        advise(report, idle,
               "%zu heaps of ended threads keep %s for new threads: a pool of "
               "threads that stay needs fewer.",
               idle_heaps, text);
    }
}

static void advise_pages(struct report *report)
{
    size_t pages = resident_of(report, SHARE_PAGES);
    size_t kept = resident_of(report, SHARE_KEPT);
    size_t rss =
        (size_t)json_integer_value(json_object_get(report->root, "rss"));
    char text[TEXT];

    (void)bytes_text(report, pages, text);
    advise(report, pages,
           "%s are whole free pages, kept for the next need: malloc_trim(0) "
           "gives them back now; a smaller dirty_min or purge_delay keeps "
           "fewer.",
           text);
    (void)bytes_text(report, kept, text);
    advise(report, kept,
           "%s are freed mappings that wait for reuse: mmap_cache bounds them.",
           text);
    if (rss > report->ledger->rss * 2) {
        (void)bytes_text(report, rss - report->ledger->rss, text);
        advise(report, rss - report->ledger->rss,
               "%s of the process are not the heap's at all: see the table of "
               "mappings.",
               text);
    }
}

static void put_headline(struct report *report, const struct pins_worth *worth)
{
    const struct ledger *ledger = report->ledger;
    size_t live = resident_of(report, SHARE_LIVE);
    size_t needed = live + resident_of(report, SHARE_OVERHEAD) +
                    resident_of(report, SHARE_META);
    size_t rest = ledger->total > needed ? ledger->total - needed : 0;
    char total_text[TEXT];
    char live_text[TEXT];
    char rest_text[TEXT];
    char gain_text[TEXT];
    char text[400];
    int used = snprintf(
        text, sizeof text,
        "%s resident in the heap: %s in %zu live objects, %s (%zu %%) free but "
        "still paid for",
        bytes_text(report, ledger->total, total_text),
        bytes_text(report, live, live_text), ledger->count[SHARE_LIVE],
        bytes_text(report, rest, rest_text),
        ledger->total > 0 ? rest * 100 / ledger->total : 0);

    if (worth->bytes > ledger->total / WORTH_A_WORD) {
        (void)snprintf(text + used, sizeof text - (size_t)used,
                       "; %s would go back if %zu objects were elsewhere.",
                       bytes_text(report, worth->bytes, gain_text),
                       worth->objects);
    } else {
        (void)snprintf(text + used, sizeof text - (size_t)used, ".");
    }
    json_object_set_new(report->root, "headline", html_text(text));
    json_object_set_new(report->root, "waste", report_number(rest));
}

void report_answer(struct report *report)
{
    struct holds holds = count_holds(report->picture);
    struct pins_worth worth = report_pins(report);

    json_object_set_new(report->root, "advice", json_array());
    put_ledger(report);
    put_deciles(report);
    put_holds(report, &holds);
    put_headline(report, &worth);
    advise_fragments(report, &worth);
    advise_overhead(report);
    advise_caches(report);
    advise_pages(report);
}
