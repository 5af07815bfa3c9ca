/* SPDX-License-Identifier: MIT */
/*
 * A program whose calls are known, to be recorded: N malloc, N calloc, N
 * realloc, N aligned; all objects freed but N, half of the frees by a second
 * thread.  A forked child calls too, which must not be seen.  The program ends
 * by `exit`, `_exit`, `abort` or `exec` (then N more malloc in the new image).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KINDS = 3, MOST = 10000 };

static void *objects[KINDS][MOST];
static unsigned count;

static void use(void *mem)
{
    if (!mem)
        abort();
    *(volatile char *)mem = 1;
}

static void make(void)
{
    for (unsigned i = 0; i < count; i++) {
        objects[0][i] = malloc(i + 1);
        objects[1][i] = calloc(2, i + 1);
        if (posix_memalign(&objects[2][i], 64, i + 1) != 0)
            abort();
        for (unsigned kind = 0; kind < KINDS; kind++)
            use(objects[kind][i]);
        objects[0][i] = realloc(objects[0][i], i + 100);
        use(objects[0][i]);
    }
}

/* Of each kind the even ones here, the odd ones in the main thread. */
static void *free_even(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < count; i += 2) {
        free(objects[0][i]);
        free(objects[1][i]);
    }
    return NULL;
}

static void free_odd(void)
{
    for (unsigned i = 1; i < count; i += 2) {
        free(objects[0][i]);
        free(objects[1][i]);
    }
}

static void child(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < count; i++)
            use(malloc(100));
        _exit(0);
    }
    int status = 1;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        abort();
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 3)
        return 2;
    count = (unsigned)strtoul(argv[1], NULL, 10);
    if (count > MOST)
        return 2;
    make();
    child();
    if (pthread_create(&thread, NULL, free_even, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    free_odd();
    if (strcmp(argv[2], "abort") == 0)
        abort();
    if (strcmp(argv[2], "_exit") == 0)
        _exit(0);
    if (strcmp(argv[2], "exec") == 0)
        execl("/proc/self/exe", argv[0], "0", "_exit", (char *)NULL);
    return 0;
}
