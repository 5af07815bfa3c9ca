/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include "points.h"
#include "world.h"

#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum {
    STACK_BYTES = 12 * 1024,
    FAILURE_BYTES = 1024,
};

/* The scheduler's side: not in the world. */
struct scheduler {
    void *sp;
    jmp_buf failed;
    int self;
    bool is_running; /* a step or a check, under the watchdog */
    unsigned points; /* gone through in this step */
    unsigned wanted; /* 0, or how many to go through */
    unsigned long steps;
    unsigned long steps_seen; /* by the watchdog */
    char *stacks[NTHREADS];
    char *tls; /* the real block, and its size */
    size_t tls_size;
    char tls_start[TLS_MAX];
    char tls_check[TLS_MAX];
    void (*body)(int i);
    char failure[FAILURE_BYTES];
};

static struct scheduler *scheduler;
struct threads *threads;

/* Saves the registers that a call keeps, and goes on at `to`. */
void fiber_switch(void **save, void *to);

__asm__(".text\n"
        ".globl fiber_switch\n"
        ".type fiber_switch, @function\n"
        "fiber_switch:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n"
        "    push %r13\n    push %r14\n    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n"
        "    pop %r12\n    pop %rbx\n    pop %rbp\n"
        "    ret\n"
        ".size fiber_switch, . - fiber_switch\n"
        ".section .note.GNU-stack, \"\", @progbits\n"
        ".text\n");

void failure_text(const char *text, size_t len)
{
    size_t used = strlen(scheduler->failure);

    if (len >= FAILURE_BYTES - used)
        len = FAILURE_BYTES - used - 1;
    memcpy(scheduler->failure + used, text, len);
    scheduler->failure[used + len] = '\0';
}

void explore_fail(const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    failure_text(text, strnlen(text, len > 0 ? (size_t)len : 0));
    longjmp(scheduler->failed, 1);
}

const char *failure(void)
{
    return scheduler->failure;
}

static void on_crash(const void *at)
{
    explore_fail("invalid access to %p", at);
}

/* A step that takes a second of CPU time is an endless loop. */
static void on_alarm(int number)
{
    (void)number;
    if (scheduler->is_running && scheduler->steps == scheduler->steps_seen)
        explore_fail("endless loop");
    scheduler->steps_seen = scheduler->steps;
}

static int find_tls(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_TLS)
            continue;
        scheduler->tls = info->dlpi_tls_data;
        scheduler->tls_size = info->dlpi_phdr[i].p_memsz;
    }
    return 1; /* the first is the program itself */
}

void threads_init(void)
{
    world_init(on_crash);
    scheduler = world_private(sizeof *scheduler);
    scheduler->self = -1;
    dl_iterate_phdr(find_tls, NULL);
    if (scheduler->tls == NULL || scheduler->tls_size > TLS_MAX)
        abort();
    memcpy(scheduler->tls_start, scheduler->tls, scheduler->tls_size);
    memcpy(scheduler->tls_check, scheduler->tls, scheduler->tls_size);
    threads = world_reserve(sizeof *threads);
    world_commit(threads, sizeof *threads);
    for (int i = 0; i < NTHREADS; i++) {
        /* Between stacks are addresses without access. */
        scheduler->stacks[i] = world_reserve(STACK_BYTES);
        world_commit(scheduler->stacks[i], STACK_BYTES);
    }
    struct sigaction action = {.sa_handler = on_alarm,
                               .sa_flags =
                                   SA_ONSTACK | SA_NODEFER | SA_RESTART};
    sigaction(SIGVTALRM, &action, NULL);
    struct itimerval second = {{1, 0}, {1, 0}};
    setitimer(ITIMER_VIRTUAL, &second, NULL);
}

static void thread_main(void)
{
    scheduler->body(scheduler->self);
    threads->of[scheduler->self].done = true;
    for (;;)
        fiber_switch(&threads->of[scheduler->self].sp, scheduler->sp);
}

void thread_create(int i, void (*body)(int i))
{
    struct thread *thread = &threads->of[i];
    uintptr_t *top = (uintptr_t *)(void *)(scheduler->stacks[i] + STACK_BYTES);

    scheduler->body = body;
    memset(thread, 0, sizeof *thread);
    memcpy(thread->tls, scheduler->tls_start, scheduler->tls_size);
    top -= 2; /* the stack as a call leaves it: 8 modulo 16 */
    *top = (uintptr_t)thread_main;
    thread->sp = top - 6;
}

/* What is below the stack pointer says nothing about the state. */
static void stack_clean(int i)
{
    char *low = scheduler->stacks[i];

    memset(low, 0, (size_t)((char *)threads->of[i].sp - low));
}

bool thread_step(int i, unsigned points)
{
    struct thread *thread = &threads->of[i];
    bool failed = true;

    scheduler->points = 0;
    scheduler->wanted = points;
    scheduler->steps++;
    scheduler->failure[0] = '\0';
    memcpy(scheduler->tls, thread->tls, scheduler->tls_size);
    scheduler->self = i;
    scheduler->is_running = true;
    if (_setjmp(scheduler->failed) == 0) {
        fiber_switch(&scheduler->sp, thread->sp);
        failed = false;
    }
    scheduler->is_running = false;
    scheduler->self = -1;
    memcpy(thread->tls, scheduler->tls, scheduler->tls_size);
    if (!failed)
        stack_clean(i);
    return !failed;
}

unsigned thread_points(void)
{
    return scheduler->points;
}

int thread_self(void)
{
    return scheduler->self;
}

void thread_park(enum point point, const volatile void *at)
{
    struct thread *thread = &threads->of[scheduler->self];

    thread->point = point;
    thread->at = at;
    if (point != POINT_WAIT) {
        /* Nobody will ask for it: one state less to tell apart. */
        thread->last_at = NULL;
        thread->last_value = 0;
        thread->last_size = 0;
    }
    fiber_switch(&thread->sp, scheduler->sp);
}

bool thread_must_stop(void)
{
    scheduler->points++;
    return scheduler->wanted != 0 && scheduler->points >= scheduler->wanted;
}

bool thread_run_check(void (*check)(void))
{
    bool failed = true;

    scheduler->failure[0] = '\0';
    scheduler->steps++;
    memcpy(scheduler->tls, scheduler->tls_check, scheduler->tls_size);
    scheduler->is_running = true;
    if (_setjmp(scheduler->failed) == 0) {
        check();
        failed = false;
    }
    scheduler->is_running = false;
    return !failed;
}

void thread_check_ends(void)
{
    memcpy(scheduler->tls_check, scheduler->tls, scheduler->tls_size);
}

void thread_forget_tls(void)
{
    memcpy(scheduler->tls, scheduler->tls_start, scheduler->tls_size);
}

void *thread_tls_of(int i, void *variable)
{
    return threads->of[i].tls + ((char *)variable - scheduler->tls);
}

void thread_flush_store(int i)
{
    struct thread *thread = &threads->of[i];
    struct buffered *first = &thread->stores[0];

    memcpy((void *)(uintptr_t)first->at, &first->value, first->size);
    thread->nstores--;
    memmove(first, first + 1, thread->nstores * sizeof *first);
    memset(&thread->stores[thread->nstores], 0, sizeof *first);
}

static bool all_flushed(void)
{
    for (int i = 0; i < NTHREADS; i++) {
        if (threads->of[i].nstores > 0)
            return false;
    }
    return true;
}

bool thread_is_enabled(int i)
{
    const struct thread *thread = &threads->of[i];

    if (thread->done)
        return false;
    switch (thread->point) {
    case POINT_WAIT:
        return memcmp((const void *)(uintptr_t)thread->last_at,
                      &thread->last_value, thread->last_size) != 0;
    case POINT_SLEEP:
        return !thread->asleep;
    case POINT_BARRIER:
        return all_flushed();
    case POINT_RMW:
    case POINT_FENCE:
    case POINT_FUTEX:
        return thread->nstores == 0;
    case POINT_START:
    case POINT_READ:
    case POINT_WRITE:
    case POINT_AFTER:
    case POINT_RELAX:
    case NPOINTS:
        return true;
    }
    return true;
}

bool thread_is_voluntary(int i)
{
    return threads->of[i].point == POINT_RELAX;
}
