// SPDX-License-Identifier: MIT
// What the profile is tested on, run with liballoc preloaded: functions that
// hold, waste, fragment and churn so many bytes.  Says "truth NAME BYTES" for
// each, then "ready"; on stdin 'g' grows (answer "grown"), 'q' ends.
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

namespace work
{
// No container of the library: its own blocks would be stacks too.
char *held[100000];
size_t count;

static inline __attribute__((always_inline)) char *inlined_new(size_t size)
{
    char *mem = static_cast<char *>(malloc(size));
    memset(mem, 1, size);
    return mem;
}

template <typename T> struct Keeper {
    NOINLINE static void hold(size_t size, size_t blocks)
    {
        for (size_t i = 0; i < blocks; i++)
            held[count++] = inlined_new(size);
        asm volatile("" ::: "memory");
    }
};

NOINLINE size_t waste(size_t size, size_t blocks)
{
    size_t unasked = 0;
    for (size_t i = 0; i < blocks; i++) {
        held[count] = static_cast<char *>(malloc(size));
        memset(held[count], 1, size);
        unasked += malloc_usable_size(held[count++]) - size;
    }
    return unasked;
}

NOINLINE void fragment(size_t size, size_t blocks)
{
    size_t first = count;
    for (size_t i = 0; i < blocks; i++)
        held[count++] = inlined_new(size);
    for (size_t i = first; i < count; i++) {
        if (i % 32 != 0)
            free(held[i]);
    }
    count = first;
    asm volatile("" ::: "memory");
}

NOINLINE void churn(size_t size, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        char *volatile mem = static_cast<char *>(malloc(size));
        mem[0] = 1;
        free(mem);
    }
}

NOINLINE void grow(size_t size, size_t blocks)
{
    for (size_t i = 0; i < blocks; i++)
        held[count++] = inlined_new(size);
    asm volatile("" ::: "memory");
}
} // namespace work

static void say(const char *name, size_t bytes)
{
    printf("truth %s %zu\n", name, bytes);
}

int main()
{
    int command;

    setvbuf(stdin, NULL, _IONBF, 0);
    work::Keeper<int>::hold(1000, 16000);
    say("hold", size_t{1000} * 16000);
    size_t unasked = work::waste(1300, 4000);
    say("waste", size_t{1300} * 4000);
    say("unasked", unasked);
    work::fragment(240, 64000);
    say("fragment", size_t{240} * 64000);
    work::churn(5000, 20000);
    say("churn", size_t{5000} * 20000);
    puts("ready");
    fflush(stdout);
    while ((command = getchar()) != 'q' && command != EOF) {
        if (command == 'g') {
            work::grow(2000, 2000);
            puts("grown");
            fflush(stdout);
        }
    }
    return 0;
}
