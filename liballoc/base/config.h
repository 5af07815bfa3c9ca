/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_BASE_CONFIG_H
#define LIBALLOC_BASE_CONFIG_H
/*
 * Build options as constants: code says `if (config_checks)`, not `#if`.
 * Layer: base.
 */
#include <stdbool.h>
#include <stddef.h>

#ifndef LIBALLOC_CONFIG_CHECKS
#    define LIBALLOC_CONFIG_CHECKS 1
#endif
#ifndef LIBALLOC_CONFIG_DEBUG
#    define LIBALLOC_CONFIG_DEBUG 0
#endif

#ifndef LIBALLOC_CONFIG_PAGE_SIZE
#    define LIBALLOC_CONFIG_PAGE_SIZE 0
#endif

/* For tests: the system's page size, as if the kernel had that; 0 = ask it. */
static const size_t config_page_size = LIBALLOC_CONFIG_PAGE_SIZE;

/* The nearly free checks of default mode: key, object boundary. */
static const bool config_checks = LIBALLOC_CONFIG_CHECKS;

/* The owner's side of the heap lock without atomics; not under TSan, which
   does not know membarrier(2). */
#if defined(__SANITIZE_THREAD__)
static const bool config_biased = false;
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer)
static const bool config_biased = false;
#    else
static const bool config_biased = true;
#    endif
#else
static const bool config_biased = true;
#endif

/* Stacks by libunwind, which is loaded when they are wanted; its header says
   how to call it. */
#if defined(__x86_64__) && __has_include(<libunwind-x86_64.h>)
#    define CONFIG_LIBUNWIND 1
#else
#    define CONFIG_LIBUNWIND 0
#endif

/* ASSERT level compiled in: 0 none, 1 cheap, 2 object, 3 whole arena. */
static const int config_debug = LIBALLOC_CONFIG_DEBUG;

#endif
