/* SPDX-License-Identifier: MIT */
#ifndef EXPLORE_H
#define EXPLORE_H
/*
 * What the shims call: scheduling points and system calls of the explored
 * liballoc.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a thread stopped: what it does next, once it is chosen. */
enum point {
    POINT_START, /* its first step */
    POINT_READ,
    POINT_WRITE,
    POINT_RMW,
    POINT_AFTER,   /* plain code behind a write */
    POINT_FENCE,   /* waits for its store buffer */
    POINT_RELAX,   /* a bounded spin: another thread may as well go on */
    POINT_WAIT,    /* an endless spin: until the word last read has changed */
    POINT_FUTEX,   /* about to enter futex(2) */
    POINT_SLEEP,   /* asleep in it */
    POINT_BARRIER, /* membarrier(2): waits for all store buffers */
    NPOINTS,
};

/* Before an access; returns when the scheduler chooses the thread. */
void explore_point(enum point point, const volatile void *at);

/* A load was made: a buffered store of the thread's own goes first. */
void explore_loaded(const volatile void *at, void *value, size_t size);

/* Before a store; true: it went to the thread's store buffer. */
bool explore_store(volatile void *at, const void *value, size_t size);

/* Behind a write. */
void explore_after(const volatile void *at);

/* Result as the kernel's: -errno on failure. */
long explore_syscall(long nr, const long *args);

/* The bounds of the explored build: see `variant`. */
extern size_t explore_help_bytes;
extern unsigned explore_batch;

/* 0 = none; else which mutant of the mutated build is on. */
extern int explore_mutant;

#endif
