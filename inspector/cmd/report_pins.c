/* SPDX-License-Identifier: MIT */
/* The live objects that hold otherwise free memory. */
#include "cmd/report.h"

enum {
    PINS_MOST = 1 << 16, /* objects ranked */
    PINS_SHOWN = 200,
    GROUPS_SHOWN = 100,
    FULLEST = 50,        /* percent of a unit that may be live */
    WORTH_MOVING = 4096, /* free bytes that an object holds */
};

static json_t *pin_json(const struct report *report, const struct pin *pin)
{
    return json_pack(
        "{s:o, s:I, s:I, s:s, s:o, s:I, s:I, s:I, s:I}", "address",
        report_address(report, pin->object.mem), "size",
        (json_int_t)pin->object.size, "gain", (json_int_t)pin->gain, "unit",
        pin->unit == PIN_SLAB ? "slab" : "page", "start",
        report_address(report, pin->start), "resident",
        (json_int_t)pin->resident, "live", (json_int_t)pin->live, "objects",
        (json_int_t)pin->objects, "heap", (json_int_t)pin->object.heap_id);
}

static json_t *group_json(const struct pin_group *group)
{
    size_t size = group->cls < NCLASS ? size_class_bytes(group->cls) : 0;

    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I}", "size", (json_int_t)size, "heap",
        (json_int_t)group->heap_id, "objects", (json_int_t)group->objects,
        "bytes", (json_int_t)group->bytes, "pinned", (json_int_t)group->pinned);
}

/* Its share of the unit's free memory: the objects need theirs elsewhere. */
static size_t held_by(const struct pin *pin)
{
    return pin->objects > 0 && pin->resident > pin->live
               ? (pin->resident - pin->live) / pin->objects
               : 0;
}

struct pins_worth report_pins(struct report *report)
{
    struct pins *pins = pins_find(report->model, FULLEST, PINS_MOST);
    json_t *list = json_array();
    json_t *groups = json_array();
    struct pins_worth worth = {0};

    for (size_t i = 0; i < pins->ntop && i < PINS_SHOWN; i++)
        json_array_append_new(list, pin_json(report, &pins->top[i]));
    for (size_t i = 0; i < pins->ngroups && i < GROUPS_SHOWN; i++)
        json_array_append_new(groups, group_json(&pins->groups[i]));
    for (size_t i = 0; i < pins->ntop; i++) {
        size_t held = held_by(&pins->top[i]);
        worth.objects += held >= WORTH_MOVING;
        worth.bytes += held >= WORTH_MOVING ? held : 0;
    }
    if (pins->ntop > PINS_SHOWN) {
        report_left_out(report, "%zu of %zu objects that hold free memory",
                        pins->count - PINS_SHOWN, pins->count);
    }
    json_object_set_new(report->root, "pins", list);
    json_object_set_new(report->root, "pin_groups", groups);
    pins_free(pins);
    return worth;
}
