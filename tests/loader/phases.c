/* SPDX-License-Identifier: MIT */
/*
 * Allocation in every phase of a program's life: constructors of it and of a
 * library, .init_array, main, threads, destructors of TLS, of keys and of
 * C++'s thread_local, atexit, .fini_array.  What one phase allocates another
 * frees.  Built with lazy and with immediate binding.
 */
#include "phases.h"

#include "black_box.h"

#include <pthread.h>
#include <stdio.h>

enum {
    PHASE_CONSTRUCTOR,
    PHASE_INIT_ARRAY,
    PHASE_MAIN,
    PHASE_KEY,
    PHASE_THREAD_LOCAL,
    PHASE_ATEXIT,
    PHASE_FINI_ARRAY,
    PHASE_DESTRUCTOR,
    NPHASES,
};

/* What registers the destructor of a C++ thread_local; libc's. */
extern int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object,
                                    void *dso);
extern void *__dso_handle;

static char *block[NPHASES];
static unsigned seen;
static pthread_key_t key;
static int rounds_of_key;

void phases_expect(bool fine, const char *where)
{
    if (!fine) {
        fprintf(stderr, "FAIL phases: %s\n", where);
        _exit(1);
    }
}

/* Blocks of all layers; frees what the phase before left, leaves its own. */
static void use(int phase, const char *where)
{
    static const size_t sizes[] = {1, 100, 3000, 70000, 400000, 6000000};

    for (size_t i = 0; i < 6; i++) {
        char *mem = launder(malloc(sizes[i]));
        phases_expect(mem != NULL, where);
        memset(mem, phase, sizes[i]);
        mem = launder(realloc(mem, sizes[i] + 5000));
        phases_expect(mem != NULL && mem[sizes[i] - 1] == phase, where);
        free(mem);
    }
    for (int i = 0; i < phase; i++) {
        phases_expect(block[i] == NULL || block[i][999] == i, where);
        free(block[i]);
        block[i] = NULL;
    }
    block[phase] = malloc(1000);
    memset(block[phase], phase, 1000);
    seen |= 1u << phase;
}

__attribute__((constructor)) static void constructor(void)
{
    phases_expect(phases_library_block()[2999] == 9, "the library came first");
    use(PHASE_CONSTRUCTOR, "a constructor");
}

static void init_array(void)
{
    use(PHASE_INIT_ARRAY, ".init_array");
}
__attribute__((section(".init_array"),
               used)) static void (*init_entry)(void) = init_array;

/* Comes after liballoc's own destructor of the thread, or before. */
static void at_key(void *value)
{
    use(PHASE_KEY, "the destructor of a key");
    free(value);
    if (rounds_of_key++ < 2) {
        pthread_setspecific(key, malloc(200));
    }
}

static void at_thread_local(void *object)
{
    use(PHASE_THREAD_LOCAL, "the destructor of a thread_local");
    free(object);
}

static void *thread(void *unused)
{
    pthread_setspecific(key, malloc(100));
    __cxa_thread_atexit_impl(at_thread_local, malloc(300), &__dso_handle);
    return unused;
}

static void at_exit(void)
{
    use(PHASE_ATEXIT, "atexit");
}

static void fini_array(void)
{
    use(PHASE_FINI_ARRAY, ".fini_array");
}
__attribute__((section(".fini_array"),
               used)) static void (*fini_entry)(void) = fini_array;

__attribute__((destructor)) static void destructor(void)
{
    use(PHASE_DESTRUCTOR, "a destructor of the program");
}

void phases_end(void)
{
    phases_expect(seen == (1u << NPHASES) - 1, "a phase was not seen");
    phases_expect(rounds_of_key == 3, "a destructor of a key was not called");
    phases_expect(write(1, "all phases\n", 11) == 11, "stdout");
}

int main(void)
{
    pthread_t id;

    use(PHASE_MAIN, "main");
    phases_expect(atexit(at_exit) == 0, "atexit");
    phases_expect(pthread_key_create(&key, at_key) == 0, "a key");
    phases_expect(pthread_create(&id, NULL, thread, NULL) == 0, "a thread");
    pthread_join(id, NULL);
    return 0;
}
