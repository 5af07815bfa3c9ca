/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PAGEMAP_H
#define KERNEL_PAGEMAP_H
/*
 * Which pages of a process are in memory: by the PAGEMAP_SCAN ioctl, else by
 * the words of /proc/PID/pagemap.  Which of them works is tried out on our own
 * pages, not told by the kernel's version.
 */
#include "target/target.h"

/* Bits of a word of /proc/PID/pagemap. */
#define PAGEMAP_PFN     (((uint64_t)1 << 55) - 1)
#define PAGEMAP_SOFT    ((uint64_t)1 << 55)
#define PAGEMAP_ALONE   ((uint64_t)1 << 56)
#define PAGEMAP_GUARD   ((uint64_t)1 << 58) /* since Linux 6.15 */
#define PAGEMAP_FILE    ((uint64_t)1 << 61)
#define PAGEMAP_SWAP    ((uint64_t)1 << 62)
#define PAGEMAP_PRESENT ((uint64_t)1 << 63)

/*
 * Fills a byte of enum residency bits a page from an open /proc/PID/pagemap.
 * False: neither way works.
 */
bool pagemap_residency(int pagemap, size_t page_size, uintptr_t address,
                       size_t count, uint8_t *out);

/* One word of it; false: not readable. */
bool pagemap_word(int pagemap, size_t page_size, uintptr_t address,
                  uint64_t *word);

/* Does PAGEMAP_SCAN tell the truth here? */
bool pagemap_scan_works(void);

#endif
