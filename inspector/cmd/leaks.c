/* SPDX-License-Identifier: MIT */
/*
 * leaks: live blocks that no pointer leads to any more, in the words of
 * LeakSanitizer; and, with --explain, the way from a root to one that is not
 * lost.
 */
#include "cmd/leaks.h"

/* What the answer lacks: pointers there may be that were not seen. */
static void say_missed(struct context *context, const struct leaks *leaks)
{
    if (leaks->roots.unknown > 0) {
        target_warn(context->target,
                    "registers are not known%s: the whole of each stack "
                    "counts, so that leaks may be missed",
                    target_kind(context->target) == TARGET_PROCESS
                        ? " (--mode=stop reads them)"
                        : " of some threads");
    }
    if (leaks->unreadable > 0) {
        target_warn(context->target,
                    "%zu KiB of live blocks and roots were not readable: "
                    "what only they point to is shown as leaked",
                    leaks->unreadable / 1024);
    }
}

static enum status report(struct context *context, const struct model *model,
                          const struct leaks *leaks, struct leak_stacks *stacks)
{
    bool found = leaks->direct_objects + leaks->indirect_objects > 0;
    enum status status = STATUS_FINE;

    if (!found && command_option(context, "quiet") != NULL) {
        output_no_consistency(context->output);
        return STATUS_FINE;
    }
    if (command_option(context, "objects") != NULL) {
        status = leaks_show_objects(context, leaks);
    } else if (output_is_text(context->output) &&
               !output_wants_rows(context->output)) {
        leaks_tell(context, model, leaks, stacks);
    } else {
        status = leaks_show_groups(context, model, leaks, stacks);
    }
    if (!output_is_text(context->output))
        leaks_show_sums(context, leaks);
    say_missed(context, leaks);
    return status == STATUS_FINE && found ? STATUS_FINDING : status;
}

/* A process that ends meanwhile leaves us with half of its pointers. */
static bool has_ended(struct context *context)
{
    if (!target_has_ended(context->target))
        return false;
    (void)fail(context->failure, STATUS_GONE,
               "process %d ended while it was read",
               (int)target_pid(context->target));
    return true;
}

static enum status find(struct context *context, struct model *model,
                        const struct freelist *freelist, bool interior)
{
    const char *suppressions = command_option(context, "suppressions");
    enum status status = STATUS_GONE;
    struct leak_stacks stacks;
    struct leaks leaks;

    if (!leak_stacks_begin(&stacks, context->target, suppressions,
                           context->failure))
        return context->failure->status;
    const struct leak_lore lore = leak_stacks_lore(&stacks);
    leaks_find(model, freelist, interior, &lore, &leaks);
    if (!has_ended(context)) {
        model_release(model);
        view_unverified(context, model, leaks.unread);
        status = report(context, model, &leaks, &stacks);
    }
    leaks_free(&leaks);
    leak_stacks_end(&stacks);
    return status;
}

static enum status run(struct context *context)
{
    bool interior = command_option(context, "no-interior") == NULL;
    const char *explained = command_option(context, "explain");

    if (!target_has_content(context->target)) {
        return fail(context->failure, STATUS_INCOMPLETE,
                    "the snapshot has no contents, so no pointers: take one "
                    "with `heapinspect snap PID --content --stop`");
    }
    struct model *model = leaks_model(context);
    if (model == NULL)
        return context->failure->status;
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    enum status status =
        explained != NULL
            ? leaks_explain(context, model, freelist, interior, explained)
            : find(context, model, freelist, interior);
    freelist_free(freelist);
    return view_end(context, model, status);
}

const struct command cmd_leaks = {
    .name = "leaks",
    .arguments = "TARGET",
    .summary = "live blocks that nothing points to any more",
    .example = "heapinspect leaks 1234",
    .flags = COMMAND_NEEDS_ROOT | COMMAND_STOPS,
    .run = run,
    .options = {{"explain", "ADDRESS",
                 "The way from a root to the block there: why it is no leak"},
                {"suppressions", "FILE",
                 "Lines \"leak:PATTERN\", as LeakSanitizer has them"},
                {"objects", NULL, "Each leaked block, not grouped"},
                {"quiet", NULL, "Say nothing where nothing leaks"},
                {"no-interior", NULL,
                 "Only pointers to the start of a block keep it"}},
};
