/* SPDX-License-Identifier: MIT */
/*
 * A program that says what the allocator in it does; env.sh runs it in one
 * environment after another.  Links with nothing: liballoc's own functions
 * are found by dlsym, so it starts without the library as well.
 *
 *   tunable NAME     the value of a tunable, or "none"
 *   hblks SIZE       how many more mmapped chunks a malloc(SIZE) makes
 *   fill             the byte malloc leaves and the byte free leaves, in hex
 *   json             liballoc_stats_json
 *   secure           1 when the kernel asks for secure execution, else 0
 *   maps             "loaded" or "not loaded"
 *   oom ENTRY        allocates until NULL; prints errno's name and "again ok"
 *   exit             allocates some and returns
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static void *launder(void *mem)
{
    __asm__ volatile("" : "+r"(mem) : : "memory");
    return mem;
}

static void copy_function(void *function, const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &found, sizeof(found));
}

static int print_tunable(const char *name)
{
    int (*get)(const char *, uint64_t *) = NULL;
    uint64_t value = 0;
    copy_function(&get, "liballoc_tunable_get");
    if (get == NULL || get(name, &value) != 0) {
        puts("none");
        return 1;
    }
    printf("%ju\n", (uintmax_t)value);
    return 0;
}

static int print_hblks(const char *size)
{
    size_t before = mallinfo2().hblks;
    void *mem = launder(malloc(strtoul(size, NULL, 0)));
    printf("%zu\n", mallinfo2().hblks - before);
    free(mem);
    return 0;
}

static int print_fill(void)
{
    volatile unsigned char *mem = launder(malloc(3000));
    unsigned alloc_byte = mem[1000];
    free(launder((void *)(uintptr_t)mem));
    printf("%02x %02x\n", alloc_byte, mem[1000]);
    return 0;
}

static int print_json(void)
{
    static char text[65536];
    int (*json)(char *, size_t) = NULL;
    copy_function(&json, "liballoc_stats_json");
    if (json == NULL || json(text, sizeof(text)) <= 0) {
        return 1;
    }
    puts(text);
    return 0;
}

static int print_maps(void)
{
    char line[4096];
    bool loaded = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        loaded = loaded || strstr(line, "/liballoc.so") != NULL;
    }
    puts(loaded ? "loaded" : "not loaded");
    return 0;
}

static void *allocate(const char *entry, size_t size)
{
    void *mem = NULL;
    if (strcmp(entry, "calloc") == 0) {
        return calloc(1, size);
    }
    if (strcmp(entry, "realloc") == 0) {
        return realloc(NULL, size);
    }
    if (strcmp(entry, "memalign") == 0) {
        return memalign(4096, size);
    }
    if (strcmp(entry, "aligned_alloc") == 0) {
        return aligned_alloc(64, size);
    }
    if (strcmp(entry, "valloc") == 0) {
        return valloc(size);
    }
    if (strcmp(entry, "pvalloc") == 0) {
        return pvalloc(size);
    }
    if (strcmp(entry, "posix_memalign") == 0) {
        errno = posix_memalign(&mem, 64, size);
        return mem;
    }
    return malloc(size);
}

/* Links all blocks through their first word, to free them again. */
static int print_oom(const char *entry, const char *size_text)
{
    size_t size = strtoul(size_text, NULL, 0);
    void **last = NULL;
    size_t count = 0;
    for (;;) {
        errno = 0;
        void **mem = launder(allocate(entry, size));
        if (mem == NULL) {
            break;
        }
        *mem = last;
        last = mem;
        count++;
    }
    int error = errno;
    if (count == 0) {
        puts("nothing at all");
        return 1;
    }
    while (last != NULL) {
        void **next = *last;
        free(last);
        last = next;
    }
    void *again = launder(allocate(entry, size));
    printf("%s %s\n", error == ENOMEM ? "ENOMEM" : strerror(error),
           again != NULL ? "again" : "never again");
    free(again);
    return 0;
}

static int use_some(void)
{
    for (size_t size = 1; size < 10u << 20; size = size * 2 + 1) {
        unsigned char *mem = launder(malloc(size));
        if (mem == NULL) {
            return 1;
        }
        mem[0] = mem[size - 1] = 1;
        free(mem);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "exit";
    const char *arg = argc > 2 ? argv[2] : "";
    if (strcmp(verb, "tunable") == 0) {
        return print_tunable(arg);
    }
    if (strcmp(verb, "hblks") == 0) {
        return print_hblks(arg);
    }
    if (strcmp(verb, "fill") == 0) {
        return print_fill();
    }
    if (strcmp(verb, "json") == 0) {
        return print_json();
    }
    if (strcmp(verb, "secure") == 0) {
        printf("%lu\n", getauxval(AT_SECURE));
        return 0;
    }
    if (strcmp(verb, "maps") == 0) {
        return print_maps();
    }
    if (strcmp(verb, "oom") == 0) {
        return print_oom(arg, argc > 3 ? argv[3] : "65536");
    }
    return use_some();
}
