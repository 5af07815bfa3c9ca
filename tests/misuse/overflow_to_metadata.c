/* SPDX-License-Identifier: MIT */
/* expect: fault */
/* attack: 30 */
/*
 * All memory from a block upwards is written until a page stops it: what the
 * published root says of page maps and heaps must not be among it.
 */
#include "misuse.h"

#include "layout/root.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>

static const struct heap_root *root;
static volatile uintptr_t began;

static void on_fault(int number, siginfo_t *info, void *context)
{
    static const char words[] = "the attack succeeded: metadata written\n";
    uintptr_t end = (uintptr_t)info->si_addr;
    const struct zone *zones = root->zones.start;
    const uintptr_t *heaps = root->heaps.start;
    uint32_t nheaps = *(const uint32_t *)root->heap_count;
    (void)number;
    (void)context;
    uintptr_t marks[64] = {(uintptr_t)zones[0].tags, (uintptr_t)zones[0].pages,
                           (uintptr_t)zones[0].dirty, (uintptr_t)root};
    for (uint32_t i = 1; i < nheaps && i < 60; i++) {
        marks[i + 3] = heaps[i];
    }
    for (int i = 0; i < 64; i++) {
        if (marks[i] >= began && marks[i] < end) {
            (void)!write(STDOUT_FILENO, words, sizeof(words) - 1);
            _exit(9);
        }
    }
    signal(SIGSEGV, SIG_DFL);
}

/* Never returns: ends by SIGSEGV, or by _exit(9). */
_Noreturn static void overflow(size_t size)
{
    const struct sigaction action = {.sa_sigaction = on_fault,
                                     .sa_flags = SA_SIGINFO};
    unsigned char *mem = block(size);
    victim(mem);
    began = (uintptr_t)mem;
    sigaction(SIGSEGV, &action, NULL);
    for (volatile unsigned char *at = mem;; at += 64) {
        *at = 0x41;
    }
}

int main(void)
{
    static const size_t sizes[] = {SLAB_SIZE, CHUNK_SIZE, RUN_SIZE};
    root = dlsym(RTLD_DEFAULT, "liballoc_root");
    if (root == NULL) {
        no_misuse("no root");
    }
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            overflow(sizes[i]);
        }
        if (child < 0 || waitpid(child, &status, 0) != child) {
            no_misuse("no child");
        }
        if (WIFEXITED(status)) {
            _exit(WEXITSTATUS(status));
        }
    }
    overflow(MMAPPED_SIZE);
}
