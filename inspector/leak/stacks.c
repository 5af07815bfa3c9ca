/* SPDX-License-Identifier: MIT */
/*
 * Stacks of threads that have ended, in glibc's cache of stacks:
 *
 *   | guard |  stack ...................... | TLS | struct pthread |  end
 *                                                 ^ {self, dtv, self, ...}
 *
 * The control block begins with its own address, and has it once more in its
 * third word; a thread that lives has it as its thread pointer.
 */
#include "leak/roots.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    STEP = 64 * 1024,
    BLOCK_ALIGN = 64,
    /* sizeof(struct pthread): 2304 in glibc 2.36, 2368 in 2.41; the block
       lies at the end of the mapping, so the page it ends in is the last. */
    BLOCK_SIZE = 2304,
};

static bool lives(uintptr_t block, const struct target_thread *threads,
                  size_t nthreads)
{
    for (size_t i = 0; i < nthreads; i++) {
        if (threads[i].tp == block)
            return true;
    }
    return false;
}

static bool is_block(const uint8_t *bytes, uintptr_t address)
{
    uintptr_t words[3];

    memcpy(words, bytes, sizeof words);
    return words[0] == address && words[2] == address;
}

/* Pages that hold nothing hold no control block. */
static bool is_empty(struct target *target, uintptr_t start, size_t size)
{
    uint8_t bits[STEP / 4096];
    size_t page = target_page_size(target);
    size_t count = size / page;

    if (count == 0 || count > sizeof bits ||
        !target_residency(target, start, count, bits))
        return false;
    for (size_t i = 0; i < count; i++) {
        if ((bits[i] & KNOWN) == 0 || (bits[i] & (RESIDENT | SWAPPED)) != 0)
            return false;
    }
    return true;
}

bool stacks_find_dead(struct target *target, uintptr_t start, uintptr_t end,
                      const struct target_thread *threads, size_t nthreads,
                      dead_stack *dead, void *data)
{
#if defined(__x86_64__)
    uintptr_t page = target_page_size(target);

    for (uintptr_t at = start; at < end; at += STEP) {
        size_t size = end - at < STEP ? end - at : STEP;
        if (is_empty(target, at, size))
            continue;
        const uint8_t *bytes = far_view_heap(target, at, size);
        for (size_t i = 0; bytes != NULL && i + 24 <= size; i += BLOCK_ALIGN) {
            if (!is_block(bytes + i, at + i))
                continue;
            if (lives(at + i, threads, nthreads))
                return false;
            dead(data, (at + i + BLOCK_SIZE + page - 1) & ~(page - 1), at + i);
            return true;
        }
    }
    return false;
#else
    (void)target, (void)start, (void)end, (void)threads, (void)nthreads;
    (void)dead, (void)data;
    return false;
#endif
}
