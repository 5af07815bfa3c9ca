/* SPDX-License-Identifier: MIT */
/*
 * frag: the resident memory of the heap, share by share, beside what the
 * kernel counts; then how full its pages, huge pages and slabs are.
 */
#include "cmd/prof.h"
#include "walk/ledger.h"

#include <stdio.h>
#include <stdlib.h>

static const struct column columns[] = {
    {"SHARE", "share", COLUMN_TEXT, false, "what the memory is"},
    {"RESIDENT", "resident", COLUMN_BYTES, false, "of it, in memory"},
    {"PART", "part", COLUMN_RATIO, false, "RESIDENT of the RSS of the heap"},
    {"BYTES", "bytes", COLUMN_BYTES, false, "of addresses"},
    {"SWAPPED", "swapped", COLUMN_BYTES, false, "of it"},
    {"HUGE", "huge", COLUMN_BYTES, false, "of RESIDENT, in huge pages"},
    {"COUNT", "count", COLUMN_COUNT, false, "objects, chunks or blocks"},
    {"MEANING", "meaning", COLUMN_TEXT, false, "what it is and what to do"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static const struct column occupancy_columns[] = {
    {"LIVE", "occupancy", COLUMN_TEXT, false,
     "how much of the resident memory is live: 0: nothing"},
    {"PAGES", "pages", COLUMN_COUNT, false, "system pages"},
    {"PAGES_FREE", "pages.free", COLUMN_BYTES, false,
     "of them, what is not live"},
    {"HUGE", "huge", COLUMN_COUNT, false, "stretches of 2 MiB"},
    {"HUGE_FREE", "huge.free", COLUMN_BYTES, false,
     "of them, what is not live"},
    {"SLABS", "slabs", COLUMN_COUNT, false, "slabs of 32 KiB"},
    {"SLABS_FREE", "slabs.free", COLUMN_BYTES, false,
     "of them, what is not live; pins tells what holds it"},
};
enum { NOCCUPANCY = sizeof occupancy_columns / sizeof *occupancy_columns };

enum { SITES = 5 };

static const struct column site_columns[] = {
    {"PINNED", "pinned", COLUMN_BYTES, false,
     "free memory that live blocks of the stack hold, estimated"},
    {"WASTE", "waste", COLUMN_BYTES, false,
     "bytes of these blocks that were not asked for"},
    {"LIVE", "live", COLUMN_BYTES, false, "asked for"},
    {"STACK", "stack", COLUMN_TEXT, false,
     "who allocated: innermost function first, < is called by"},
};
enum { NSITES = sizeof site_columns / sizeof *site_columns };

static void show_shares(struct context *context, const struct ledger *ledger)
{
    struct table *table =
        table_begin(context->output, "ledger", columns, NCOLUMNS);

    for (unsigned i = 0; i < NSHARES; i++) {
        const struct resident_use *use = &ledger->use[i];
        struct value values[NCOLUMNS] = {
            value_text(share_names[i]),
            ledger->known ? value_number(use->resident) : value_unknown(),
            ledger->known ? value_part(use->resident, ledger->rss)
                          : value_unknown(),
            value_number(ledger->bytes[i]),
            ledger->known ? value_number(use->swapped) : value_unknown(),
            ledger->known ? value_number(use->huge) : value_unknown(),
            value_number(ledger->count[i]),
            value_text(share_meanings[i]),
        };
        if (!table_row(table, values))
            break;
    }
    (void)table_end(table);
}

static const char *tenth_name(unsigned tenth, char text[24])
{
    if (tenth == 0)
        return "0";
    (void)snprintf(text, 24, "%u-%u %%", tenth * 10 - 9, tenth * 10);
    return text;
}

static void show_occupancy(struct context *context, const struct ledger *ledger)
{
    struct table *table = table_begin(context->output, "occupancy",
                                      occupancy_columns, NOCCUPANCY);

    for (unsigned i = 0; i < NTENTHS; i++) {
        struct value values[NOCCUPANCY];
        char text[24];
        values[0] = value_text(tenth_name(i, text));
        for (unsigned unit = 0; unit < NUNITS; unit++) {
            const struct occupancy *it = &ledger->occupancy[unit];
            values[1 + 2 * unit] = value_number(it->units[i]);
            values[2 + 2 * unit] = value_number(it->resident[i] - it->live[i]);
        }
        if (!table_row(table, values))
            break;
    }
    (void)table_end(table);
}

static void show_sums(struct context *context, const struct ledger *ledger)
{
    struct summary *summary = summary_begin(context->output, "sums");
    bool known = ledger->known && ledger->rss > 0;
    size_t live = ledger->use[SHARE_LIVE].resident;

    summary_add(summary, "rss", COLUMN_BYTES,
                known ? value_number(ledger->rss) : value_unknown(),
                "of the heap's regions, as the kernel counts it");
    summary_add(summary, "shares", COLUMN_BYTES,
                known ? value_number(ledger->total) : value_unknown(),
                "sum of the shares, by walk and residency");
    summary_add(summary, "residue", COLUMN_RATIO,
                known ? value_ratio(ledger_residue(ledger)) : value_unknown(),
                "what the two differ by: above 1 % the walk missed something, "
                "or the process changed meanwhile (--stop)");
    summary_add(summary, "waste", COLUMN_RATIO,
                known ? value_part(ledger->total - live, ledger->total)
                      : value_unknown(),
                "resident but not live");
    (void)summary_end(summary);
}

static void show_site(struct table *table, const struct prof_row *row)
{
    const struct value values[NSITES] = {
        value_number(row->figures.value[METRIC_PINNED]),
        value_number(row->figures.value[METRIC_WASTE]),
        value_number(row->figures.value[METRIC_LIVE_BYTES]),
        value_text(row->text),
    };

    (void)table_row(table, values);
}

/* The stacks that waste most; nothing without a profile. */
static void show_sites(struct context *context, struct profiled *profiled)
{
    struct prof_rows rows;

    if (profiled->profile == NULL)
        return;
    struct table *table =
        table_begin(context->output, "sites", site_columns, NSITES);
    for (unsigned pass = 0; pass < 2; pass++) {
        enum metric metric = pass == 0 ? METRIC_PINNED : METRIC_WASTE;
        prof_rows_take(profiled, BY_STACK, metric, &rows);
        for (size_t i = 0; i < rows.count && i < SITES; i++) {
            const uint64_t *value = rows.all[i].figures.value;
            /* What pins was shown with its waste already. */
            if (value[metric] > 0 && (pass == 0 || value[METRIC_PINNED] == 0))
                show_site(table, &rows.all[i]);
        }
        prof_rows_free(&rows);
    }
    (void)table_end(table);
}

/* The largest share that something can be done about. */
static void advise(struct context *context, const struct ledger *ledger)
{
    unsigned worst = SHARE_CACHED;
    char text[32];

    for (unsigned i = SHARE_CACHED; i <= SHARE_KEPT; i++) {
        if (ledger->use[i].resident > ledger->use[worst].resident)
            worst = i;
    }
    size_t bytes = ledger->use[worst].resident;
    if (ledger->known && bytes > ledger->total / 20) {
        output_advise(context->output, "largest waste: %s, %s: %s",
                      share_names[worst],
                      output_bytes(context->output, bytes, text, sizeof text),
                      share_meanings[worst]);
    }
}

static enum status run(struct context *context)
{
    struct model *model = view_begin(context, true);
    struct profiled profiled;

    if (model == NULL)
        return context->failure->status;
    struct ledger *ledger = ledger_take(model);
    view_unverified(context, model, ledger->unread);
    if (!ledger->known) {
        target_warn(context->target, "residency is not known: %s",
                    target_kind(context->target) == TARGET_PROCESS
                        ? "/proc/PID/pagemap is not readable"
                        : "a core does not tell it");
    }
    (void)profiled_attach(model, PROFILED_PINS, &profiled);
    model_release(model);
    show_shares(context, ledger);
    show_occupancy(context, ledger);
    show_sites(context, &profiled);
    show_sums(context, ledger);
    profiled_end(&profiled);
    enum status status = view_end(context, model, STATUS_FINE);
    advise(context, ledger);
    free(ledger);
    return status;
}

const struct command cmd_frag = {
    .name = "frag",
    .arguments = "TARGET",
    .summary = "where the resident memory is: a ledger that adds up to RSS",
    .example = "heapinspect frag 1234 --stop",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
