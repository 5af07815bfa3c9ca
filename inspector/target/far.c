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
    WINDOW_MAX = FAR_VIEW_MAX + 64 * 1024, /* and a system page around it */
};

bool far_read(struct target *target, uintptr_t address, void *out, size_t size)
{
    if (address + size < address)
        return false;
    return target->backend->read(target, address, out, size) == size;
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
static void move_window(struct target *target, uintptr_t address, size_t size)
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
    window->start = start;
    window->size = target->backend->read(target, start, window->bytes, length);
}

const void *far_view(struct target *target, uintptr_t address, size_t size)
{
    struct window *window = &target->window;

    if (size > FAR_VIEW_MAX || address + size < address)
        return NULL;
    const void *direct = target->backend->view(target, address, size);
    if (direct != NULL)
        return direct;
    if (address < window->start ||
        address - window->start + size > window->size) {
        move_window(target, address, size);
        if (address - window->start + size > window->size)
            return NULL;
    }
    return window->bytes + (address - window->start);
}
