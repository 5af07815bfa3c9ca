/* SPDX-License-Identifier: MIT */
/*
 * leak_speed TARGET: how fast the pointers of a heap are followed, in CPU
 * time, and what memory that took.  With --least N: exit status 1 below N
 * GiB a second, or with more memory than a tenth of the heap's.
 */
#include "leak/leaks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double cpu_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
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
    const struct leak_lore lore = {0};
    struct failure failure;
    struct leaks leaks;
    double began = cpu_seconds();
    struct model *model = model_load_held(target, &failure);

    if (model == NULL) {
        (void)fprintf(stderr, "leak_speed: %s\n", failure.text);
        return 2;
    }
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    leaks_find(model, freelist, true, &lore, &leaks);
    double seconds = cpu_seconds() - began;
    size_t own = own_peak();
    double gib = (double)leaks.scanned / (double)(1 << 30);
    printf("leaks  %zu blocks, %zu lost; %.2f GiB in %.2f s of CPU: "
           "%.2f GiB/s\n",
           leaks.blocks, leaks.direct_objects + leaks.indirect_objects, gib,
           seconds, gib / seconds);
    printf("memory %zu MiB, %.2f %% of %zu MiB of live blocks\n", own >> 20,
           100.0 * (double)own / (double)leaks.bytes, leaks.bytes >> 20);
    int status = least > 0 && (gib / seconds < least || own > leaks.bytes / 10);
    leaks_free(&leaks);
    freelist_free(freelist);
    model_free(model);
    return status;
}

int main(int argc, char **argv)
{
    const struct target_options options = {.mode = MODE_STOP};
    struct failure failure;
    double least = argc == 4 && strcmp(argv[2], "--least") == 0
                       ? strtod(argv[3], NULL)
                       : 0;

    if (argc != 2 && least <= 0) {
        (void)fputs("usage: leak_speed TARGET [--least N]\n", stderr);
        return 2;
    }
    struct target *target = target_open(argv[1], &options, &failure);
    if (target == NULL) {
        (void)fprintf(stderr, "leak_speed: %s\n", failure.text);
        return 2;
    }
    int status = report(target, least);
    target_close(target);
    return status;
}
