/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PAGE_HUGE_PAGE_H
#define LIBALLOC_PAGE_HUGE_PAGE_H
/*
 * Huge-page policy: obey `always` and `never`; in mode `madvise` do nothing
 * while the heap is small, then advise ahead by a fraction of what is live.
 * Layer: page.
 */
#include "layout/reclaim.h"

#include <stdbool.h>
#include <stddef.h>

/* True where the kernel may back our memory by huge pages. */
bool huge_page_is_used(void);

/* The pages [from, to) were just committed. */
void huge_page_advise(struct zone *zone, size_t from, size_t to);

#endif
