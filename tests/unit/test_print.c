/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/print.h"

#include <limits.h>

/* Both formatters must agree; the format is known to both. */
#define CHECK_LIKE_LIBC(...)                                      \
    do {                                                          \
        char ours[256];                                           \
        char theirs[256];                                         \
        size_t need = print_buf(ours, sizeof(ours), __VA_ARGS__); \
        int want = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
        CHECK_STR(ours, theirs);                                  \
        CHECK_EQ(need, want);                                     \
    } while (0)

TEST(print, text_and_characters)
{
    CHECK_LIKE_LIBC("plain");
    CHECK_LIKE_LIBC("<%s> <%s>", "", "word");
    CHECK_LIKE_LIBC("%c%c%c", 'a', ' ', 'z');
    CHECK_LIKE_LIBC("100%% of %s", "it");
}

TEST(print, numbers_at_their_limits)
{
    CHECK_LIKE_LIBC("%d %d %d", 0, INT_MAX, INT_MIN);
    CHECK_LIKE_LIBC("%ld %ld", LONG_MAX, LONG_MIN);
    CHECK_LIKE_LIBC("%u %u", 0u, UINT_MAX);
    CHECK_LIKE_LIBC("%lu", ULONG_MAX);
    CHECK_LIKE_LIBC("%x %lx", 0xdeadbeefu, 0x123456789abcdef0ul);
}

TEST(print, an_int_takes_only_its_own_width)
{
    CHECK_LIKE_LIBC("%u %s %d %lu", 7u, "then", -1, 9ul);
}

TEST(print, pointers_are_hexadecimal)
{
    char text[32];

    print_buf(text, sizeof(text), "%p", (void *)(uintptr_t)0x1234abcd);
    CHECK_STR(text, "0x1234abcd");
    print_buf(text, sizeof(text), "%p", (void *)NULL);
    CHECK_STR(text, "0x0");
}

TEST(print, a_null_string_is_said)
{
    char text[32];
    const char *volatile none = NULL;

    print_buf(text, sizeof(text), "%s", none);
    CHECK_STR(text, "(null)");
}

TEST(print, too_long_a_text_is_cut_terminated_and_measured)
{
    char text[8];

    memset(text, 'x', sizeof(text));
    CHECK_EQ(print_buf(text, 5, "%s", "0123456789"), 10);
    CHECK_STR(text, "0123");
    CHECK(text[5] == 'x' && text[6] == 'x' && text[7] == 'x');
    CHECK_EQ(print_buf(text, 5, "0123"), 4);
    CHECK_STR(text, "0123");
}

TEST(print, no_buffer_is_only_measured)
{
    char text[2] = "x";

    CHECK_EQ(print_buf(text, 0, "%d", 12345), 5);
    CHECK_EQ(text[0], 'x');
    CHECK_EQ(print_buf(text, 1, "%d", 12345), 5);
    CHECK_EQ(text[0], '\0');
}

static void print_long_line(void *arg)
{
    char word[1001];

    (void)arg;
    memset(word, 'w', 1000);
    word[1000] = '\0';
    print_stderr("%s", word);
}

TEST(print, a_line_to_stderr_is_cut_at_511_bytes)
{
    char text[2048];

    CHECK_EQ(test_child(print_long_line, NULL, text, sizeof(text)), 0);
    CHECK_EQ(strlen(text), 511);
    CHECK(is_filled(text, 'w', 511));
}

static void print_megabyte(void *arg)
{
    static char text[1000000];

    (void)arg;
    memset(text, 'm', sizeof(text));
    print_all(STDERR_FILENO, text, sizeof(text));
}

TEST(print, print_all_goes_on_after_short_writes)
{
    static char text[1000100];

    CHECK_EQ(test_child(print_megabyte, NULL, text, sizeof(text)), 0);
    CHECK_EQ(strlen(text), 1000000);
}

TEST(print, print_all_gives_up_on_a_bad_descriptor)
{
    errno = 77;
    print_all(-1, "text", 4);
    CHECK_EQ(errno, 77);
}
