/* SPDX-License-Identifier: MIT */
/*
 * Samples taken in awkward places: where the loader holds its lock, where
 * another thread holds it and waits for us, in signal handlers, in destructors
 * of thread data.  Every block is sampled; what hangs is killed by alarm().
 */
#include "profile.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum { PATIENCE = 60 }; /* seconds */

static void begin(void)
{
    alarm(PATIENCE);
    REQUIRE(liballoc_prof_start(1) == 0);
}

static void end(void)
{
    liballoc_prof_stop();
    alarm(0);
}

SITE(callback)
static int callback(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info;
    (void)size;
    *(unsigned *)data += 1;
    free(launder(malloc(100)));
    return 0;
}

TEST(places, a_callback_of_dl_iterate_phdr)
{
    unsigned calls = 0;
    begin();
    dl_iterate_phdr(callback, &calls);
    end();
    CHECK(calls > 3);
    CHECK_EQ(site_sums(SITE_OF(callback)).samples, calls);
}

static void *load_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        void *plugin = dlopen(PLUGIN_PATH, RTLD_NOW);
        if (plugin == NULL) {
            TEST_FAILED("%s", dlerror());
            break;
        }
        void *symbol = dlsym(plugin, "plugin_touch");
        void *(*touch)(void);
        memcpy(&touch, &symbol, sizeof(touch));
        CHECK(touch() != NULL);
        dlclose(plugin);
    }
    return NULL;
}

/* Constructors, per-thread data made on first use, unmapped code. */
TEST(places, the_loader_in_two_threads)
{
    pthread_t threads[2];
    begin();
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, load_often, NULL) == 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    end();
}

/* Who reads the profile later finds it unloaded, and its name here. */
TEST(places, an_unloaded_library_is_remembered)
{
    const struct prof *prof = profile_now();
    unsigned found = 0;
    begin();
    load_often(NULL);
    end();
    for (uint64_t i = 0; i < prof->nmodules; i++) {
        const char *name = prof->names + prof->modules[i].name;
        found += strcmp(name, PLUGIN_PATH) == 0;
        CHECK(prof->modules[i].end > prof->modules[i].start);
        CHECK(name[0] == '/');
    }
    CHECK(found > 0);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t has_mutex;
static sem_t in_callback;

SITE(holder) static void *holder(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    sem_post(&has_mutex);
    sem_wait(&in_callback);
    /* The other thread has the loader's lock and waits for the mutex. */
    for (int i = 0; i < 100; i++) {
        free(launder(malloc(100)));
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static int wait_for_mutex(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info;
    (void)size;
    (void)data;
    sem_post(&in_callback);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return 1;
}

/* Unwinders that ask the loader for its objects end here. */
TEST(places, while_another_thread_has_the_loaders_lock_and_waits_for_us)
{
    pthread_t thread;
    begin();
    sem_init(&has_mutex, 0, 0);
    sem_init(&in_callback, 0, 0);
    REQUIRE(pthread_create(&thread, NULL, holder, NULL) == 0);
    sem_wait(&has_mutex);
    dl_iterate_phdr(wait_for_mutex, NULL);
    pthread_join(thread, NULL);
    end();
    CHECK_EQ(site_sums(SITE_OF(holder)).samples, 100);
}

static atomic_uint handled;

SITE(handler) static void handler(int number)
{
    (void)number;
    free(launder(malloc(64)));
    atomic_fetch_add(&handled, 1);
}

/* The allocator is not interrupted (POSIX forbids what follows): only work
   between its calls, the profile's own included, is. */
TEST(places, a_signal_handler)
{
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    begin();
    for (unsigned i = 0; i < 1000; i++) {
        raise(SIGUSR1);
    }
    end();
    CHECK_EQ(atomic_load(&handled), 1000);
    CHECK_EQ(site_sums(SITE_OF(handler)).samples, 1000);
}

enum { VICTIMS = 4000 };

static void *victims[VICTIMS];
static atomic_uint nvictims;
static atomic_bool is_enough;
static unsigned intact; /* of those that were resized */

/* The profile's lock is taken, so by the interrupted thread: it is sampling,
   and the allocator itself is at rest. */
SITE(intruder) static void intruder(int number)
{
    (void)number;
    unsigned at = atomic_load(&nvictims);
    if (profile_now()->lock.owner == 0 || at == VICTIMS)
        return;
    free(launder(malloc(64)));
    if (at % 4 == 0) {
        char *moved = launder(realloc(victims[at], 5000));
        intact += moved[0] == (char)at;
        free(moved);
    } else {
        free(victims[at]);
    }
    atomic_store(&nvictims, at + 1);
}

static void *interrupt_often(void *arg)
{
    pthread_t target = *(pthread_t *)arg;
    while (!atomic_load(&is_enough)) {
        pthread_kill(target, SIGUSR2);
    }
    return NULL;
}

__attribute__((noinline)) static void sample_often(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        free(launder(malloc(100)));
    }
}

/* It must neither wait for itself, nor keep samples of what is free. */
TEST(places, a_signal_handler_amid_a_sample)
{
    struct sigaction action = {.sa_handler = intruder};
    pthread_t self = pthread_self();
    pthread_t thread;
    sigaction(SIGUSR2, &action, NULL);
    begin();
    for (unsigned i = 0; i < VICTIMS; i++) {
        victims[i] = memset(malloc(48), (int)i, 48);
    }
    sample_often(1000); /* the unwinder itself asks for memory at first */
    REQUIRE(pthread_create(&thread, NULL, interrupt_often, &self) == 0);
    time_t deadline = time(NULL) + PATIENCE / 4;
    while (atomic_load(&nvictims) < VICTIMS && time(NULL) < deadline) {
        sample_often(1000);
    }
    atomic_store(&is_enough, true);
    pthread_join(thread, NULL);
    end();
    unsigned gone = atomic_load(&nvictims);
    CHECK(gone > 100);
    CHECK_EQ(intact, (gone + 3) / 4);
    for (unsigned i = 0; i < VICTIMS; i++) {
        CHECK((sample_of(victims[i]) == NULL) == (i < gone));
    }
    for (unsigned i = gone; i < VICTIMS; i++) {
        free(victims[i]);
    }
    CHECK_EQ(site_sums(SITE_OF(intruder)).samples, 0);
}

/* As C++ does with its thread_local objects, and pthread with its keys. */
SITE(destructor) static void destructor(void *data)
{
    free(data);
    free(launder(malloc(77)));
}

static pthread_key_t key;

static void *with_data(void *unused)
{
    (void)unused;
    pthread_setspecific(key, launder(malloc(10)));
    return NULL;
}

TEST(places, destructors_of_thread_data)
{
    REQUIRE(pthread_key_create(&key, destructor) == 0);
    begin();
    for (unsigned i = 0; i < 100; i++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, with_data, NULL) == 0);
        pthread_join(thread, NULL);
    }
    end();
    CHECK_EQ(site_sums(SITE_OF(destructor)).samples, 100);
}

static void *fork_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(PATIENCE);
            for (int j = 0; j < 100; j++) {
                free(launder(malloc(200)));
            }
            _exit(0);
        }
        int status = -1;
        waitpid(child, &status, 0);
        CHECK_EQ(status, 0);
    }
    return NULL;
}

static atomic_bool stop;

static void *churn(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        free(launder(malloc(200)));
    }
    return NULL;
}

/* A thread is in the midst of a sample when another one forks. */
TEST(places, a_fork_while_another_thread_is_sampled)
{
    pthread_t threads[2];
    begin();
    fflush(NULL);
    REQUIRE(pthread_create(&threads[0], NULL, churn, NULL) == 0);
    REQUIRE(pthread_create(&threads[1], NULL, fork_often, NULL) == 0);
    pthread_join(threads[1], NULL);
    atomic_store(&stop, true);
    pthread_join(threads[0], NULL);
    end();
}
