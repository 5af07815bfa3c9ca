/* SPDX-License-Identifier: MIT */
#ifndef FORK_COMMON_H
#define FORK_COMMON_H
/* What the fork tests share. */
#include "black_box.h"
#include "test.h"

#include <signal.h>

/* FORK_ROUNDS=n shortens or lengthens the runs. */
__attribute__((unused)) static unsigned rounds(unsigned otherwise)
{
    const char *text = getenv("FORK_ROUNDS");
    return text != NULL ? (unsigned)strtoul(text, NULL, 0) : otherwise;
}

/* Every layer once: from one byte to an mmapped block. */
__attribute__((unused)) static bool use_all_sizes(void)
{
    static const size_t sizes[] = {1,    50,    500,    1000,   3000,
                                   9000, 70000, 200000, 400000, 5000000};
    unsigned char *mem[10];
    for (unsigned i = 0; i < 10; i++) {
        mem[i] = launder(malloc(sizes[i]));
        if (mem[i] == NULL) {
            return false;
        }
        mem[i][0] = mem[i][sizes[i] - 1] = (unsigned char)i;
    }
    for (unsigned i = 0; i < 10; i++) {
        mem[i] = launder(realloc(mem[i], sizes[i] + 100));
        if (mem[i] == NULL || mem[i][0] != i || mem[i][sizes[i] - 1] != i) {
            return false;
        }
        free(mem[i]);
    }
    void *zero = launder(calloc(10, 100));
    free(zero);
    return zero != NULL;
}

/* Waits for a child that was told to exit 0; true when it did. */
__attribute__((unused)) static bool child_is_fine(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child > 0 && status == 0) {
        return true;
    }
    TEST_FAILED(
        "child %d ended with status %#x%s", (int)child, (unsigned)status,
        WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ", a deadlock"
                                                           : "");
    return false;
}

#endif
