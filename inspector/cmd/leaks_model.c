/* SPDX-License-Identifier: MIT */
#include "cmd/leaks.h"

#include <time.h>

enum {
    TRIES = 100,
    PAUSE_NS = 200 * 1000, /* of the first; longer each time */
};

static bool is_alone(const struct context *context, const struct model *model)
{
    return model->torn_heaps == 0 ||
           target_kind(context->target) != TARGET_PROCESS ||
           target_mode(context->target) != MODE_STOP;
}

struct model *leaks_model(struct context *context)
{
    struct model *model = view_begin(context, true);

    for (unsigned i = 1; i < TRIES && model != NULL; i++) {
        const struct timespec pause = {.tv_nsec = (long)PAUSE_NS * i};
        if (is_alone(context, model))
            break;
        model_free(model);
        (void)nanosleep(&pause, NULL);
        if (!target_refresh(context->target, context->failure))
            return NULL;
        model = view_begin(context, true);
    }
    if (model != NULL && model->torn_heaps > 0) {
        target_warn(context->target,
                    "threads stood within the allocator: blocks that they "
                    "were at work on may be shown as leaked");
    }
    return model;
}
