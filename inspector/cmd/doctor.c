/* SPDX-License-Identifier: MIT */
/* Why a process cannot be read, and the ways round. */
#include "cmd/cmd.h"
#include "kernel/gates.h"
#include "kernel/pagemap.h"

#include <string.h>
#include <unistd.h>

enum { COL_GATE, COL_STATE, COL_DETAIL, COLUMNS };

static const struct column columns[COLUMNS] = {
    [COL_GATE] = {"GATE", "gate", COLUMN_TEXT, false,
                  "a check that the kernel makes"},
    [COL_STATE] = {"STATE", "state", COLUMN_TEXT, false,
                   "open; shut: this is what is in the way; unknown"},
    [COL_DETAIL] = {"DETAIL", "detail", COLUMN_TEXT, false, "what was found"},
};

static const char *const states[] = {
    [GATE_OPEN] = "open",
    [GATE_SHUT] = "shut",
    [GATE_UNKNOWN] = "unknown",
};

static bool is_shut(const struct gate *gates, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(gates[i].name, name) == 0)
            return gates[i].state == GATE_SHUT;
    }
    return false;
}

static void advise(struct output *output, const struct gate *gates,
                   size_t count)
{
    if (is_shut(gates, count, "exists"))
        return;
    output_advise(output, "run heapinspect as root, or as its user; or give "
                          "it the right alone: setcap cap_sys_ptrace=ep "
                          "heapinspect");
    output_advise(output, "let the process open the door itself: "
                          "prctl(PR_SET_PTRACER, ...) under Yama, "
                          "prctl(PR_SET_DUMPABLE, 1)");
    output_advise(output, "look at a file instead: a core, or a snapshot "
                          "taken by whoever may (heapinspect snap)");
}

static bool take_pid(const char *text, pid_t *pid)
{
    uint64_t number;

    if (strcmp(text, "self") == 0) {
        *pid = getpid();
        return true;
    }
    if (!parse_number(text, &number) || number == 0 || number > 0x7fffffff)
        return false;
    *pid = (pid_t)number;
    return true;
}

static enum status run(struct context *context)
{
    struct gate gates[GATES_MAX];
    pid_t pid;

    if (context->argc != 1 || !take_pid(context->argv[0], &pid)) {
        return fail(context->failure, STATUS_USAGE, "doctor: a PID is needed");
    }
    struct table *table =
        table_begin(context->output, "gates", columns, COLUMNS);
    size_t count = gates_look(pid, gates);
    for (size_t i = 0; i < count && table != NULL; i++) {
        const struct value row[COLUMNS] = {value_text(gates[i].name),
                                           value_text(states[gates[i].state]),
                                           value_text(gates[i].detail)};
        (void)table_row(table, row);
    }
    enum status status = table_end(table);
    if (status != STATUS_FINE)
        return status;
    if (!pagemap_scan_works()) {
        output_advise(context->output, "PAGEMAP_SCAN does not work here: "
                                       "residency is read from pagemap");
    }
    if (is_shut(gates, count, "exists"))
        return STATUS_GONE;
    if (!is_shut(gates, count, "read"))
        return STATUS_FINE;
    advise(context->output, gates, count);
    return STATUS_PERMISSION;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .arguments = "PID",
    .summary = "what keeps us from reading a process, and the ways round",
    .example = "heapinspect doctor 1234",
    .flags = COMMAND_NO_TARGET,
    .run = run,
};
