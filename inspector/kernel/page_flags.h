/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PAGE_FLAGS_H
#define KERNEL_PAGE_FLAGS_H
/* Physical pages by /proc/kpageflags and /proc/kpagecount: root's alone. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One word of the file for a page frame; false: not readable. */
bool page_frame_word(const char *file, uint64_t pfn, uint64_t *word);

/* "uptodate,lru,anon,thp": the names of page-types.  Returns `text`. */
const char *page_flags_text(uint64_t flags, char *text, size_t size);

/*
 * The indices that the hardware takes from an address, from the top level on:
 * each is shift-3 bits wide, `levels` of them and the offset in the page.
 */
struct table_index {
    const char *level; /* "PGD", "P4D", ... */
    unsigned index;
};
enum { TABLE_LEVELS = 5 };

/* Returns the number of levels, 3 to 5; `indices` has TABLE_LEVELS. */
size_t page_table_indices(uintptr_t address, size_t page_size, bool five,
                          struct table_index *indices);

/* Does this machine walk five levels? */
bool has_five_levels(void);

#endif
