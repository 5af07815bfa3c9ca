/* SPDX-License-Identifier: MIT */
/*
 * The explorer's kernel and libc, as far as liballoc asks them: futexes and
 * membarrier are scheduled, memory comes at the same addresses in every run,
 * time stands still unless a scenario moves it, there is no break.
 */
#include "points.h"
#include "thread.h"
#include "world.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A sleeper goes on only when woken: a wake-up that is lost is a deadlock. */
static long futex_wait(const volatile void *at, uint32_t expected)
{
    uint32_t now;

    explore_point(POINT_FUTEX, at);
    memcpy(&now, (const void *)(uintptr_t)at, sizeof now);
    if (now != expected)
        return -EAGAIN;
    if (thread_self() >= 0)
        threads->of[thread_self()].asleep = true;
    explore_point(POINT_SLEEP, at);
    return 0;
}

/* Wakes the first sleeper by number, where the kernel takes the eldest. */
static long futex_wake(const volatile void *at)
{
    explore_point(POINT_FUTEX, at);
    for (int i = 0; i < NTHREADS; i++) {
        struct thread *thread = &threads->of[i];
        if (thread->asleep && thread->at == at) {
            thread->asleep = false;
            return 1;
        }
    }
    return 0;
}

static long map(size_t size, int prot)
{
    char *at = world_reserve(size);

    if (at == NULL)
        return -ENOMEM;
    if (prot != PROT_NONE)
        world_commit(at, size);
    return (long)at;
}

/* Read-only parts are never written: they may as well be in the world. */
static long protect(void *at, size_t size, int prot)
{
    if (prot == PROT_READ)
        return mprotect(at, size, prot) == 0 ? 0 : -ENOMEM;
    world_commit(at, size);
    return 0;
}

/* Only what is not zero is written: pages that never were used stay so. */
static long purge(char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (at[i] != 0)
            at[i] = 0;
    }
    return 0;
}

long explore_syscall(long nr, const long *args)
{
    switch (nr) {
    case SYS_futex:
        return args[1] == FUTEX_WAIT_PRIVATE
                   ? futex_wait((void *)args[0], (uint32_t)args[2])
                   : futex_wake((void *)args[0]);
    case SYS_sched_yield:
        explore_point(POINT_WAIT, NULL);
        return 0;
    case SYS_membarrier:
        if (args[0] == MEMBARRIER_CMD_PRIVATE_EXPEDITED)
            explore_point(POINT_BARRIER, NULL);
        return 0;
    case SYS_mmap:
        return map((size_t)args[1], (int)args[2]);
    case SYS_mprotect:
        return protect((void *)args[0], (size_t)args[1], (int)args[2]);
    case SYS_madvise:
        return args[2] == MADV_DONTNEED
                   ? purge((void *)args[0], (size_t)args[1])
                   : 0;
    case SYS_gettid:
        return 1000 + thread_self();
    case SYS_write:
        failure_text((const char *)args[1], (size_t)args[2]);
        return args[2];
    default: /* munmap, mremap, openat, prctl, ...: refused */
        return -ENOSYS;
    }
}

/* From here on, what libc would give: the linker takes these first. */

void *sbrk(intptr_t delta)
{
    (void)delta;
    errno = ENOMEM;
    return (void *)-1; /* NOLINT: as the manual has it */
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    uint64_t ms = threads->now_ms;

    (void)id;
    now->tv_sec = (time_t)(ms / 1000);
    now->tv_nsec = (long)(ms % 1000 * 1000000);
    return 0;
}

unsigned long getauxval(unsigned long type)
{
    static const char random[16] = "not random: same";

    if (type == AT_RANDOM)
        return (unsigned long)random;
    return type == AT_PAGESZ ? 4096 : 0;
}

static void (*key_destructor)(void *data);

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *data))
{
    *key = 1;
    key_destructor = destructor;
    return 0;
}

int pthread_setspecific(pthread_key_t key, const void *data)
{
    (void)key;
    if (thread_self() >= 0)
        threads->of[thread_self()].key_data = (void *)(uintptr_t)data;
    return 0;
}

/* What libc does when the calling thread ends. */
void kernel_thread_exit(void);

void kernel_thread_exit(void)
{
    struct thread *thread = &threads->of[thread_self()];
    void *data = thread->key_data;

    thread->key_data = NULL;
    if (data != NULL)
        key_destructor(data);
}

/* fatal() and failed assertions have printed their line already. */
void abort(void)
{
    explore_fail("(abort)");
}
