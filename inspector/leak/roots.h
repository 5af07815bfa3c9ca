/* SPDX-License-Identifier: MIT */
#ifndef LEAK_ROOTS_H
#define LEAK_ROOTS_H
/*
 * Where reachability begins: registers, the live part of stacks, and all
 * memory that the program may write and the allocator does not manage.
 *
 *   thread's stack  | guard |  dead  |<- sp ... frames | TLS | thread's data |
 *                                     <------------- a root --------------->
 *
 * The stack of a thread that has ended is kept by glibc for the next one: it
 * is no root.  It is known by the thread's control block at its end, which no
 * live thread points to (x86-64 only; elsewhere such stacks are roots).
 */
#include "leak/reach.h"
#include "target/threads.h"

enum root_kind {
    ROOT_REGISTER,
    ROOT_STACK,   /* and what lies above: TLS, the thread's own data */
    ROOT_DATA,    /* of a program or library */
    ROOT_MAPPING, /* any other */
    ROOT_CODE,    /* made at run time: addresses lie at any byte of it */
    ROOT_DAMAGED, /* of the heap: no block is known there */
};
extern const char *const root_kind_names[];

struct root {
    uintptr_t start; /* of registers: ROOT_REGISTERS + index of the thread */
    uintptr_t end;
    enum root_kind kind;
    pid_t tid;        /* of registers and stacks; 0 */
    const char *name; /* of the mapping; "" */
};

/* No address: registers of thread i count from here + i * THREAD_WORDS * 8. */
enum { ROOT_REGISTERS = 8 };

struct roots {
    struct root *all; /* sorted by start */
    size_t count;
    struct target_thread *threads;
    size_t nthreads;
    size_t unknown; /* threads whose registers could not be had */
    size_t ended;   /* stacks of threads that have ended: left out */
    size_t bytes;   /* addresses of all */
};

/* Of a model whose target stands. */
void roots_find(const struct model *model, struct roots *roots);
void roots_free(struct roots *roots);

/* A stretch of the heap that makes no sense; before roots_mark(). */
void roots_add_damaged(void *roots, uintptr_t start, size_t size);

/* Marks what they point to, without reach_drain(). */
void roots_mark(const struct roots *roots, struct reach *reach);

/* The root that the word at `slot` lies in; NULL: none. */
const struct root *roots_at(const struct roots *roots, uintptr_t slot);

/* stacks.c: control blocks of threads in [start, end), ended ones: calls
   `dead` with the end of their stack's mapping and the block. */
typedef void dead_stack(void *data, uintptr_t end, uintptr_t block);
bool stacks_find_dead(struct target *target, uintptr_t start, uintptr_t end,
                      const struct target_thread *threads, size_t nthreads,
                      dead_stack *dead, void *data);

#endif
