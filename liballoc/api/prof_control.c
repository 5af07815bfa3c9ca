/* SPDX-License-Identifier: MIT */
/*
 * The profile's switches: tunables at the start, liballoc_prof_*(), and a
 * signal, by which heapinspect turns it on and off from outside.
 */
#include "api/init.h"
#include "api/watch.h"
#include "base/print.h"
#include "base/tunables.h"
#include "heap/heap.h"
#include "liballoc.h"
#include "os/os_env.h"
#include "prof/prof.h"
#include "prof/unwind.h"

#include <errno.h>
#include <signal.h>

/* What a signal asked for: PROF_ASK_*, and a period in the upper bits. */
static _Atomic uint64_t asked;

EXPORT int liballoc_prof_start(size_t period)
{
    int error = 0;

    if (period > PROF_PERIOD_MAX) {
        error = EINVAL;
    } else if (!init_check()) {
        error = ENOMEM;
    } else if (watcher != NULL) {
        error = ENOTSUP;
    } else {
        (void)unwind_init();
        if (!prof_start(period != 0 ? period : tunables.prof_period))
            error = ENOMEM;
    }
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

EXPORT void liballoc_prof_stop(void)
{
    if (init_done() && watcher == NULL)
        prof_stop();
}

EXPORT int liballoc_prof_dump(const char *path)
{
    return liballoc_snapshot(path, 0);
}

/* In a handler that interrupted our slow path, later: at its end. */
static void obey(void)
{
    /* acq_rel: one of those that come here obeys; pairs with itself */
    uint64_t ask = exchange_acq_rel(&asked, 0);

    /* stale ok: somebody else may be switching as well */
    bool is_on = load_relaxed(&prof_counts);
    if (ask == 0)
        return;
    bool wanted =
        (ask & PROF_ASK_TOGGLE) != 0 ? !is_on : (ask & PROF_ASK_ON) != 0;
    uint64_t period = ask >> PROF_ASK_SHIFT;
    if (!wanted) {
        prof_stop();
    } else if (!prof_start(period != 0 ? period : tunables.prof_period)) {
        print_stderr("liballoc: profile: no memory for its tables\n");
    }
}

/*
 * From kill(1) it toggles; a value that came with sigqueue(3) says what is
 * wanted (layout/prof.h).
 */
static void on_signal(int signal, siginfo_t *info, void *context)
{
    uint64_t ask = PROF_ASK_TOGGLE;
    int saved = errno;

    (void)signal;
    (void)context;
    if (info->si_code == SI_QUEUE)
        ask = (uint64_t)(uintptr_t)info->si_value.sival_ptr;
    /* release: pairs with the exchange in obey() */
    store_release(&asked, ask);
    if (!registry_is_busy())
        obey();
    errno = saved;
}

/* False: the signal is somebody else's, or cannot be caught. */
static bool catch_signal(int number)
{
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags =
                                   SA_RESTART | SA_ONSTACK | SA_SIGINFO};
    struct sigaction old;

    if (sigaction(number, NULL, &old) != 0 || old.sa_handler != SIG_DFL)
        return false;
    return sigaction(number, &action, NULL) == 0;
}

void prof_init(void)
{
    int number = (int)tunables.prof_signal;

    if (watcher != NULL || (tunables.prof == 0 && number == 0))
        return;
    (void)unwind_init();
    heap_duty = obey;
    if (number != 0 && !os_is_secure() && !catch_signal(number)) {
        print_stderr("liballoc: prof_signal:%d: the signal is taken or cannot "
                     "be caught, ignored\n",
                     number);
    }
    if (tunables.prof != 0 && !prof_start(tunables.prof_period))
        print_stderr("liballoc: profile: no memory for its tables\n");
}
