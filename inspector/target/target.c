/* SPDX-License-Identifier: MIT */
/* Opens targets, and keeps what was asked of them. */
#include "target/backend.h"

#include "memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

double now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* A decimal PID; 0: it is none. */
static pid_t pid_of(const char *name)
{
    char *end;

    errno = 0;
    long pid = strtol(name, &end, 10);
    if (errno != 0 || *end != '\0' || pid <= 0 || pid > 0x7fffffff ||
        *name < '0' || *name > '9')
        return 0;
    return (pid_t)pid;
}

static bool is_file(const char *name)
{
    struct stat stat_of;

    return strcmp(name, "-") == 0 || strchr(name, '/') != NULL ||
           (stat(name, &stat_of) == 0 && !S_ISDIR(stat_of.st_mode));
}

static bool open_kind(struct target *target, const char *name,
                      struct failure *failure)
{
    pid_t pid = pid_of(name);

    if (strcmp(name, "self") == 0)
        pid = getpid();
    if (strncmp(name, "name:", 5) == 0) {
        pid = process_by_name(name + 5, failure);
    } else if (pid == 0 && is_file(name)) {
        return elf_core_open(target, name, failure);
    } else if (pid == 0) {
        pid = process_by_name(name, failure);
    }
    return pid != 0 && process_open(target, pid, failure);
}

struct target *target_open(const char *name,
                           const struct target_options *options,
                           struct failure *failure)
{
    struct target *target = xcalloc(1, sizeof *target);

    target->mode = options->mode;
    target->name = xstrdup(name);
    target->page_size = (size_t)sysconf(_SC_PAGESIZE);
    if (!open_kind(target, name, failure)) {
        target_close(target);
        return NULL;
    }
    root_find(target);
    return target;
}

/* All that was read, but for warnings. */
static void forget(struct target *target)
{
    far_forget(target);
    while (target->proc != NULL) {
        struct proc_text *next = target->proc->next;
        free(target->proc->file);
        free(target->proc->text);
        free(target->proc);
        target->proc = next;
    }
    free(target->vmas);
    free(target->vma_names);
    target->vmas = NULL;
    target->vma_names = NULL;
    target->nvmas = 0;
    target->vmas_loaded = false;
    target->vmas_with_use = false;
}

void target_close(struct target *target)
{
    if (target == NULL)
        return;
    while (target->held > 0)
        target_release(target);
    forget(target);
    if (target->backend != NULL)
        target->backend->close(target);
    for (size_t i = 0; i < target->nwarnings; i++)
        free(target->warnings[i]);
    free(target->types);
    free(target->fields);
    free(target->matched);
    free(target->window.bytes);
    free(target->mapped.all);
    free(target->name);
    free(target);
}

bool target_has_ended(struct target *target)
{
    return target->kind == TARGET_PROCESS &&
           !target->backend->refresh(target, NULL);
}

bool target_refresh(struct target *target, struct failure *failure)
{
    if (!target->backend->refresh(target, failure))
        return false;
    forget(target);
    while (target->nwarnings > 0)
        free(target->warnings[--target->nwarnings]);
    root_find(target);
    return true;
}

enum target_kind target_kind(const struct target *target)
{
    return target->kind;
}

enum target_mode target_mode(const struct target *target)
{
    return target->mode;
}

pid_t target_pid(const struct target *target)
{
    return target->pid;
}

const char *target_name(const struct target *target)
{
    return target->name;
}

const char *target_program(const struct target *target)
{
    return target->program;
}

bool target_is_incomplete(const struct target *target)
{
    return target->incomplete;
}

const struct heap_root *target_root(const struct target *target)
{
    return target->root_address != 0 ? &target->root : NULL;
}

uintptr_t target_root_address(const struct target *target)
{
    return target->root_address;
}

const struct failure *target_why_rootless(const struct target *target)
{
    return &target->rootless;
}

size_t target_page_size(const struct target *target)
{
    return target->page_size;
}

bool target_hold(struct target *target, struct failure *failure)
{
    if (target->mode != MODE_STOP || target->held++ > 0)
        return true;
    target->held_since_ms = now_ms();
    if (!target->backend->hold(target, failure)) {
        target->held = 0;
        return false;
    }
    far_forget(target);
    return true;
}

void target_release(struct target *target)
{
    if (target->held == 0 || --target->held > 0)
        return;
    double until = target->backend->release(target);
    target->stop_ms += until - target->held_since_ms;
}

double target_stop_ms(const struct target *target)
{
    double now = target->held > 0 ? now_ms() - target->held_since_ms : 0;

    return target->stop_ms + now;
}

static const struct vma *load_vmas(struct target *target, bool use,
                                   size_t *count)
{
    if (!target->vmas_loaded || (use && !target->vmas_with_use)) {
        free(target->vmas);
        free(target->vma_names);
        target->vmas = NULL;
        target->vma_names = NULL;
        target->nvmas = 0;
        target->vmas_loaded = true;
        target->vmas_with_use = use;
        if (!target->backend->load_vmas(target, use))
            target_warn(target, "the mappings are not readable");
    }
    *count = target->nvmas;
    return target->vmas;
}

const struct vma *target_vmas(struct target *target, size_t *count)
{
    return load_vmas(target, true, count);
}

const struct vma *target_maps(struct target *target, size_t *count)
{
    return load_vmas(target, false, count);
}

const struct vma *target_vma_at(struct target *target, uintptr_t address)
{
    size_t count;
    const struct vma *vmas = target_vmas(target, &count);
    size_t low = 0;

    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (address >= vmas[middle].end) {
            low = middle + 1;
        } else if (address < vmas[middle].start) {
            count = middle;
        } else {
            return &vmas[middle];
        }
    }
    return NULL;
}

bool target_residency(struct target *target, uintptr_t address, size_t count,
                      uint8_t *out)
{
    memset(out, 0, count);
    return target->backend->residency(target, address, count, out);
}

const char *target_proc(struct target *target, const char *file)
{
    struct proc_text *kept = target->proc;

    while (kept != NULL && strcmp(kept->file, file) != 0)
        kept = kept->next;
    if (kept == NULL) {
        kept = xcalloc(1, sizeof *kept);
        kept->file = xstrdup(file);
        kept->text = target->backend->proc(target, file);
        kept->next = target->proc;
        target->proc = kept;
    }
    return kept->text;
}

void target_warn(struct target *target, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < target->nwarnings; i++) {
        if (strcmp(target->warnings[i], text) == 0)
            return;
    }
    if (target->nwarnings == WARNINGS_MAX)
        return;
    bool is_last = target->nwarnings == WARNINGS_MAX - 1;
    target->warnings[target->nwarnings++] =
        xstrdup(is_last ? "more warnings: not kept" : text);
}

const char *const *target_warnings(const struct target *target, size_t *count)
{
    *count = target->nwarnings;
    return (const char *const *)target->warnings;
}
