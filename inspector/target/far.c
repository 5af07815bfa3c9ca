/* SPDX-License-Identifier: MIT */
/*
 * Memory by value.  far_read() always asks the target, for whoever checks an
 * epoch must not see a copy; far_view() may be served from the window.
 */
#include "target/backend.h"

#include "memory.h"

#include <string.h>

enum {
    STRIDE_MIN = 16 * 1024,
    PAGE_MIN = 4096,
    PAGES_MAX = FAR_VIEW_MAX / PAGE_MIN + 2,
    WINDOW_MAX = FAR_VIEW_MAX + 64 * 1024, /* and a system page around it */
};

bool far_read(struct target *target, uintptr_t address, void *out, size_t size)
{
    if (address + size < address)
        return false;
    return target->backend->read(target, address, out, size) == size;
}

/*
 * A page that the kernel holds no memory for: reading it would make it hold
 * some, or read it back from swap.
 */
static inline bool is_away(uint8_t bits)
{
    return (bits & KNOWN) != 0 && (bits & RESIDENT) == 0;
}

size_t far_ahead(struct target *target, uintptr_t address, size_t needed,
                 size_t size)
{
    uint8_t pages[PAGES_MAX];
    size_t page = target->page_size;
    uintptr_t start = (address + needed - 1) & ~(page - 1);
    size_t count = (address + size - start + page - 1) / page;

    if (needed >= size || count < 2 || count > PAGES_MAX ||
        !target_residency(target, start, count, pages))
        return size;
    for (size_t i = 1; i < count; i++) {
        size_t ahead = start + i * page - address;
        if (is_away(pages[i]))
            return ahead < size ? ahead : size;
    }
    return size;
}

/* [from, to) of what lies at `address`; how much of it was read. */
static size_t copy_run(struct target *target, uintptr_t address, uint8_t *out,
                       size_t from, size_t to)
{
    if (from >= to)
        return 0;
    return target->backend->read(target, address + from, out + from, to - from);
}

/* Runs of pages that the kernel holds are read, zeros put between them. */
static size_t copy_held(struct target *target, uintptr_t address, uint8_t *out,
                        size_t size, const uint8_t *pages)
{
    size_t page = target->page_size;
    size_t from = 0; /* of the run */
    size_t missing = 0;

    for (size_t at = 0; at < size; pages++) {
        size_t end = ((address + at) | (page - 1)) + 1 - address;
        end = end < size ? end : size;
        if ((*pages & (KNOWN | RESIDENT | SWAPPED)) == KNOWN) {
            missing += at - from - copy_run(target, address, out, from, at);
            memset(out + at, 0, end - at);
            from = end;
        }
        at = end;
    }
    return size - missing -
           (size - from - copy_run(target, address, out, from, size));
}

bool far_copy(struct target *target, uintptr_t address, void *out, size_t size)
{
    uint8_t pages[PAGES_MAX];
    size_t page = target->page_size;
    uintptr_t start = address & ~(page - 1);
    size_t count = (address + size - start + page - 1) / page;

    if (target->kind != TARGET_PROCESS || address + size < address ||
        count > PAGES_MAX || !target_residency(target, start, count, pages))
        return far_read(target, address, out, size);
    /* What is not mapped looks as what was never touched. */
    if (memchr(pages, KNOWN, count) != NULL &&
        !target_is_mapped(target, address, size))
        return far_read(target, address, out, size);
    return copy_held(target, address, out, size, pages) == size;
}

void far_forget(struct target *target)
{
    target->window.size = 0;
    target->window.stride = 0;
    target->mapped.fresh = false;
}

/*
 * Moves the window to `address`.  A walk that comes to the window's end reads
 * twice as much; a jump begins anew with little, so that pages which nobody
 * asked for are not faulted in.
 */
static void move_window(struct target *target, uintptr_t address, size_t size,
                        bool heap)
{
    struct window *window = &target->window;
    uintptr_t start = address & ~(target->page_size - 1);
    size_t needed = address - start + size;
    uintptr_t end = window->start + window->size;

    if (window->bytes == NULL)
        window->bytes = xcalloc(1, WINDOW_MAX);
    if (window->size > 0 && start >= window->start && start <= end) {
        window->stride *= 2;
    } else {
        window->stride = STRIDE_MIN;
    }
    if (window->stride > FAR_VIEW_MAX)
        window->stride = FAR_VIEW_MAX;
    size_t length = needed > window->stride ? needed : window->stride;
    if (start + length < start)
        length = needed;
    length = far_ahead(target, start, needed, length);
    window->start = start;
    window->size = length;
    if (!heap || !far_copy(target, start, window->bytes, length)) {
        window->size =
            target->backend->read(target, start, window->bytes, length);
    }
}

static const void *view(struct target *target, uintptr_t address, size_t size,
                        bool heap)
{
    struct window *window = &target->window;

    if (size > FAR_VIEW_MAX || address + size < address)
        return NULL;
    const void *direct = target->backend->view(target, address, size);
    if (direct != NULL)
        return direct;
    if (address < window->start ||
        address - window->start + size > window->size) {
        move_window(target, address, size, heap);
        if (address - window->start + size > window->size)
            return NULL;
    }
    return window->bytes + (address - window->start);
}

const void *far_view(struct target *target, uintptr_t address, size_t size)
{
    return view(target, address, size, false);
}

const void *far_view_heap(struct target *target, uintptr_t address, size_t size)
{
    return view(target, address, size, true);
}
