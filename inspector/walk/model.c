/* SPDX-License-Identifier: MIT */
#include "walk/model.h"

#include "memory.h"
#include "walk/far_list.h"
#include "walk/model_load.h"

#include <stdlib.h>
#include <string.h>

static bool secrets_load(struct model *model)
{
    const struct heap_root *root = target_root(model->target);

    return far_number(model->target, FAR_ADDRESS(root->chunk_secret), 8,
                      &model->chunk_secret) &&
           far_number(model->target, FAR_ADDRESS(root->object_secret), 8,
                      &model->object_secret) &&
           (FAR_ADDRESS(root->link_secret) == 0 ||
            far_number(model->target, FAR_ADDRESS(root->link_secret), 8,
                       &model->link_secret));
}

static void zones_unload(struct model *model)
{
    for (size_t i = 0; i < model->nzones; i++)
        room_free(&model->zones[i]);
    free(model->zones);
    model->zones = NULL;
    model->nzones = 0;
}

bool zone_count(const struct model *model, uint64_t *count)
{
    const struct heap_root *root = target_root(model->target);

    return far_number(model->target, FAR_ADDRESS(root->zone_count), 4, count) &&
           *count <= root->zones.count && *count <= ZONES_MAX;
}

static bool zones_load(struct model *model)
{
    uint64_t count = 0;

    if (!zone_count(model, &count))
        return false;
    zones_unload(model);
    model->zones = xcalloc((size_t)count, sizeof *model->zones);
    for (size_t i = 0; i < count; i++) {
        /* One that makes no sense is left out; the others still count. */
        if (zone_load(model, i, &model->zones[model->nzones])) {
            model->nzones++;
        } else {
            model->faults++;
        }
    }
    return true;
}

/* Everything, once.  The heaps first: their epochs span the rest. */
static bool copy_all(struct model *model)
{
    far_forget(model->target);
    model->faults = 0;
    if (!secrets_load(model) || !heaps_load(model) || !zones_load(model))
        return false;
    mmaps_load(model);
    guarded_load(model);
    caches_load(model);
    return true;
}

static void find_torn(struct model *model)
{
    far_forget(model->target);
    model->torn_heaps = 0;
    model->torn_zones = 0;
    for (size_t i = 0; i < model->nheaps; i++) {
        model->heaps[i].torn = heap_moved(model, &model->heaps[i]);
        model->torn_heaps += model->heaps[i].torn;
    }
    for (size_t i = 0; i < model->nzones; i++) {
        model->zones[i].torn = zone_moved(model, &model->zones[i]);
        model->torn_zones += model->zones[i].torn;
    }
}

static bool copy_until_whole(struct model *model)
{
    bool stands_still = target_kind(model->target) != TARGET_PROCESS ||
                        target_mode(model->target) == MODE_STOP;

    for (unsigned round = 1;; round++) {
        if (!copy_all(model))
            return false;
        find_torn(model);
        if (model->torn_heaps + model->torn_zones == 0 || stands_still ||
            round == MODEL_ROUNDS)
            return true;
        model->retries++;
    }
}

/* NULL, or why the target's heap cannot be read by our declarations. */
static const char *shape_refusal(struct target *target)
{
    if (far_sizeof(target, TYPE_ID_page) != sizeof(struct page) ||
        far_sizeof(target, TYPE_ID_slab) != sizeof(struct slab))
        return "its page descriptors have another size than ours";
    if (target_root(target)->page_shift != PAGE_SHIFT)
        return "its pages have another size than ours";
    if (target_root(target)->nbins != NHEAPBINS)
        return "it has other size classes than ours";
    return NULL;
}

static bool model_refuses(struct target *target, struct failure *failure)
{
    const struct failure *why = target_why_rootless(target);

    if (target_root(target) == NULL) {
        (void)fail(failure, why != NULL ? why->status : STATUS_GONE, "%s",
                   why != NULL ? why->text : "there is no liballoc in it");
        return true;
    }
    /* stale ok: a heap that is being set up is as good as none */
    if (target_root(target)->state != ROOT_READY) {
        (void)fail(failure, STATUS_GONE,
                   "liballoc is loaded, but nothing was allocated yet");
        return true;
    }
    const char *shape = shape_refusal(target);
    if (shape != NULL)
        (void)fail(failure, STATUS_UNSUPPORTED, "%s", shape);
    return shape != NULL;
}

static void model_warn(const struct model *model)
{
    if (model->torn_heaps + model->torn_zones > 0) {
        target_warn(model->target,
                    "%u of %zu heaps and %u of %zu zones changed while they "
                    "were copied (%u retries): %zu bytes are not verified",
                    model->torn_heaps, model->nheaps, model->torn_zones,
                    model->nzones, model->retries, model_unverified(model));
    }
    if (model->faults > 0) {
        target_warn(model->target,
                    "%zu structures made no sense and were left out; see "
                    "`check`",
                    model->faults);
    }
}

static struct model *model_copy(struct target *target, struct failure *failure)
{
    struct model *model;

    if (model_refuses(target, failure))
        return NULL;
    model = xcalloc(1, sizeof *model);
    model->target = target;
    if (target_mode(target) == MODE_STOP)
        rooms_make(model);
    if (!target_hold(target, failure)) {
        rooms_free(model);
        free(model);
        return NULL;
    }
    model->is_held = true;
    bool copied = copy_until_whole(model);
    rooms_free(model);
    if (!copied) {
        model_free(model);
        (void)fail(failure, STATUS_INCOMPLETE,
                   "the heap's tables are not readable");
        return NULL;
    }
    return model;
}

/* What needs no more of the target. */
static void model_finish(struct model *model)
{
    for (size_t i = 0; i < model->nzones; i++)
        zone_find_heads(&model->zones[i]);
    model_warn(model);
}

void model_release(struct model *model)
{
    if (model->is_held)
        target_release(model->target);
    model->is_held = false;
}

struct model *model_load(struct target *target, struct failure *failure)
{
    struct model *model = model_copy(target, failure);

    if (model != NULL) {
        model_release(model);
        model_finish(model);
    }
    return model;
}

struct model *model_load_held(struct target *target, struct failure *failure)
{
    struct model *model = model_copy(target, failure);

    if (model != NULL)
        model_finish(model);
    return model;
}

void model_free(struct model *model)
{
    if (model == NULL)
        return;
    model_release(model);
    zones_unload(model);
    heaps_unload(model);
    free(model->mmaps);
    free(model->records);
    free(model->caches);
    free(model->mmap_table);
    free(model->guarded);
    free(model);
}

bool model_page(const struct model *model, uintptr_t address,
                const struct model_zone **zone, size_t *pfn)
{
    for (size_t i = 0; i < model->nzones; i++) {
        const struct model_zone *it = &model->zones[i];
        if (address < it->zone.base ||
            page_pfn(it->zone.base, address) >= it->zone.npages)
            continue;
        *zone = it;
        *pfn = page_pfn(it->zone.base, address);
        return true;
    }
    return false;
}

const struct model_heap *model_heap(const struct model *model, uint32_t id)
{
    if (id == 0 || id > model->nheaps || model->heaps[id - 1].address == 0)
        return NULL;
    return &model->heaps[id - 1];
}

const struct model_cache *model_cache(const struct model *model,
                                      uintptr_t slabs_address)
{
    size_t low = 0;
    size_t high = model->ncaches;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (model->caches[middle].slabs_address < slabs_address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < model->ncaches &&
                   model->caches[low].slabs_address == slabs_address
               ? &model->caches[low]
               : NULL;
}

const struct model_mmap *model_mmap_at(const struct model *model,
                                       uintptr_t address)
{
    size_t low = 0;
    size_t high = model->nmmaps;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (model->mmaps[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 ||
        address - model->mmaps[low - 1].start >= model->mmaps[low - 1].size)
        return NULL;
    return &model->mmaps[low - 1];
}

bool model_tunable(const struct model *model, const char *name, size_t *value)
{
    const struct heap_root *root = target_root(model->target);
    struct field_descriptor field;
    uint64_t number;

    if (!far_field(model->target, "tunables", name, &field) ||
        !far_number(model->target, FAR_ADDRESS(root->tunables) + field.offset,
                    field.width, &number))
        return false;
    *value = (size_t)number;
    return true;
}

size_t model_unverified(const struct model *model)
{
    struct block_walk walk;
    struct block block;
    size_t bytes = 0;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        const struct model_heap *heap = model_heap(model, block.heap_id);
        if ((heap != NULL && heap->torn) ||
            (block.zone != NULL && block.zone->torn && block.heap_id == 0))
            bytes += block.size;
    }
    return bytes;
}
