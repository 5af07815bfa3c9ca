/* SPDX-License-Identifier: MIT */
/* pairs N: a warm malloc(64) and its free, N times; callgrind counts them. */
#include <stdlib.h>

int main(int argc, char **argv)
{
    long n = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    for (long i = 0; i < n; i++) {
        void *mem = malloc(64);
        __asm__ volatile("" : "+r"(mem) : : "memory");
        free(mem);
    }
    return 0;
}
