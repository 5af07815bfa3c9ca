/* SPDX-License-Identifier: MIT */
/* liballoc_snapshot(), and the signal that asks for one. */
#include "black_box.h"
#include "liballoc.h"
#include "test.h"

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const char secret[] = "what the program stored";

static char path[64];

static const char *fresh_path(void)
{
    static int number;

    (void)snprintf(path, sizeof path, "snapshot.%d.%d", (int)getpid(),
                   number++);
    unlink(path);
    return path;
}

/* Objects of many sizes, some of them freed: all hold the secret. */
static void fill_heap(void)
{
    static void *blocks[4000];

    for (size_t i = 0; i < 4000; i++) {
        size_t size = sizeof secret + i % 3000;
        blocks[i] = launder(malloc(size));
        memcpy((char *)blocks[i] + size - sizeof secret, secret, sizeof secret);
    }
    for (size_t i = 0; i < 4000; i += 3)
        free(blocks[i]);
    char *large = launder(malloc(6 << 20));
    memcpy(large, secret, sizeof secret);
}

/* How often the secret is in the file; -1: it cannot be read. */
static long secrets_in(const char *file)
{
    static char bytes[1 << 16];
    size_t kept = 0;
    long found = 0;
    int fd = open(file, O_RDONLY);

    for (ssize_t n = fd < 0 ? -1 : 1; n > 0;) {
        n = read(fd, bytes + kept, sizeof bytes - kept);
        size_t have = kept + (n > 0 ? (size_t)n : 0);
        const char *at = bytes;
        const char *end = bytes + have;
        while ((at = memmem(at, (size_t)(end - at), secret, sizeof secret)) !=
               NULL) {
            found++;
            at += sizeof secret;
        }
        kept = have < sizeof secret ? have : sizeof secret - 1;
        memmove(bytes, end - kept, kept);
    }
    close(fd);
    return fd < 0 ? -1 : found;
}

static bool is_core(const char *file)
{
    Elf64_Ehdr header;
    int fd = open(file, O_RDONLY);
    bool whole = fd >= 0 && read(fd, &header, sizeof header) == sizeof header &&
                 memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                 header.e_type == ET_CORE && header.e_phnum > 2;

    close(fd);
    return whole;
}

TEST(snapshot, holds_metadata_and_nothing_of_the_program)
{
    fill_heap();
    CHECK_EQ(liballoc_snapshot(fresh_path(), 0), 0);
    CHECK(is_core(path));
    CHECK_EQ(secrets_in(path), 0);
    unlink(path);
}

TEST(snapshot, holds_contents_when_asked_to)
{
    fill_heap();
    CHECK_EQ(liballoc_snapshot(fresh_path(), LIBALLOC_CONTENT), 0);
    CHECK(is_core(path));
    CHECK(secrets_in(path) > 2600);
    unlink(path);
}

static int errno_of(const char *file, unsigned flags)
{
    errno = 0;
    return liballoc_snapshot(file, flags) == -1 ? errno : 0;
}

TEST(snapshot, says_why_there_is_none)
{
    int fd = open(fresh_path(), O_CREAT | O_WRONLY, 0600);
    close(fd);
    CHECK_EQ(errno_of(path, 0), EEXIST);
    unlink(path);
    CHECK_EQ(errno_of("/nonexistent/file", 0), ENOENT);
    CHECK_EQ(errno_of(NULL, 0), EINVAL);
    CHECK_EQ(errno_of(path, 0x80), EINVAL);
}

static bool is_gone(const char *file)
{
    char part[sizeof path + 8];

    (void)snprintf(part, sizeof part, "%s.part", file);
    return access(file, F_OK) != 0 && access(part, F_OK) != 0;
}

static void snapshot_too_large(void *unused)
{
    const struct rlimit limit = {100000, 100000};

    (void)unused;
    fill_heap();
    setrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(errno_of(fresh_path(), 0), EFBIG);
    CHECK(is_gone(path));
}

TEST(snapshot, leaves_no_half_file)
{
    CHECK_EQ(test_child(snapshot_too_large, NULL, NULL, 0), 0);
}

static volatile sig_atomic_t children;

static void count_child(int signal)
{
    (void)signal;
    children = children + 1;
}

TEST(snapshot, shows_the_program_no_child)
{
    signal(SIGCHLD, count_child);
    CHECK_EQ(liballoc_snapshot(fresh_path(), 0), 0);
    CHECK_EQ(children, 0);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_EQ(errno, ECHILD);
    signal(SIGCHLD, SIG_DFL);
    unlink(path);
}

static atomic_bool stop;

static void *churn(void *unused)
{
    void *slots[64] = {NULL};

    for (unsigned i = 0; !atomic_load(&stop); i++) {
        free(slots[i % 64]);
        slots[i % 64] = malloc(i % 3000 + 1);
    }
    for (unsigned i = 0; i < 64; i++)
        free(slots[i]);
    return unused;
}

static volatile sig_atomic_t taken;
static volatile sig_atomic_t error; /* of the last that failed */

static void take_one(int signal)
{
    int saved = errno;

    (void)signal;
    int now = liballoc_snapshot(path, 0) == 0 ? 0 : errno;
    /* First: the next thread's snapshot goes to the same file. */
    unlink(path);
    if (now == 0) {
        taken = taken + 1;
    } else {
        error = now;
    }
    errno = saved;
}

/* A handler may interrupt malloc anywhere, while others allocate too. */
TEST(snapshot, works_in_a_signal_handler_in_the_midst_of_malloc)
{
    enum { ROUNDS = 10 };
    pthread_t threads[3];

    fresh_path();
    signal(SIGUSR1, take_one);
    for (int i = 0; i < 3; i++)
        REQUIRE(pthread_create(&threads[i], NULL, churn, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        int before = taken;
        pthread_kill(threads[i % 3], SIGUSR1);
        for (int ms = 0; taken == before && error == 0 && ms < 60000; ms++)
            usleep(1000);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(error, 0);
    CHECK_EQ(taken, ROUNDS);
}

/* The environment is read at start: a shell that signals itself. */
static void run_and_signal(void *pattern)
{
    setenv("LIBALLOC_CONF", "dump_signal:12", 1);
    setenv("LIBALLOC_DUMP", pattern, 1);
    execl("/bin/sh", "sh", "-c", "kill -USR2 $$; exit 7", (char *)NULL);
}

/* Other runs of this test may be at work in the same directory. */
TEST(snapshot, comes_by_signal)
{
    char pattern[64];

    if (getenv("LD_PRELOAD") == NULL)
        SKIP("not preloaded");
    (void)snprintf(pattern, sizeof pattern, "by-signal.%d.%%n", (int)getpid());
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "by-signal.%d.%d", (int)getpid(), i);
        CHECK_EQ(test_child(run_and_signal, pattern, NULL, 0), 7 << 8);
        CHECK(is_core(path));
    }
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "by-signal.%d.%d", (int)getpid(), i);
        unlink(path);
    }
}
