/* SPDX-License-Identifier: MIT */
/*
 * What hardened mode promises of blocks: canaries of those in use, zeros in
 * those that were freed, what follows guarded samples.
 */
#include "layout/chunk.h"
#include "target/threads.h"
#include "walk/check.h"
#include "walk/far_list.h"
#include "walk/objects.h"

#include <string.h>

enum {
    STEP = 64 * 1024, /* bytes looked at in one view */
};

/* Which of the two the target does, and how. */
struct promise {
    bool canary;
    bool zero;
    uint64_t secret; /* of the canaries */
    size_t checked;  /* bytes of a freed block that liballoc looks at */
};

static struct promise promise_of(const struct model *model)
{
    const struct heap_root *root = target_root(model->target);
    struct promise promise = {0};
    size_t value = 0;

    if (model_tunable(model, "canary", &value) && value != 0) {
        promise.canary =
            far_number(model->target, FAR_ADDRESS(root->canary_secret), 8,
                       &promise.secret);
    }
    if (model_tunable(model, "zero_free", &value) && value != 0 &&
        model_tunable(model, "check_free", &promise.checked))
        promise.zero = promise.checked != 0;
    return promise;
}

static void check_canary(struct checker *checker, const struct object *object,
                         uint64_t secret)
{
    const struct model *model = checker->model;
    uintptr_t want = canary_word(object->mem, secret);
    uintptr_t have;

    if (object->usable < sizeof have ||
        !far_read(model->target, object->mem + object->usable - sizeof have,
                  &have, sizeof have))
        return;
    if (have != want) {
        check_found(checker, INVARIANT_GUARD_CANARY, object->mem,
                    "0x%lx at the end of %zu bytes", have, object->usable);
    }
}

/* Offset in the block of the first byte that is not zero; `to` = all are. */
static size_t first_written(const struct model *model, uintptr_t mem,
                            size_t from, size_t to)
{
    while (from < to) {
        size_t size = to - from < STEP ? to - from : STEP;
        const char *bytes = far_view(model->target, mem + from, size);
        for (size_t i = 0; bytes != NULL && i < size; i++) {
            if (bytes[i] != 0)
                return from + i;
        }
        from += size;
    }
    return to;
}

static void check_zero(struct checker *checker, const struct object *object,
                       size_t most)
{
    size_t from = sizeof(struct free_object);
    size_t to = object->usable < most ? object->usable : most;
    size_t at = first_written(checker->model, object->mem, from, to);

    if (at < to) {
        check_found(checker, INVARIANT_GUARD_ZERO, object->mem,
                    "written at byte %zu of %zu", at, object->usable);
    }
}

/* What lies between a live sample and the end of its unit. */
static void check_fill(struct checker *checker, const struct guarded_slot *slot)
{
    unsigned char fill[GUARDED_UNIT];
    uintptr_t end = slot->mem + slot->size;
    size_t size = guarded_fill(end);

    if (size == 0 || !far_read(checker->model->target, end, fill, size))
        return;
    for (size_t i = 0; i < size; i++) {
        if (fill[i] != GUARDED_FILL) {
            check_found(checker, INVARIANT_GUARD_FILL, slot->mem,
                        "written %zu bytes behind the end of %zu", i,
                        slot->size);
            return;
        }
    }
}

static bool has_guarded(const struct model *model)
{
    struct block block;
    size_t index = 0;

    return guarded_next(model, &index, &block);
}

static void check_guarded(struct checker *checker)
{
    const struct guarded *guarded = checker->model->guarded;

    for (size_t i = 0; guarded != NULL && i < GUARDED_SLOTS; i++) {
        if (guarded->slots[i].state == GUARDED_LIVE)
            check_fill(checker, &guarded->slots[i]);
    }
}

/* Blocks that malloc gives: those of the page API and of caches are not. */
static bool is_wrapped(const struct object *object)
{
    return object->block == BLOCK_SLAB || object->block == BLOCK_SEGMENT ||
           object->block == BLOCK_RUN || object->block == BLOCK_MMAP;
}

void check_hardened(struct checker *checker)
{
    struct promise promise = promise_of(checker->model);
    struct object_walk walk;
    struct object object;

    if (!target_has_content(checker->model->target)) {
        checker->no_content =
            promise.canary || promise.zero || has_guarded(checker->model);
        return;
    }
    check_guarded(checker);
    if (!promise.canary && !promise.zero)
        return;
    object_walk_begin(&walk, checker->model, checker->freelist);
    while (object_walk_next(&walk, &object)) {
        if (!is_wrapped(&object))
            continue;
        if (promise.canary && object.state == OBJECT_LIVE) {
            check_canary(checker, &object, promise.secret);
        } else if (promise.zero && object.block == BLOCK_SLAB &&
                   object.state != OBJECT_VIRGIN &&
                   object.state != OBJECT_DAMAGED &&
                   object.state != OBJECT_LIVE) {
            check_zero(checker, &object, promise.checked);
        }
    }
    object_walk_end(&walk);
}
