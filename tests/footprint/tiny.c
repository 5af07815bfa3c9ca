/* SPDX-License-Identifier: MIT */
/* A program with 40 blocks; prints its own smaps. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BLOCKS = 40,
};

static char text[64 << 10];

int main(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        void *block = malloc(16 + 24 * i);
        if (block == NULL)
            return 1;
        memset(block, 1, 16);
    }
    int file = open("/proc/self/smaps", O_RDONLY);
    ssize_t n;
    while ((n = read(file, text, sizeof text)) > 0) {
        if (write(STDOUT_FILENO, text, (size_t)n) != n)
            return 1;
    }
    return n < 0;
}
