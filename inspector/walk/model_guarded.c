/* SPDX-License-Identifier: MIT */
/* Guarded samples of a model. */
#include "memory.h"
#include "walk/model_load.h"

#include <stdlib.h>

/* What is said of a slot is the target's word: its block must fit into its
   page. */
static bool is_sane(const struct model *model, size_t i)
{
    const struct guarded_slot *slot = &model->guarded->slots[i];
    size_t system_page = target_page_size(model->target);
    uintptr_t page = guarded_page(model->guarded->base, i, system_page);

    if (slot->state == GUARDED_NEVER || slot->state == GUARDED_MOVING)
        return true;
    /* There was no memory for its first block. */
    if (slot->state == GUARDED_FREED && slot->mem == 0)
        return true;
    return slot->state <= GUARDED_FREED && slot->size <= system_page &&
           slot->mem - page <= system_page - slot->size;
}

void guarded_load(struct model *model)
{
    uintptr_t at = FAR_ADDRESS(target_root(model->target)->guarded);
    size_t page = target_page_size(model->target);
    struct guarded *guarded = xcalloc(1, sizeof *guarded);

    free(model->guarded);
    model->guarded = guarded;
    if (at == 0)
        return;
    if (!far_struct(model->target, TYPE_ID_guarded, at, guarded) ||
        (guarded->span != 0 &&
         (guarded->span != (2 * GUARDED_SLOTS + 1) * page ||
          guarded->base % page != 0 ||
          guarded->base + guarded->span < guarded->base))) {
        *guarded = (struct guarded){0};
        model->faults++;
    }
    for (size_t i = 0; i < GUARDED_SLOTS; i++) {
        struct guarded_slot *slot = &guarded->slots[i];
        if (guarded->span == 0 || !is_sane(model, i)) {
            model->faults += guarded->span != 0;
            /* Nobody knows what is there, as of one on its way. */
            *slot = (struct guarded_slot){.state = GUARDED_MOVING};
        }
    }
}

static void page_block(const struct model *model, size_t page,
                       struct block *block)
{
    size_t size = target_page_size(model->target);

    *block = (struct block){
        .kind = BLOCK_GUARDED,
        .start = model->guarded->base + page * size,
        .size = size,
    };
}

bool guarded_next(const struct model *model, size_t *index, struct block *block)
{
    const struct guarded *guarded = model->guarded;

    while (guarded != NULL && *index < GUARDED_SLOTS) {
        size_t i = (*index)++;
        if (guarded->slots[i].state == GUARDED_LIVE) {
            page_block(model, 2 * i + 1, block);
            return true;
        }
    }
    return false;
}

bool guarded_at(const struct model *model, uintptr_t address,
                struct block *block)
{
    size_t page;

    if (!model_guarded_at(model, address, &page))
        return false;
    page_block(model, page, block);
    return true;
}

bool model_guarded_at(const struct model *model, uintptr_t address,
                      size_t *page)
{
    const struct guarded *guarded = model->guarded;

    if (guarded == NULL || address - guarded->base >= guarded->span)
        return false;
    *page = (address - guarded->base) / target_page_size(model->target);
    return true;
}
