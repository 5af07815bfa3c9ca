/* SPDX-License-Identifier: MIT */
#ifndef MISUSE_H
#define MISUSE_H
/*
 * For programs that misuse the heap once.  Each opens with what must happen:
 *
 *     expect: abort "double free"            by free(), naming the pointer
 *     expect: abort "..." in realloc         by another entry (a regex)
 *     expect: abort "..." in ... anywhere    naming any pointer
 *     expect: abort or survive "..."         or no harm: any entry, any pointer
 *     expect: fault                          SIGSEGV
 *     expect: no harm                        the program looked, and exits 0
 *     expect: through                        the attack succeeds: succeeded()
 *
 * The words are an extended regular expression.  `hardened:`, `classic:` and
 * `slabs:` (slab_after:0) are the same for these modes, where they differ.
 * `attack: N` is the attack's number in docs/reliability.md.  run.sh and
 * attacks read them all.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

enum {
    SLAB_SIZE = 100, /* a small object: slab, or chunk when first or classic */
    CHUNK_SIZE = 5000,       /* a chunk of an arena */
    RUN_SIZE = 1 << 20,      /* a run of pages */
    MMAPPED_SIZE = 32 << 20, /* an mmapped chunk */
};

/* The compiler forgets what it knows of the pointer, and cannot warn. */
static inline void *launder(void *mem)
{
    __asm__ volatile("" : "+r"(mem) : : "memory");
    return mem;
}

/* Says which pointer the report must name: the next line is the misuse. */
static inline void *victim(void *mem)
{
    char line[32];
    int len = snprintf(line, sizeof(line), "%p\n", mem);
    if (write(STDOUT_FILENO, line, (size_t)len) != len) {
        _exit(3);
    }
    return launder(mem);
}

/* The set-up went wrong, so nothing was proved: never a pass. */
_Noreturn static inline void no_misuse(const char *why)
{
    fprintf(stderr, "no misuse took place: %s\n", why);
    _exit(3);
}

/* The program has what the attacker wants. */
_Noreturn static inline void succeeded(const char *what)
{
    printf("the attack succeeded: %s\n", what);
    fflush(stdout);
    _exit(9);
}

/* `size` bytes, written once: a block that is surely in use. */
static inline unsigned char *block(size_t size)
{
    unsigned char *mem = launder(malloc(size));
    if (mem == NULL) {
        no_misuse("out of memory");
    }
    memset(mem, 0x11, size);
    return mem;
}

#endif
