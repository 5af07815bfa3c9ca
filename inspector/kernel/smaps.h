/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_SMAPS_H
#define KERNEL_SMAPS_H
/* The text of /proc/PID/maps or smaps, taken apart. */
#include "target/target.h"

/*
 * Cuts `text` in place; the names of the VMAs point into it.  Lines that make
 * no sense are left out; the result is sorted.  Allocates *vmas.
 */
void smaps_parse(char *text, struct vma **vmas, size_t *count);

/* "Key:   123 kB" of status and its like, in bytes; false: not there. */
bool status_bytes(const char *text, const char *key, uint64_t *bytes);

/* The line of a key ("Uid"), without it and the blanks; NULL: not there. */
const char *status_line(const char *text, const char *key);

#endif
