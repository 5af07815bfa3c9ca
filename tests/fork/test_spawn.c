/* SPDX-License-Identifier: MIT */
/*
 * Children that share our memory until they exec or end: posix_spawn, vfork,
 * clone(CLONE_VM).  No atfork handler runs; the child must not take the heap
 * for its own.
 */
#include "fork_common.h"

#include <sched.h>
#include <spawn.h>

static void spawn_some(void)
{
    char *argv[] = {(char[]){"true"}, NULL};
    char *envp[] = {NULL};
    for (unsigned i = 0; i < rounds(250); i++) {
        pid_t child = -1;
        free(launder(malloc(i * 10 + 1)));
        int error =
            i % 2 == 0
                ? posix_spawn(&child, "/bin/true", NULL, NULL, argv, envp)
                : posix_spawnp(&child, "true", NULL, NULL, argv, envp);
        CHECK_EQ(error, 0);
        if (!child_is_fine(child)) {
            return;
        }
    }
}

TEST(fork, posix_spawn_beside_threads)
{
    deadline(100);
    with_threads(churn, spawn_some);
    alarm(0);
}

/* Out of line: vfork returns twice into this frame. */
__attribute__((noinline)) static pid_t vfork_true(void)
{
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    return child;
}

/* The child of vfork lives in our memory: it must not take it as its own. */
TEST(fork, vfork_shares_the_heap)
{
    deadline(60);
    for (unsigned i = 0; i < rounds(500); i++) {
        unsigned char *mem = launder(malloc(200));
        memset(mem, 5, 200);
        pid_t child = vfork_true();
        CHECK_EQ(mem[199], 5);
        free(mem);
        CHECK(use_all_sizes());
        if (!child_is_fine(child)) {
            break;
        }
    }
    alarm(0);
}

/*
 * The child has the parent's memory and, the parent being held up, its TLS:
 * for the allocator it is the parent's thread.  What it allocates the parent
 * may free.
 */
struct shared {
    unsigned char *from_parent;
    unsigned char *from_child;
};

static int allocate_for_parent(void *arg)
{
    struct shared *shared = arg;
    if (shared->from_parent[2999] != 3) {
        return 1;
    }
    free(shared->from_parent);
    shared->from_child = launder(malloc(700));
    memset(shared->from_child, 4, 700);
    return use_every_class() ? 0 : 1;
}

enum { STACK = 256 * 1024 };

static void clone_some(void)
{
    static unsigned char stack[STACK] __attribute__((aligned(64)));
    for (unsigned i = 0; i < rounds(500); i++) {
        struct shared shared = {.from_parent = launder(malloc(3000))};
        memset(shared.from_parent, 3, 3000);
        pid_t child = clone(allocate_for_parent, stack + STACK,
                            CLONE_VM | CLONE_VFORK | SIGCHLD, &shared);
        if (!child_is_fine(child)) {
            return;
        }
        CHECK_EQ(shared.from_child[699], 4);
        free(shared.from_child);
    }
}

TEST(spawn, clone_vm_shares_heap_and_thread)
{
    deadline(60);
    size_t before = self_resident();
    unsigned vmas = self_vmas();
    clone_some();
    check_growth(before, 8 * MIB);
    CHECK(self_vmas() <= vmas + 16);
    with_threads(churn, clone_some);
    alarm(0);
}

static volatile int clone_may_end;

/* Beside us, on our TLS: it may call nothing that looks there. */
static int wait_for_end(void *unused)
{
    (void)unused;
    while (!clone_may_end) {
    }
    return 0;
}

/* What the parent does while such a child lives is not disturbed by it. */
TEST(spawn, clone_vm_child_lives_beside_us)
{
    static unsigned char stack[STACK] __attribute__((aligned(64)));
    deadline(60);
    for (unsigned i = 0; i < rounds(50); i++) {
        clone_may_end = 0;
        pid_t child =
            clone(wait_for_end, stack + STACK, CLONE_VM | SIGCHLD, NULL);
        bool fine = use_every_class();
        clone_may_end = 1;
        CHECK(fine);
        if (!child_is_fine(child)) {
            break;
        }
    }
    alarm(0);
}
