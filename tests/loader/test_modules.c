/* SPDX-License-Identifier: MIT */
/*
 * A hundred modules with TLS come and go, while threads live on whose dynamic
 * thread vector grows and is filled by malloc from inside the loader.
 *
 * TEST_SCALE=n: n rounds instead of 20 (CI); the soak has 1000.
 */
#include "black_box.h"
#include "test.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>

enum { MODULES = 100, THREADS = 3, WARM_UP = 5 };

static char dir[] = "/tmp/liballoc-modules.XXXXXX";
static void *handle[MODULES];
static size_t (*touch[MODULES])(int value);
static sem_t go[THREADS], done;
static atomic_bool stop;

static unsigned rounds(void)
{
    const char *text = getenv("TEST_SCALE");
    return text != NULL ? (unsigned)strtoul(text, NULL, 0) : 20;
}

static void path_of(char *path, size_t size, int i)
{
    snprintf(path, size, "%s/module-%d.so", dir, i);
}

/* The module lies beside this program; each copy is another inode. */
static bool make_copies(void)
{
    static char bytes[1 << 20];
    char path[600];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 20);

    path[length > 0 ? length : 0] = '\0';
    strcpy(strrchr(path, '/') + 1, "tls_module.so");
    int from = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(from, bytes, sizeof(bytes));
    close(from);
    if (size <= 0 || mkdtemp(dir) == NULL) {
        return false;
    }
    for (int i = 0; i < MODULES; i++) {
        path_of(path, sizeof(path), i);
        int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
        bool whole = write(to, bytes, (size_t)size) == size;
        close(to);
        if (!whole) {
            return false;
        }
    }
    return true;
}

static void remove_copies(void)
{
    char path[600];

    for (int i = 0; i < MODULES; i++) {
        path_of(path, sizeof(path), i);
        unlink(path);
    }
    rmdir(dir);
}

static void touch_all(void)
{
    for (int i = 0; i < MODULES; i++) {
        if (touch[i] == NULL) {
            continue;
        }
        CHECK_EQ(touch[i](5), 3);
        CHECK_EQ(touch[i](-5), 3 + 5 + 5);
    }
}

/* Lives through all rounds: its vector holds modules long gone. */
static void *in_thread(void *arg)
{
    size_t id = (size_t)(uintptr_t)arg;

    for (;;) {
        while (sem_wait(&go[id]) != 0) {
        }
        if (atomic_load(&stop)) {
            return NULL;
        }
        touch_all();
        sem_post(&done);
    }
}

static void one_round(void)
{
    char path[600];

    for (int i = 0; i < MODULES; i++) {
        path_of(path, sizeof(path), i);
        handle[i] = dlopen(path, i % 2 == 0 ? RTLD_NOW : RTLD_LAZY);
        REQUIRE(handle[i] != NULL);
        void *symbol = dlsym(handle[i], "module_touch");
        memcpy(&touch[i], &symbol, sizeof(symbol));
    }
    touch_all();
    for (int i = 0; i < THREADS; i++) {
        sem_post(&go[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        while (sem_wait(&done) != 0) {
        }
    }
    for (int i = 0; i < MODULES; i++) {
        dlclose(handle[i * 37 % MODULES]);
    }
}

static size_t live_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

TEST(loader, modules_with_tls_come_and_go)
{
    pthread_t thread[THREADS];
    size_t before = 0;
    unsigned n = rounds();

    sem_init(&done, 0, 0);
    REQUIRE(make_copies());
    for (uintptr_t i = 0; i < THREADS; i++) {
        sem_init(&go[i], 0, 0);
        REQUIRE(pthread_create(&thread[i], NULL, in_thread, (void *)i) == 0);
    }
    for (unsigned i = 0; i < WARM_UP + n; i++) {
        if (i == WARM_UP) {
            before = live_bytes();
        }
        one_round();
    }
    size_t after = live_bytes();
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        sem_post(&go[i]);
        pthread_join(thread[i], NULL);
    }
    remove_copies();
    test_print(STDOUT_FILENO, "  %u x %d dlopen, dlclose; live %zu -> %zu\n", n,
               MODULES, before, after);
    /* Not one byte a round: glibc keeps tables that it doubles.  With auditors
       it leaks some of each dlopen(), on its own malloc as well. */
    CHECK(after < before + 16 * KIB || getenv("LD_AUDIT") != NULL);
}
