/* SPDX-License-Identifier: MIT */
/*
 * check: all invariants, everywhere.  A process that runs on changes while it
 * is looked at: what depends on a heap that moved during the look, or what
 * not every look found, is no finding.
 */
#include "walk/check.h"
#include "cmd/view.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LOOKS = 4, /* at a process in which something seems wrong */
    FINDINGS_MAX = 1 << 20,
    PAUSE_NS = 2 * 1000 * 1000,
};

static const struct column columns[] = {
    {"ID", "id", COLUMN_TEXT, false, "of the invariant"},
    {"WHERE", "where", COLUMN_TEXT, false, "kind of structure"},
    {"ADDRESS", "address", COLUMN_ADDRESS, false, "of what is wrong"},
    {"BROKEN", "broken", COLUMN_TEXT, false,
     "what should hold; the program wrote where it should not, or liballoc "
     "has a bug: look at the object before ADDRESS (vis)"},
    {"FOUND", "found", COLUMN_TEXT, false, "what was there instead"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

struct finding {
    enum invariant broken;
    uintptr_t address;
    char *detail;
};

struct findings {
    struct finding *all;
    size_t count;
    size_t more; /* beyond FINDINGS_MAX */
};

static void keep(void *data, enum invariant broken, uintptr_t address,
                 const char *detail)
{
    struct findings *findings = data;

    if (findings->count == FINDINGS_MAX) {
        findings->more++;
        return;
    }
    findings->all =
        xgrow(findings->all, findings->count, sizeof *findings->all);
    findings->all[findings->count++] =
        (struct finding){broken, address, xstrdup(detail)};
}

static void drop_all(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        free(findings->all[i].detail);
    free(findings->all);
    *findings = (struct findings){0};
}

static int compare(const void *a, const void *b)
{
    const struct finding *left = a;
    const struct finding *right = b;

    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    if (left->broken != right->broken)
        return left->broken < right->broken ? -1 : 1;
    return strcmp(left->detail, right->detail);
}

/* Which heaps are no longer as they were copied, by id; [0]: some are. */
static bool *find_moved(const struct model *model)
{
    static struct heap now;
    bool *moved = xcalloc(model->nheaps + 1, sizeof *moved);

    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        if (heap->address == 0)
            continue;
        moved[i + 1] =
            heap->torn ||
            !far_struct(model->target, TYPE_ID_heap, heap->address, &now) ||
            /* NOLINTNEXTLINE(*): bytes as they were copied, padding too */
            memcmp(&now, &heap->heap, sizeof now) != 0;
        moved[0] = moved[0] || moved[i + 1];
    }
    return moved;
}

/* These compare one heap's slabs with the batches of all the others. */
static bool spans_heaps(enum invariant broken)
{
    return broken == INVARIANT_SLAB_INUSE || broken == INVARIANT_CACHED_MARK ||
           broken == INVARIANT_CACHED_ONCE ||
           broken == INVARIANT_CACHED_COUNT || broken == INVARIANT_CACHED_CLASS;
}

typedef bool excuse(const void *data, const struct finding *finding);

/* Drops the findings that are excused; how many. */
static size_t drop_excused(struct findings *findings, excuse *is_excused,
                           const void *data)
{
    size_t kept = 0;

    for (size_t i = 0; i < findings->count; i++) {
        struct finding *it = &findings->all[i];
        if (is_excused(data, it)) {
            free(it->detail);
        } else {
            findings->all[kept++] = *it;
        }
    }
    size_t gone = findings->count - kept;
    findings->count = kept;
    return gone;
}

/* The heap of the block that holds the address; 0: of none. */
static uint32_t heap_id_at(const struct model *model, uintptr_t address)
{
    struct block block = {0};

    (void)block_at(model, address, &block);
    return block.heap_id <= model->nheaps ? block.heap_id : 0;
}

struct moves {
    const struct model *model;
    const bool *moved; /* of find_moved() */
};

/* It may be due to a change during the look. */
static bool is_of_moved(const void *data, const struct finding *finding)
{
    const struct moves *moves = data;
    uint32_t id = heap_id_at(moves->model, finding->address);

    return (id != 0 && moves->moved[id]) ||
           (moves->moved[0] && spans_heaps(finding->broken));
}

static size_t drop_moved(const struct model *model, struct findings *findings)
{
    bool *moved = find_moved(model);
    struct moves moves = {model, moved};
    size_t gone = drop_excused(findings, is_of_moved, &moves);

    free(moved);
    return gone;
}

/*
 * A core stands still, and who wrote it may have died within the heap that is
 * wrong: a heap in doubt excuses nothing but a batch that another one sends.
 */
static bool is_of_sent(const void *data, const struct finding *finding)
{
    const struct model *model = data;
    const struct model_heap *heap =
        model_heap(model, heap_id_at(model, finding->address));
    unsigned others = model->torn_heaps - (heap != NULL && heap->torn);

    return others > 0 && finding->broken == INVARIANT_SLAB_INUSE;
}

/* Another look, sorted, has it not. */
static bool is_not_again(const void *data, const struct finding *finding)
{
    const struct findings *again = data;

    return again->count == 0 || bsearch(finding, again->all, again->count,
                                        sizeof *finding, compare) == NULL;
}

/* Keeps of `findings` what `again` has too; how many went. */
static size_t intersect(struct findings *findings, struct findings *again)
{
    if (again->count > 0)
        qsort(again->all, again->count, sizeof *again->all, compare);
    return drop_excused(findings, is_not_again, again);
}

/* One look; NULL: the target is gone, or makes no sense. */
static struct model *look(struct context *context, struct checker *checker,
                          struct findings *findings, size_t *gone)
{
    struct model *model = model_load_held(context->target, context->failure);

    if (model == NULL)
        return NULL;
    check_all(checker, model, keep, findings);
    *gone += target_kind(context->target) == TARGET_PROCESS
                 ? drop_moved(model, findings)
                 : drop_excused(findings, is_of_sent, model);
    return model;
}

/* More looks, while something still seems wrong. */
static void look_again(struct context *context, struct findings *findings,
                       size_t *gone)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};

    for (int i = 1; findings->count > 0 && i < LOOKS; i++) {
        struct findings again = {0};
        struct checker checker;
        size_t moved = 0; /* not in `again` then: counted below */
        (void)nanosleep(&pause, NULL);
        struct model *model = look(context, &checker, &again, &moved);
        if (model == NULL)
            return;
        model_free(model);
        *gone += intersect(findings, &again);
        drop_all(&again);
    }
}

static void show_findings(struct context *context,
                          const struct findings *findings)
{
    struct table *table =
        table_begin(context->output, "findings", columns, NCOLUMNS);

    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *it = &findings->all[i];
        const struct invariant_entry *entry = invariant_entry(it->broken);
        struct value values[NCOLUMNS] = {
            value_text(entry->id),
            value_text(entry->where),
            value_number(it->address),
            value_text(entry->sentence),
            value_text(it->detail[0] != '\0' ? it->detail : NULL),
        };
        if (!table_row(table, values))
            break;
    }
    (void)table_end(table);
}

static void show_counts(struct context *context, const struct checker *checker,
                        const struct findings *findings)
{
    struct summary *summary = summary_begin(context->output, "checked");

    summary_add(summary, "invariants", COLUMN_COUNT, value_number(NINVARIANTS),
                "properties that were looked for");
    summary_add(summary, "blocks", COLUMN_COUNT, value_number(checker->blocks),
                "blocks of pages");
    summary_add(summary, "slots", COLUMN_COUNT, value_number(checker->slots),
                "slots of slabs");
    summary_add(summary, "chunks", COLUMN_COUNT, value_number(checker->chunks),
                "chunks of arenas");
    summary_add(summary, "cached", COLUMN_COUNT, value_number(checker->cached),
                "free objects in bins, spares and batches");
    summary_add(summary, "left_out", COLUMN_COUNT,
                value_number(checker->left_out),
                "structures in the midst of a change: --stop leaves out less");
    summary_add(summary, "findings", COLUMN_COUNT,
                value_number(findings->count + findings->more),
                "broken invariants");
    (void)summary_end(summary);
}

static enum status run(struct context *context)
{
    struct findings findings = {0};
    struct checker checker;
    size_t gone = 0;
    struct model *model = look(context, &checker, &findings, &gone);

    if (model == NULL)
        return context->failure->status;
    view_unverified(context, model, checker.left_out + gone);
    enum status status = view_end(context, model, STATUS_FINE);
    if (target_kind(context->target) == TARGET_PROCESS)
        look_again(context, &findings, &gone);
    if (gone > 0) {
        target_warn(context->target,
                    "%zu mismatches are not shown: the process %s", gone,
                    target_kind(context->target) == TARGET_PROCESS
                        ? "changed while it was looked at (--stop verifies "
                          "more)"
                        : "was in the midst of changes there");
    }
    if (checker.no_content) {
        target_warn(context->target,
                    "canaries, freed memory and what follows guarded samples "
                    "are not in the snapshot: they were not looked at (snap "
                    "--content has them)");
    }
    show_findings(context, &findings);
    show_counts(context, &checker, &findings);
    if (findings.count > 0)
        status = STATUS_FINDING;
    drop_all(&findings);
    return status;
}

const struct command cmd_check = {
    .name = "check",
    .arguments = "TARGET",
    .summary = "integrity: every invariant, everywhere; 1 if one is broken",
    .example = "heapinspect check core.1234",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
