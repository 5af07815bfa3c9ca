/* SPDX-License-Identifier: MIT */
#include "base/print.h"

#include "base/syscall.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* Output position that goes on counting after the buffer is full. */
struct sink {
    char *buf;  /* where it goes */
    size_t len; /* bytes that fit, the NUL included */
    size_t at;  /* bytes wanted so far */
};

static void sink_char(struct sink *sink, char c)
{
    if (sink->at + 1 < sink->len)
        sink->buf[sink->at] = c;
    sink->at++;
}

static void sink_string(struct sink *sink, const char *text)
{
    for (text = text ? text : "(null)"; *text != '\0'; text++)
        sink_char(sink, *text);
}

static void sink_number(struct sink *sink, uint64_t value, unsigned base)
{
    char digits[24];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (n > 0)
        sink_char(sink, digits[--n]);
}

static void sink_signed(struct sink *sink, int64_t value)
{
    if (value < 0)
        sink_char(sink, '-');
    sink_number(sink, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

/* One conversion; `is_long` tells the width of the argument. */
static void sink_convert(struct sink *sink, char conversion, bool is_long,
                         va_list *args)
{
    switch (conversion) {
    case 's':
        sink_string(sink, va_arg(*args, const char *));
        break;
    case 'c':
        sink_char(sink, (char)va_arg(*args, int));
        break;
    case 'd':
        sink_signed(sink, is_long ? va_arg(*args, long) : va_arg(*args, int));
        break;
    case 'u':
    case 'x':
        sink_number(sink,
                    is_long ? va_arg(*args, unsigned long)
                            : va_arg(*args, unsigned),
                    conversion == 'x' ? 16 : 10);
        break;
    case 'p':
        sink_string(sink, "0x");
        sink_number(sink, (uintptr_t)va_arg(*args, void *), 16);
        break;
    default:
        sink_char(sink, conversion);
        break;
    }
}

size_t print_vbuf(char *buf, size_t len, const char *format, va_list args)
{
    struct sink sink = {.buf = buf, .len = len};
    va_list copy;

    va_copy(copy, args);
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            sink_char(&sink, *format);
            continue;
        }
        bool is_long = *++format == 'l';
        if (is_long)
            format++;
        if (*format == '\0')
            break;
        sink_convert(&sink, *format, is_long, &copy);
    }
    va_end(copy);
    if (len > 0)
        buf[sink.at < len ? sink.at : len - 1] = '\0';
    return sink.at;
}

size_t print_buf(char *buf, size_t len, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    size_t need = print_vbuf(buf, len, format, args);
    va_end(args);
    return need;
}

void print_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        long n = syscall3(SYS_write, fd, (long)text, (long)len);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

static int stderr_fd = 2;

void print_redirect(int fd)
{
    stderr_fd = fd;
}

void print_stderr(const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    size_t need = print_vbuf(line, sizeof line, format, args);
    va_end(args);
    print_all(stderr_fd, line, need < sizeof line ? need : sizeof line - 1);
}

void print_stderr_all(const char *text, size_t len)
{
    print_all(stderr_fd, text, len);
}
