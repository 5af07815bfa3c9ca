/* SPDX-License-Identifier: MIT */
#ifndef BLACK_BOX_H
#define BLACK_BOX_H
/*
 * What the tests that run preloaded share: the proof that liballoc is the
 * malloc in this process, and values the compiler knows nothing about.
 */
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

/* Whether /proc/self/`file` holds `text`; no stdio, no allocation. */
__attribute__((unused)) static bool self_contains(const char *path,
                                                  const char *text)
{
    char buf[8192];
    size_t kept = 0;
    bool found = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;
    while (!found && (got = read(fd, buf + kept, sizeof(buf) - 1 - kept)) > 0) {
        size_t have = kept + (size_t)got;
        found = memmem(buf, have, text, strlen(text)) != NULL;
        kept = have < 128 ? have : 128;
        memmove(buf, buf + have - kept, kept);
    }
    close(fd);
    return found;
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

__attribute__((unused)) static bool is_classic(void)
{
    const char *conf = getenv("LIBALLOC_CONF");
    return conf != NULL && strstr(conf, "slab_max:0") != NULL;
}

/* TEST_ANY_MALLOC=1 lets the tests themselves be tried on other mallocs. */
__attribute__((constructor)) static void black_box_check(void)
{
    static const char no[] = "liballoc.so is not loaded in this test\n";
    if (getenv("TEST_ANY_MALLOC") == NULL &&
        !self_contains("/proc/self/maps", "/liballoc.so")) {
        _exit(write(STDERR_FILENO, no, sizeof(no) - 1) > 0 ? 98 : 99);
    }
}
#endif
