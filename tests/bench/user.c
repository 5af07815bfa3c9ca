/* SPDX-License-Identifier: MIT */
/*
 * A program whose figures are known: BLOCKS blocks of 1 KiB; 24 MiB touched by
 * itself, 64 MiB by a child.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 1000, OWN = 24 << 20, CHILD = 64 << 20 };

static int touch(size_t size)
{
    char *mem = malloc(size);
    if (!mem)
        return 1;
    memset(mem, 1, size);
    int last = ((volatile unsigned char *)mem)[size - 1];
    free(mem);
    return last != 1;
}

int main(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        char *mem = malloc(1024);
        if (!mem)
            return 1;
        *(volatile char *)mem = 1;
        free(mem);
    }
    if (touch(OWN))
        return 1;
    pid_t child = fork();
    if (child == 0)
        _exit(touch(CHILD));
    int status = 1;
    return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}
