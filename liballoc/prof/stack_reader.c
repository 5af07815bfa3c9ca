/* SPDX-License-Identifier: MIT */
#include "prof/stack_reader.h"

#include "base/bits.h"
#include "base/syscall.h"
#include "os/os_env.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    PAGES_AT_ONCE = 64,
    THREAD_STACK_MAX = 64 * MIB, /* looked over, at most, for holes */
};

/* The loader's: where the stack pointer of the main thread began. */
extern void *__libc_stack_end __attribute__((weak));

/* Immutable after stack_reader_init().  [low, high); empty = not known. */
static uintptr_t main_low;
static uintptr_t main_high;

/*
 * [this, thread pointer) is readable as long as the thread lives: its stack,
 * as far down as was seen to have no hole.  0 = not looked yet.  The thread
 * pointer of the main thread lies elsewhere: NOWHERE.
 */
static TLS_IE uintptr_t thread_low;
#define NOWHERE UINTPTR_MAX

void stack_reader_init(void)
{
    struct rlimit limit;
    uintptr_t size = 8 * MIB;

    if (&__libc_stack_end == NULL || __libc_stack_end == NULL)
        return;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        size = min_size(limit.rlim_cur, GIB);
    /* Mappings keep away from the stack by its limit at exec(). */
    main_high = (uintptr_t)__libc_stack_end;
    main_low = main_high > size ? main_high - size : 0;
}

static uintptr_t thread_pointer(void)
{
    uintptr_t pointer;

#if defined(__x86_64__)
    __asm__("movq %%fs:0, %0" : "=r"(pointer));
#else
    pointer = (uintptr_t)__builtin_thread_pointer();
#endif
    return pointer;
}

/* How many bytes the kernel could copy, of the first of each page. */
static long count_readable(uintptr_t page, size_t npages)
{
    char bytes[PAGES_AT_ONCE];
    struct iovec from[PAGES_AT_ONCE];
    struct iovec to = {bytes, npages};

    for (size_t i = 0; i < npages; i++)
        from[i] = (struct iovec){(void *)(page + i * STACK_PAGE), 1};
    return syscall6(SYS_process_vm_readv, getpid(), (long)&to, 1, (long)from,
                    (long)npages, 0);
}

/* True: from `sp` up to the thread pointer there is no hole. */
static bool thread_stack_is_whole(uintptr_t sp, uintptr_t top)
{
    uintptr_t page = round_down(sp, STACK_PAGE);
    uintptr_t end = thread_low != 0 ? thread_low : top;

    if (sp >= top || top - sp > THREAD_STACK_MAX || thread_low == NOWHERE)
        return false;
    if (thread_low == 0 && (pid_t)os_tid() == getpid()) {
        thread_low = NOWHERE;
        return false;
    }
    while (page < end) {
        size_t npages =
            min_size((end - page - 1) / STACK_PAGE + 1, PAGES_AT_ONCE);
        if (count_readable(page, npages) != (long)npages)
            return false;
        page += npages * STACK_PAGE;
    }
    thread_low = round_down(sp, STACK_PAGE);
    return true;
}

void stack_reader_begin(struct stack_reader *reader, uintptr_t sp)
{
    uintptr_t top = 0;

    reader->page = 0;
    reader->low = sp;
    reader->span = 0;
    if (sp >= main_low && sp < main_high) {
        top = main_high;
    } else {
        uintptr_t thread = thread_pointer();
        bool known = thread_low != 0 && sp >= thread_low && sp < thread;
        if (known || thread_stack_is_whole(sp, thread))
            top = thread;
    }
    if (top >= sp + sizeof(uintptr_t))
        reader->span = top - sp - sizeof(uintptr_t) + 1;
}

static bool copy_page(struct stack_reader *reader, uintptr_t page)
{
    struct iovec from = {(void *)page, STACK_PAGE};
    struct iovec to = {reader->copy, STACK_PAGE};

    reader->page = 0;
    if (syscall6(SYS_process_vm_readv, getpid(), (long)&to, 1, (long)&from, 1,
                 0) != STACK_PAGE)
        return false;
    reader->page = page;
    return true;
}

bool stack_copy_word(struct stack_reader *reader, uintptr_t address,
                     uintptr_t *word)
{
    uintptr_t page = round_down(address, STACK_PAGE);

    if (page == 0 || address - page > STACK_PAGE - sizeof *word)
        return false;
    if (page != reader->page && !copy_page(reader, page))
        return false;
    memcpy(word, reader->copy + (address - page), sizeof *word);
    return true;
}
