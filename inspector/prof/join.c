/* SPDX-License-Identifier: MIT */
/* What the heap's walk and the kernel say of each sampled block. */
#include "prof/profile.h"

#include "walk/pins.h"
#include "walk/resident.h"

enum { FULLEST = 50 }; /* percent: as `pins` has it */

static void find_blocks(struct profile *profile, const struct model *model,
                        struct resident *resident)
{
    static struct object_finder finder;
    struct object object;

    object_finder_begin(&finder, model, NULL);
    for (size_t i = 0; i < profile->nlive; i++) {
        struct live_sample *live = &profile->live[i];
        uintptr_t address = live->sample.address;
        live->is_found = object_find(&finder, address, &object) &&
                         object.mem == address && object.state == OBJECT_LIVE;
        /* Sizes are the target's word: the walk bounds them. */
        if (live->is_found) {
            size_t usable = live->sample.usable < object.size
                                ? (size_t)live->sample.usable
                                : object.size;
            live->resident = resident_bytes(resident, address, usable);
        }
    }
    object_finder_end(&finder);
}

static void take_pin(void *data, const struct pin *pin)
{
    struct profile *profile = data;
    const struct live_sample *found = profile_find(profile, pin->object.mem);

    /* A chunk may hold two pages. */
    if (found != NULL && pin->resident > pin->live) {
        profile->live[found - profile->live].pinned +=
            (pin->resident - pin->live) / pin->objects;
    }
}

void profile_join(struct profile *profile, const struct model *model, bool pins)
{
    struct resident resident;

    resident_begin(&resident, model->target);
    find_blocks(profile, model, &resident);
    profile->knows_resident = resident.known;
    resident_end(&resident);
    if (pins && profile->knows_resident)
        pins_free(pins_each(model, FULLEST, 0, take_pin, profile));
}
