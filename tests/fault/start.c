/* SPDX-License-Identifier: MIT */
/*
 * The start of the library under faults: a program each, whose first code of
 * its own, before any constructor, sets the fault that FAULT_AT describes.
 */
#define TEST_NO_MAIN
#include "every_call.h"
#include "workload.h"

/* FAULT_AT=CALL,N,ALL */
static void set_fault(int argc, char **argv, char **env)
{
    static const char name[] = "FAULT_AT=";

    (void)argc;
    (void)argv;
    for (; *env != NULL; env++) {
        unsigned call;
        int all;
        if (strncmp(*env, name, sizeof(name) - 1) == 0 &&
            sscanf(*env + sizeof(name) - 1, "%u,%zu,%d", &call, &os_fault.at,
                   &all) == 3) {
            os_fault.call = (enum os_call)call;
            os_fault.all_after = all != 0;
        }
    }
}

__attribute__((section(".preinit_array"),
               used)) static void (*const before_all)(int argc, char **argv,
                                                      char **env) = set_fault;

/* The library has started, or not; it must work when it can. */
int start_run(void)
{
    bool was_reached = os_fault.seen >= os_fault.at;
    bool all_after = os_fault.all_after;

    alarm(30);
    kernel_is_generous = false;
    give(take(100));
    give(take(100000));
    give(take(10000000));
    totals->was_reached = was_reached;
    if (was_reached) {
        totals->failed_calls += all_after ? os_fault.seen - os_fault.at + 1 : 1;
    }
    os_fault = (struct os_fault){.at = 0};
    kernel_is_generous = true;
    for (size_t i = 0; i < 3; i++) {
        workloads[i].run();
    }
    return atomic_load(&test_state.failures) == 0 ? 0 : 1;
}

static bool start_one(const char *program, const struct os_fault *fault)
{
    char *argv[] = {(char[]){"every_call"}, (char[]){"--start"}, NULL};
    char text[64];

    snprintf(text, sizeof(text), "%d,%zu,%d", (int)fault->call, fault->at,
             fault->all_after);
    setenv("FAULT_AT", text, 1);
    totals->was_reached = false;
    pid_t child = fork();
    if (child == 0) {
        execv(program, argv);
        _exit(127);
    }
    bool fine = run_succeeded(child, "start", fault);
    totals->runs++;
    return fine && totals->was_reached;
}

void sweep_start(const char *program)
{
    size_t runs = totals->runs;
    size_t failed = totals->failed_calls;

    for (int call = 0; call <= OS_NCALLS; call++) {
        for (int all_after = 0; all_after < 2; all_after++) {
            struct os_fault fault = {.call = (enum os_call)call,
                                     .all_after = all_after != 0};
            do {
                fault.at++;
            } while (start_one(program, &fault));
        }
    }
    unsetenv("FAULT_AT");
    test_print(STDOUT_FILENO, "  %-24s %6zu runs, %7zu calls failed\n",
               "start of the library", totals->runs - runs,
               totals->failed_calls - failed);
}
