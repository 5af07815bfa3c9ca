/* SPDX-License-Identifier: MIT */
#ifndef BLACK_BOX_H
#define BLACK_BOX_H
/*
 * What the tests that run preloaded share: the proof that liballoc is the
 * malloc in this process, and values the compiler knows nothing about.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

/* The compiler forgets what it knew of the value: no elided mallocs. */
static inline void *launder(void *mem)
{
    __asm__ volatile("" : "+r"(mem) : : "memory");
    return mem;
}

static inline size_t launder_size(size_t size)
{
    __asm__ volatile("" : "+r"(size));
    return size;
}

/* "VmRSS:" or "VmHWM:" of this process in bytes; 0 when unreadable. */
__attribute__((unused)) static size_t self_status_bytes(const char *field)
{
    char buf[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, buf, sizeof(buf) - 1);
    close(fd);
    buf[got > 0 ? got : 0] = '\0';
    const char *at = strstr(buf, field);
    return at == NULL ? 0 : strtoul(at + strlen(field), NULL, 10) * KIB;
}

/* All that is resident, exactly: VmRSS is a sum of lazy counters. */
__attribute__((unused)) static size_t self_resident(void)
{
    char buf[4096];
    int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, buf, sizeof(buf) - 1);
    close(fd);
    buf[got > 0 ? got : 0] = '\0';
    const char *at = strstr(buf, "\nRss:");
    return at == NULL ? 0 : strtoul(at + 5, NULL, 10) * KIB;
}

/* Lines of /proc/self/maps. */
__attribute__((unused)) static unsigned self_vmas(void)
{
    char buf[4096];
    unsigned n = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (ssize_t got; (got = read(fd, buf, sizeof(buf))) > 0;) {
        for (ssize_t i = 0; i < got; i++) {
            n += buf[i] == '\n';
        }
    }
    close(fd);
    return n;
}

/* TEST_SCALE=N: N times the work of a CI run (scripts/soak). */
__attribute__((unused)) static unsigned test_scale(void)
{
    const char *text = getenv("TEST_SCALE");
    unsigned long scale = text != NULL ? strtoul(text, NULL, 10) : 1;
    return scale > 0 ? (unsigned)scale : 1;
}

__attribute__((unused)) static bool is_classic(void)
{
    const char *conf = getenv("LIBALLOC_CONF");
    return conf != NULL && strstr(conf, "slab_max:0") != NULL;
}

__attribute__((unused)) static bool is_hardened(void)
{
    const char *conf = getenv("LIBALLOC_CONF");
    return conf != NULL && strstr(conf, "harden:") != NULL;
}

/*
 * That the library is mapped would not do: malloc itself must be its own.
 * TEST_ANY_MALLOC=1 lets the tests themselves be tried on other mallocs.
 */
__attribute__((constructor)) static void black_box_check(void)
{
    static const char no[] = "malloc is not liballoc's in this test\n";
    void *(*entry)(size_t size) = malloc;
    void *address = NULL;
    Dl_info info;
    memcpy(&address, &entry, sizeof(address));
    if (getenv("TEST_ANY_MALLOC") == NULL &&
        (dladdr(launder(address), &info) == 0 ||
         strstr(info.dli_fname, "/liballoc.so") == NULL)) {
        _exit(write(STDERR_FILENO, no, sizeof(no) - 1) > 0 ? 98 : 99);
    }
}
#endif
