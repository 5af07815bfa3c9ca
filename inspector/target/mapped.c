/* SPDX-License-Identifier: MIT */
/* Is a stretch mapped at all?  A bound on sizes that the target claims. */
#include "target/backend.h"

#include "kernel/smaps.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* Mappings joined where they touch: a chunk may span several. */
static void take(struct mapped *mapped, const struct vma *vmas, size_t count)
{
    mapped->all = xrealloc(mapped->all, count + 1, sizeof *mapped->all);
    mapped->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct mapped_stretch *last =
            mapped->count > 0 ? &mapped->all[mapped->count - 1] : NULL;
        if (last != NULL && vmas[i].start <= last->end) {
            if (vmas[i].end > last->end)
                last->end = vmas[i].end;
            continue;
        }
        mapped->all[mapped->count++] =
            (struct mapped_stretch){vmas[i].start, vmas[i].end};
    }
}

/* As it is now; what target_vmas() gave out stays as it is. */
static void load(struct target *target)
{
    struct vma *vmas;
    size_t count;

    target->mapped.fresh = true;
    if (target->kind != TARGET_PROCESS) {
        const struct vma *kept = target_maps(target, &count);
        take(&target->mapped, kept, count);
        return;
    }
    char *text = target->backend->proc(target, "maps");
    if (text == NULL)
        return;
    smaps_parse(text, &vmas, &count);
    take(&target->mapped, vmas, count);
    free(vmas);
    free(text);
}

static bool holds(const struct mapped *mapped, uintptr_t start, size_t size)
{
    size_t low = 0;
    size_t high = mapped->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mapped->all[middle].end <= start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < mapped->count && mapped->all[low].start <= start &&
           size <= mapped->all[low].end - start;
}

bool target_is_mapped(struct target *target, uintptr_t start, size_t size)
{
    if (holds(&target->mapped, start, size))
        return true;
    if (target->mapped.fresh)
        return false;
    load(target);
    return holds(&target->mapped, start, size);
}
