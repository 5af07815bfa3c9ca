/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_STAT_H
#define KERNEL_STAT_H
/* The memory descriptor of a process, by /proc/PID/stat. */
#include <stdbool.h>
#include <stdint.h>

/* Addresses are 0 where the kernel does not show them to us. */
struct mm_layout {
    uint64_t start_code, end_code;
    uint64_t start_data, end_data;
    uint64_t start_brk;
    uint64_t start_stack;
    uint64_t arg_start, arg_end;
    uint64_t env_start, env_end;
    uint64_t minor_faults, major_faults;
    uint64_t threads;
    uint64_t start_time; /* ticks since boot */
    char state;          /* 'R', 'S', ... */
};

/* False: `text` is no stat. */
bool stat_parse(const char *text, struct mm_layout *layout);

/* "Max stack size    8388608    unlimited    bytes" of /proc/PID/limits:
   soft and hard; UINT64_MAX: unlimited.  False: no such line. */
bool limits_parse(const char *text, const char *name, uint64_t *soft,
                  uint64_t *hard);

#endif
