/* SPDX-License-Identifier: MIT */
/*
 * heap_reader PID: what the heap of a live process is made of, found through
 * the published root.  Exit: 0 fine, 1 a broken invariant, 2 usage, 3 no
 * liballoc there, 5 torn view, 6 unknown version.
 */
#include "census.h"

#include <stdio.h>
#include <stdlib.h>

static void print_classes(const struct census *census)
{
    (void)printf("%8s %10s %10s %10s\n", "object", "live", "in bins",
                 "travelling");
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        if (census->live[cls] + census->binned[cls] == 0)
            continue;
        (void)printf("%8zu %10zu %10zu %10zu\n", size_class_bytes(cls),
                     census->live[cls], census->binned[cls],
                     census->travelling[cls]);
    }
}

static void print_census(const struct target *target,
                         const struct census *census)
{
    (void)printf("liballoc %.*s, layout %u.%u, pid %u, %u types, %u fields\n",
                 ROOT_NAME, target->root.version, target->root.major,
                 target->root.minor, target->root.pid, target->root.types.count,
                 target->root.fields.count);
    (void)printf("zones %zu: free pages %zu; blocks by order:", census->zones,
                 census->free_pages);
    for (unsigned order = 0; order < NORDERS; order++)
        (void)printf(" %zu", census->free_blocks[order]);
    (void)printf("\nheaps %zu (%zu idle), slabs %zu\n", census->heaps,
                 census->heaps_idle, census->slabs);
    print_classes(census);
    (void)printf("chunks %zu, %zu bytes; cached %zu; free %zu, %zu bytes; "
                 "top %zu bytes; segments %zu\n",
                 census->chunks, census->chunk_bytes, census->chunks_cached,
                 census->chunks_free, census->chunk_free_bytes,
                 census->top_bytes, census->segments);
    (void)printf(
        "runs %zu, %zu bytes; cached %zu; user pages %zu; cache slots %zu\n",
        census->runs, census->run_bytes, census->runs_cached,
        census->user_pages, census->cache_slots);
    (void)printf("mmapped %zu, %zu bytes; kept %zu\n", census->mmapped,
                 census->mmapped_bytes, census->mmaps_kept);
    (void)printf("torn heaps %zu, broken invariants %zu%s%s\n", census->torn,
                 census->faults, census->faults > 0 ? ": " : "",
                 census->first_fault);
}

int main(int argc, char **argv)
{
    static struct target target;
    static struct census census;

    if (argc != 2 || atoi(argv[1]) <= 0) {
        (void)fprintf(stderr, "usage: heap_reader PID\n");
        return 2;
    }
    const char *why = target_open(&target, atoi(argv[1]));
    if (why != NULL) {
        (void)fprintf(stderr, "heap_reader: %s: %s\n", argv[1], why);
        return target.root.major != 0 && target.root.major != LAYOUT_MAJOR ? 6
                                                                           : 3;
    }
    const char *field = root_compare(&target);
    if (field != NULL) {
        (void)fprintf(
            stderr, "heap_reader: %s is not where it is known to be\n", field);
        return 6;
    }
    if (!census_take(&target, &census)) {
        (void)printf("liballoc %.*s has allocated nothing yet\n", ROOT_NAME,
                     target.root.version);
        return 0;
    }
    print_census(&target, &census);
    if (census.faults > 0)
        return census.torn > 0 ? 5 : 1;
    return census.torn > 0 ? 5 : 0;
}
