/* SPDX-License-Identifier: MIT */
/*
 * prof PID on|off: by the signal that the process chose (prof_signal), with
 * the wish in its value; then waits until the process obeyed.
 */
#include "cmd/prof.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_MS = 3000,
    STEP_MS = 10,
};

/* Signals end who does not expect them: only one that says it does. */
static int find_signal(struct context *context)
{
    struct model model = {.target = context->target};
    size_t number = 0;

    if (!model_tunable(&model, "prof_signal", &number) || number == 0) {
        (void)fail(context->failure, STATUS_USAGE,
                   "the process takes no signal for it: start it with "
                   "LIBALLOC_CONF=prof_signal:12, or have it call "
                   "liballoc_prof_start()");
        return 0;
    }
    if (number > 64) {
        (void)fail(context->failure, STATUS_INCOMPLETE,
                   "prof_signal is %zu: no signal", number);
        return 0;
    }
    return (int)number;
}

static bool is_same_user(const struct target *target)
{
    char path[40];
    struct stat stat_of;

    (void)snprintf(path, sizeof path, "/proc/%d", (int)target_pid(target));
    return stat(path, &stat_of) == 0 && stat_of.st_uid == geteuid();
}

static bool send_wish(struct context *context, int number, uint64_t wish)
{
    union sigval value = {.sival_ptr = (void *)(uintptr_t)wish};
    pid_t pid = target_pid(context->target);

    if (sigqueue(pid, number, value) == 0)
        return true;
    (void)fail(context->failure,
               errno == EPERM ? STATUS_PERMISSION : STATUS_GONE,
               "signal %d cannot be sent to process %d", number, (int)pid);
    return false;
}

/* The period in force; 0: off.  False: not readable. */
static bool read_state(struct target *target, uint64_t *period)
{
    struct prof prof;

    far_forget(target);
    if (!far_struct(target, TYPE_ID_prof,
                    FAR_ADDRESS(target_root(target)->prof), &prof))
        return false;
    *period = prof.active != 0 ? prof.period : 0;
    return true;
}

static bool wait_for(struct context *context, bool on, uint64_t wanted,
                     uint64_t *period)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000};

    for (unsigned ms = 0; ms < WAIT_MS; ms += STEP_MS) {
        if (read_state(context->target, period) && (*period != 0) == on &&
            (wanted == 0 || !on || *period == wanted))
            return true;
        (void)nanosleep(&step, NULL);
    }
    return false;
}

static enum status refuse(struct context *context)
{
    if (target_kind(context->target) != TARGET_PROCESS) {
        return fail(context->failure, STATUS_USAGE,
                    "only a process can be switched");
    }
    if (FAR_ADDRESS(target_root(context->target)->prof) == 0) {
        return fail(context->failure, STATUS_UNSUPPORTED,
                    "this liballoc has no profile");
    }
    if (!is_same_user(context->target)) {
        return fail(context->failure, STATUS_PERMISSION,
                    "process %d is another user's: its profile is switched "
                    "by that user alone",
                    (int)target_pid(context->target));
    }
    return STATUS_FINE;
}

enum status prof_switch(struct context *context)
{
    bool on = strcmp(context->argv[0], "on") == 0;
    uint64_t period = 0;
    uint64_t now = 0;

    if (context->argc > (on ? 2 : 1) ||
        (context->argc == 2 && (!parse_number(context->argv[1], &period) ||
                                period == 0 || period > PROF_PERIOD_MAX))) {
        return fail(context->failure, STATUS_USAGE,
                    "prof PID on [PERIOD]: bytes, at most 1 TiB; prof PID "
                    "off");
    }
    enum status status = refuse(context);
    int number = status == STATUS_FINE ? find_signal(context) : 0;
    uint64_t wish = (on ? PROF_ASK_ON : PROF_ASK_OFF) | period
                                                            << PROF_ASK_SHIFT;
    if (number == 0 || !send_wish(context, number, wish))
        return context->failure->status;
    if (!wait_for(context, on, period, &now)) {
        if (!target_refresh(context->target, context->failure))
            return context->failure->status;
        return fail(context->failure, STATUS_INCOMPLETE,
                    "process %d did not obey within %d s: it may block "
                    "signal %d",
                    (int)target_pid(context->target), WAIT_MS / 1000, number);
    }
    struct summary *summary = summary_begin(context->output, "profile");
    summary_add(summary, "active", COLUMN_COUNT, value_number(on),
                on ? "samples are taken: heapinspect prof PID shows them"
                   : "no more samples are taken; those there stay");
    summary_add(summary, "period", COLUMN_BYTES,
                on ? value_number(now) : value_unknown(),
                "allocated between two samples, on average");
    return summary_end(summary);
}
