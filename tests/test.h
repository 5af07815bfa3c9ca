/* SPDX-License-Identifier: MIT */
#ifndef TEST_H
#define TEST_H
/*
 * test.h: the project's own test runner, one header.
 *
 * Why not cmocka (or another library): what is tested here is malloc itself.
 * cmocka allocates in its runner, wraps malloc by macro, and reports through
 * stdio, so a broken allocator would break the reporter, and a counted or
 * failing allocation would be the runner's.  The cases here must also run
 * preloaded, in forked children and under fault injection.  This header
 * never allocates: cases are collected by the linker in a section, text is
 * made on the stack and leaves through write(2).
 *
 *     TEST(buddy, free_merges_with_free_buddy)
 *     {
 *         REQUIRE(buddy_init(&buddy));         stops this case
 *         CHECK_EQ(buddy_count(&buddy), 1);    goes on after a failure
 *     }
 *
 * A program is one .c file that includes this header; in a program of more
 * files all but one define TEST_NO_MAIN first.  `program TEXT` runs the cases
 * whose module.sentence contains TEXT, `program -l` lists them.  The last
 * line is "N passed, N failed" (", N skipped" if any); exit 1 on a failure
 * or when no case ran, 77 when all were skipped.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEST_SKIP_CODE = 77 };

struct test_case {
    const char *name;
    void (*run)(void);
    int line;
};

struct test_state {
    atomic_int failures; /* failed checks of the running case */
    jmp_buf leave;       /* where REQUIRE and SKIP go; main thread only */
};

/* One for all files of a program. */
extern struct test_state test_state;
__attribute__((weak)) struct test_state test_state;

/* Cases are pointers, so that the section is an array without padding. */
#define TEST(module, sentence)                                                 \
    static void test_##module##_##sentence(void);                              \
    static const struct test_case test_case_##module##_##sentence = {          \
        #module "." #sentence, test_##module##_##sentence, __LINE__};          \
    __attribute__((section("test_cases"), used)) static const struct test_case \
        *test_entry_##module##_##sentence = &test_case_##module##_##sentence;  \
    static void test_##module##_##sentence(void)

/* Formats on the stack, writes once: whole lines, also from threads. */
__attribute__((format(printf, 2, 3), unused)) static void
test_print(int fd, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len >= (int)sizeof(line)) {
        len = (int)sizeof(line) - 1;
    }
    if (len > 0 && write(fd, line, (size_t)len) < 0) {
        _exit(3);
    }
}

/* `print` goes to stdout so that a child's stderr stays the allocator's. */
#define TEST_FAILED(...)                                         \
    (atomic_fetch_add(&test_state.failures, 1),                  \
     test_print(STDOUT_FILENO, "  %s:%d: ", __FILE__, __LINE__), \
     test_print(STDOUT_FILENO, __VA_ARGS__), test_print(STDOUT_FILENO, "\n"))

#define CHECK(condition) \
    ((condition) ? (void)0 : TEST_FAILED("CHECK(%s)", #condition))

/* Integers or pointers; each side is evaluated once. */
#define CHECK_EQ(left, right)                                              \
    do {                                                                   \
        long long left_value = (long long)(left);                          \
        long long right_value = (long long)(right);                        \
        if (left_value != right_value) {                                   \
            TEST_FAILED("CHECK_EQ(%s, %s): %lld (%#llx) and %lld (%#llx)", \
                        #left, #right, left_value,                         \
                        (unsigned long long)left_value, right_value,       \
                        (unsigned long long)right_value);                  \
        }                                                                  \
    } while (0)

#define CHECK_STR(left, right)                                                 \
    do {                                                                       \
        const char *left_text = (left);                                        \
        const char *right_text = (right);                                      \
        if (strcmp(left_text, right_text) != 0) {                              \
            TEST_FAILED("CHECK_STR(%s, %s): \"%s\" and \"%s\"", #left, #right, \
                        left_text, right_text);                                \
        }                                                                      \
    } while (0)

/* Only in the main thread of a case: they leave by longjmp. */
#define REQUIRE(condition)                          \
    do {                                            \
        if (!(condition)) {                         \
            TEST_FAILED("REQUIRE(%s)", #condition); \
            longjmp(test_state.leave, 1);           \
        }                                           \
    } while (0)

#define SKIP(reason)                                          \
    do {                                                      \
        test_print(STDOUT_FILENO, "  skipped: %s\n", reason); \
        longjmp(test_state.leave, 2);                         \
    } while (0)

/*
 * Runs fn(arg) in a forked child and returns its wait status: 0 when fn
 * returned and no check in it failed.  The child's stderr is kept in
 * text[0..len) when text is not NULL.  A child that hangs dies of SIGALRM
 * after 60 s.
 */
__attribute__((unused)) static int test_child(void (*fn)(void *arg), void *arg,
                                              char *text, size_t len)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return -1;
    }
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        if (text != NULL) {
            dup2(ends[1], STDERR_FILENO);
        }
        close(ends[0]);
        close(ends[1]);
        atomic_store(&test_state.failures, 0);
        if (setjmp(test_state.leave) == 0) {
            fn(arg);
        }
        _exit(atomic_load(&test_state.failures) == 0 ? 0 : 1);
    }
    close(ends[1]);
    size_t used = 0;
    char rest[256];
    for (;;) {
        bool full = text == NULL || used + 1 >= len;
        /* cppcheck-suppress legacyUninitvar ; read() fills it */
        ssize_t got = read(ends[0], full ? rest : text + used,
                           full ? sizeof(rest) : len - 1 - used);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            break;
        }
        used += full || got < 0 ? 0 : (size_t)got;
    }
    if (text != NULL && len > 0) {
        text[used] = '\0';
    }
    close(ends[0]);
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/* 0 passed, 1 failed, 2 skipped */
__attribute__((unused)) static int test_run_case(const struct test_case *it)
{
    atomic_store(&test_state.failures, 0);
    int left = setjmp(test_state.leave);
    if (left == 0) {
        it->run();
    }
    bool failed = atomic_load(&test_state.failures) != 0;
    int outcome = failed ? 1 : left == 2 ? 2 : 0;
    static const char *const words[] = {"ok", "FAIL", "skip"};
    test_print(STDOUT_FILENO, "%s %s\n", words[outcome], it->name);
    return outcome;
}

#ifndef TEST_NO_MAIN
/* Made by the linker: the bounds of the section that TEST() fills. */
extern const struct test_case *__start_test_cases[];
extern const struct test_case *__stop_test_cases[];

/* The compiler may emit statics in any order: put them in that of the file. */
static void test_sort(void)
{
    /* cppcheck-suppress comparePointers ; the linker's bounds of one array */
    size_t n = (size_t)(__stop_test_cases - __start_test_cases);
    for (size_t i = 1; i < n; i++) {
        const struct test_case *it = __start_test_cases[i];
        size_t at = i;
        for (; at > 0 && __start_test_cases[at - 1]->line > it->line; at--) {
            __start_test_cases[at] = __start_test_cases[at - 1];
        }
        __start_test_cases[at] = it;
    }
}

int main(int argc, char **argv)
{
    const char *filter = argc > 1 ? argv[1] : "";
    bool list = strcmp(filter, "-l") == 0;
    int counts[3] = {0, 0, 0};
    test_sort();
    for (const struct test_case **it = __start_test_cases;
         /* cppcheck-suppress comparePointers ; as above */
         it < __stop_test_cases; it++) {
        if (list) {
            test_print(STDOUT_FILENO, "%s\n", (*it)->name);
        } else if (strstr((*it)->name, filter) != NULL) {
            counts[test_run_case(*it)]++;
        }
    }
    if (list) {
        return 0;
    }
    test_print(STDOUT_FILENO, "%d passed, %d failed", counts[0], counts[1]);
    if (counts[2] > 0) {
        test_print(STDOUT_FILENO, ", %d skipped", counts[2]);
    }
    test_print(STDOUT_FILENO, "\n");
    if (counts[0] + counts[1] == 0) {
        return counts[2] > 0 ? TEST_SKIP_CODE : 1;
    }
    return counts[1] == 0 ? 0 : 1;
}
#endif
#endif
