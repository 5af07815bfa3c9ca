/* SPDX-License-Identifier: MIT */
#include "leak/path.h"

#include "memory.h"

#include <stdlib.h>

static void on_watched(void *data, uintptr_t slot, uintptr_t word)
{
    struct path *path = data;

    if (path->nrefs == REFS_MAX) {
        path->more++;
        return;
    }
    path->refs = xgrow(path->refs, path->nrefs, sizeof *path->refs);
    path->refs[path->nrefs++] = (struct path_ref){slot, word, path->after};
}

/* Those that the roots do not reach get the mark, and are scanned, too. */
static void scan_lost(struct path *path)
{
    struct leak_cursor cursor = {0};
    struct leak_ref ref;

    path->after = true;
    while (index_next(path->index, BIT_LIVE, &cursor, &ref)) {
        if (!ref_test(path->index, &ref, BIT_MARKED))
            ref_set(path->index, &ref, BIT_HEAD);
    }
    cursor = (struct leak_cursor){0};
    while (index_next(path->index, BIT_HEAD, &cursor, &ref)) {
        reach_block(&path->reach, &ref);
        reach_drain(&path->reach);
    }
}

bool path_find(const struct model *model, const struct freelist *freelist,
               bool interior, uintptr_t address, struct path *path)
{
    struct reach *reach = &path->reach;
    struct leak_group group;

    *path = (struct path){0};
    roots_find(model, &path->roots);
    path->index = index_build(model, freelist, roots_add_damaged, &path->roots);
    reach_begin(reach, path->index, model->target, interior);
    if (!index_find(path->index, address, true, &path->block))
        return false;
    leak_describe(path->index, &path->block, &group);
    path->size = group.size;
    reach->parents = xcalloc(path->index->blocks + 1, sizeof *reach->parents);
    reach->on_watched = on_watched;
    reach->data = path;
    reach->watched = path->block.start;
    reach->watched_size = interior ? group.size : 1;
    roots_mark(&path->roots, reach);
    reach_drain(reach);
    path->reachable = ref_test(path->index, &path->block, BIT_MARKED);
    scan_lost(path);
    reach->watched_size = 0;
    return true;
}

void path_free(struct path *path)
{
    reach_end(&path->reach);
    index_free(path->index);
    roots_free(&path->roots);
    free(path->refs);
    *path = (struct path){0};
}

/* The word that marked the block. */
static struct path_step step_to(const struct path *path,
                                const struct leak_ref *ref,
                                struct leak_ref *holder)
{
    uintptr_t slot = path->reach.parents[index_rank(path->index, ref)];
    struct leak_group group;
    leak_describe(path->index, ref, &group);
    struct path_step step = {.slot = slot,
                             .root = roots_at(&path->roots, slot),
                             .block = ref->start,
                             .size = group.size};

    if (step.root == NULL && index_find(path->index, slot, true, holder))
        step.holder = holder->start;
    return step;
}

struct path_step *path_steps(const struct path *path, size_t most,
                             size_t *count, size_t *more)
{
    struct path_step *steps = NULL;
    struct leak_ref at = path->block;
    struct leak_ref holder;

    *count = 0;
    *more = 0;
    if (!path->reachable)
        return NULL;
    /* A block is marked after its holder: the way ends, after them all. */
    for (size_t i = 0; i <= path->index->blocks; i++) {
        struct path_step step = step_to(path, &at, &holder);
        if (steps != NULL && *count == most) {
            ++*more;
            steps[most - 1] = step;
        } else {
            steps = xgrow(steps, *count, sizeof *steps);
            steps[(*count)++] = step;
        }
        if (step.root != NULL || step.holder == 0)
            break;
        at = holder;
    }
    /* Found from its end. */
    for (size_t i = 0; i < *count / 2; i++) {
        struct path_step swap = steps[i];
        steps[i] = steps[*count - 1 - i];
        steps[*count - 1 - i] = swap;
    }
    return steps;
}

void path_retained(struct path *path, size_t *objects, size_t *bytes)
{
    struct leak_cursor cursor = {0};
    struct leak_group group;
    struct leak_ref ref;

    *objects = 0;
    *bytes = 0;
    index_clear(path->index, BIT_MARKED);
    index_clear(path->index, BIT_SCANNED);
    /* As if it held nothing. */
    ref_set(path->index, &path->block, BIT_MARKED);
    ref_set(path->index, &path->block, BIT_SCANNED);
    roots_mark(&path->roots, &path->reach);
    reach_drain(&path->reach);
    while (index_next(path->index, BIT_LIVE, &cursor, &ref)) {
        bool is_own = ref.start == path->block.start;
        if (!is_own && (ref_test(path->index, &ref, BIT_MARKED) ||
                        ref_test(path->index, &ref, BIT_HEAD)))
            continue;
        leak_describe(path->index, &ref, &group);
        ++*objects;
        *bytes += group.size;
    }
}
