/* SPDX-License-Identifier: MIT */
/*
 * Linked with liballoc, run with and without a set-user-ID bit: says whether
 * it is AT_SECURE, then sends itself the signal of LIBALLOC_CONF=dump_signal.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

int main(void)
{
    unsigned char *mem = malloc(100);

    if (mem == NULL) {
        return 1;
    }
    memset(mem, 1, 100);
    printf("secure %lu\n", getauxval(AT_SECURE));
    fflush(stdout);
    raise(SIGUSR2);
    free(mem);
    return 0;
}
