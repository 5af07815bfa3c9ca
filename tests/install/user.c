/* SPDX-License-Identifier: MIT */
/*
 * A stranger's program, linked with an installed liballoc: prints "liballoc
 * VERSION" when malloc, aligned_alloc and strdup's malloc are liballoc's.
 */
#include <liballoc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name that liballoc uses inside: no conflict, even with the archive. */
int zones = 42;

/* Live bytes as liballoc counts them; 0 = it is not asked at all. */
static size_t live(void)
{
    struct liballoc_stats stats;

    return liballoc_stats_get(&stats, sizeof stats) == 0 ? stats.live : 0;
}

int main(void)
{
    size_t before = live();
    void *own = malloc(100000);
    void *aligned = aligned_alloc(256, 1 << 20);
    size_t between = live();
    char *text = strdup("the C library calls malloc as well");

    if (own == NULL || aligned == NULL || text == NULL || zones != 42)
        return 1;
    if (between < before + 100000 + (1 << 20) || live() <= between)
        return 2;
    free(own);
    free(aligned);
    free(text);
    printf("liballoc %s\n", liballoc_version());
    return 0;
}
