/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_BASE_PRINT_H
#define LIBALLOC_BASE_PRINT_H
/*
 * A formatter that neither allocates nor locks, into a fixed buffer.
 * Layer: base.  Async-signal-safe.
 */
#include <stdarg.h>
#include <stddef.h>

/*
 * As vsnprintf with %s %c %d %u %x %p %% only, and sizes through %lu, %ld, %lx.
 * Always terminates (len > 0); returns the length it needs without the NUL.
 */
size_t print_buf(char *buf, size_t len, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t print_vbuf(char *buf, size_t len, const char *format, va_list args);

/* One line (cut at 511 bytes) to file descriptor 2, by one write(2). */
void print_stderr(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* All of the text, to the same place. */
void print_stderr_all(const char *text, size_t len);

/* Lets print_stderr() write to another descriptor. */
void print_redirect(int fd);

/* All of `text` to `fd`, going on after short writes and EINTR. */
void print_all(int fd, const char *text, size_t len);

#endif
