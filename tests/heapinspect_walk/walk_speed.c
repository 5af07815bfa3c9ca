/* SPDX-License-Identifier: MIT */
/*
 * walk_speed TARGET: how fast the chunks and slots of a heap are walked, in
 * CPU time, and what memory that took.  With --least N: exit status 1 below N
 * objects a second.
 */
#include "walk/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COUNT_LEAST = 1000 * 1000 };

static double cpu_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t heap_bytes(const struct model *model)
{
    struct block_walk walk;
    struct block block;
    size_t bytes = 0;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block))
        bytes += block.size;
    return bytes;
}

/* Objects of one kind of block; how many a second, 0: too few to say. */
static double measure(const struct model *model, enum block_kind kind)
{
    static struct object_walk walk;
    struct block_walk blocks;
    struct block block;
    struct object object;
    size_t count = 0;
    size_t live = 0;
    double began = cpu_seconds();

    object_walk_begin(&walk, model, NULL);
    block_walk_begin(&blocks, model);
    while (block_walk_next(&blocks, &block)) {
        if (block.kind != kind)
            continue;
        object_walk_block(&walk, &block);
        while (object_walk_in_block(&walk, &object)) {
            count++;
            live += object.state == OBJECT_LIVE;
        }
    }
    object_walk_end(&walk);
    double seconds = cpu_seconds() - began;
    double rate = seconds > 0 ? (double)count / seconds : 0;
    printf("%-6s %10zu objects, %zu live, %.3f s of CPU: %.1f M/s\n",
           block_kind_names[kind], count, live, seconds, rate / 1e6);
    return count >= COUNT_LEAST ? rate : 0;
}

/* VmHWM; ru_maxrss is inherited over exec. */
static size_t own_peak(void)
{
    char line[128];
    size_t kib = 0;
    FILE *status = fopen("/proc/self/status", "r");

    if (status == NULL)
        return SIZE_MAX;
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtoul(line + 6, NULL, 10);
    }
    (void)fclose(status);
    return kib * 1024;
}

static int report(struct target *target, double least)
{
    struct failure failure;
    double began = cpu_seconds();
    struct model *model = model_load(target, &failure);

    if (model == NULL) {
        (void)fprintf(stderr, "walk_speed: %s\n", failure.text);
        return 2;
    }
    printf("model  %.3f s of CPU; held for %.1f ms\n", cpu_seconds() - began,
           target_stop_ms(target));
    double chunks = measure(model, BLOCK_SEGMENT);
    double slots = measure(model, BLOCK_SLAB);
    size_t heap = heap_bytes(model);
    size_t own = own_peak();
    printf("memory %zu MiB, %.2f %% of a heap of %zu MiB\n", own >> 20,
           100.0 * (double)own / (double)heap, heap >> 20);
    model_free(model);
    if ((chunks > 0 && chunks < least) || (slots > 0 && slots < least) ||
        (least > 0 && own > heap / 20))
        return 1;
    return 0;
}

int main(int argc, char **argv)
{
    const struct target_options options = {.mode = MODE_STOP};
    struct failure failure;
    double least = argc == 4 && strcmp(argv[2], "--least") == 0
                       ? strtod(argv[3], NULL)
                       : 0;

    if (argc != 2 && least <= 0) {
        (void)fputs("usage: walk_speed TARGET [--least N]\n", stderr);
        return 2;
    }
    struct target *target = target_open(argv[1], &options, &failure);
    if (target == NULL) {
        (void)fprintf(stderr, "walk_speed: %s\n", failure.text);
        return 2;
    }
    int status = report(target, least);
    target_close(target);
    return status;
}
