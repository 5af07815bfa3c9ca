/* SPDX-License-Identifier: MIT */
#ifndef SHADOW_H
#define SHADOW_H
/* What shadow.c writes: live objects, then addresses that were freed. */
#include <stddef.h>
#include <stdint.h>

struct shadow_record {
    uintptr_t mem; /* what malloc returned */
    size_t size;   /* as requested; 0: freed, perhaps in use again since */
};

#endif
