/* SPDX-License-Identifier: MIT */
#include "target/threads.h"

#include "memory.h"
#include "target/elf_core.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

enum {
    PRSTATUS_PID = 32,
    PRSTATUS_REGISTERS = 112, /* the same on all 64-bit machines ... */
    PRSTATUS_TAIL = 8,        /* ... and so is what follows them */
    VECTOR_WORDS = 64,        /* x86-64: FXSAVE; aarch64: V0 to V31 */
    THREADS_MAX = 1 << 20,
#if defined(__x86_64__)
    GENERAL_WORDS = 27,
    SYSCALL_WORD = 15, /* orig_rax: -1 = not in a system call */
    SP_WORD = 19,
    TP_WORD = 21, /* fs_base */
#else
    GENERAL_WORDS = 34,
    SP_WORD = 31,
#endif
};
_Static_assert(GENERAL_WORDS + VECTOR_WORDS <= THREAD_WORDS, "they fit");

static void take_general(struct target_thread *thread, size_t size)
{
    thread->known = size >= GENERAL_WORDS * sizeof thread->words[0] &&
                    thread->words[SP_WORD] != 0;
    if (!thread->known) {
        thread->nwords = 0;
        return;
    }
    thread->nwords = GENERAL_WORDS;
    thread->sp = thread->words[SP_WORD];
#if defined(__x86_64__)
    thread->tp = thread->words[TP_WORD];
#endif
}

/*
 * In a system call they are left over: it is libc that called, and the ABI
 * keeps no vector register over calls.
 */
static bool has_vectors(const struct target_thread *thread)
{
#if defined(__x86_64__)
    return thread->known && (int64_t)thread->words[SYSCALL_WORD] < 0;
#else
    return thread->known;
#endif
}

static void read_registers(struct target_thread *thread)
{
    struct iovec set = {thread->words, sizeof thread->words};

    if (ptrace(PTRACE_GETREGSET, thread->tid, NT_PRSTATUS, &set) != 0)
        return;
    take_general(thread, set.iov_len);
    set.iov_base = thread->words + thread->nwords;
    set.iov_len = VECTOR_WORDS * sizeof thread->words[0];
    if (has_vectors(thread) &&
        ptrace(PTRACE_GETREGSET, thread->tid, NT_PRFPREG, &set) == 0)
        thread->nwords += set.iov_len / sizeof thread->words[0];
#if !defined(__x86_64__)
    set = (struct iovec){&thread->tp, sizeof thread->tp};
    (void)ptrace(PTRACE_GETREGSET, thread->tid, NT_ARM_TLS, &set);
#endif
}

static struct target_thread *add(struct target_thread **all, size_t *count)
{
    *all = xgrow(*all, *count, sizeof **all);
    memset(&(*all)[*count], 0, sizeof **all);
    return &(*all)[(*count)++];
}

static struct target_thread *of_process(pid_t pid, size_t *count)
{
    struct target_thread *all = NULL;
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return NULL;
    for (const struct dirent *entry;;) {
        entry = readdir(tasks); /* NOLINT(concurrency-mt-unsafe) */
        if (entry == NULL)
            break;
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid <= 0)
            continue;
        struct target_thread *thread = add(&all, count);
        thread->tid = tid;
        read_registers(thread);
    }
    (void)closedir(tasks);
    return all;
}

static void take_prstatus(struct target_thread *thread, const uint8_t *desc,
                          size_t size)
{
    if (size < PRSTATUS_REGISTERS + PRSTATUS_TAIL)
        return;
    memcpy(&thread->tid, desc + PRSTATUS_PID, sizeof thread->tid);
    size -= PRSTATUS_REGISTERS + PRSTATUS_TAIL;
    if (size > sizeof thread->words)
        size = sizeof thread->words;
    memcpy(thread->words, desc + PRSTATUS_REGISTERS, size);
    take_general(thread, size);
}

/* Vector registers come behind the general ones of their thread. */
static void take_vectors(struct target_thread *thread, const uint8_t *desc,
                         size_t size)
{
    size_t most = VECTOR_WORDS * sizeof thread->words[0];

    if (!has_vectors(thread) || thread->nwords != GENERAL_WORDS)
        return;
    size = size < most ? size : most;
    memcpy(thread->words + thread->nwords, desc, size);
    thread->nwords += size / sizeof thread->words[0];
}

static void take_notes(const struct core_stretch *notes,
                       struct target_thread **all, size_t *count)
{
    Elf64_Nhdr note;

    for (size_t at = 0; at + sizeof note <= notes->size;) {
        memcpy(&note, notes->bytes + at, sizeof note);
        size_t name = at + sizeof note;
        size_t desc = name + (((size_t)note.n_namesz + 3) & ~(size_t)3);
        size_t end = desc + note.n_descsz;
        if (end > notes->size || *count >= THREADS_MAX)
            return;
        bool core = note.n_namesz == sizeof "CORE" &&
                    memcmp(notes->bytes + name, "CORE", sizeof "CORE") == 0;
        if (core && note.n_type == NT_PRSTATUS) {
            take_prstatus(add(all, count), notes->bytes + desc, note.n_descsz);
        } else if (core && note.n_type == NT_PRFPREG && *count > 0) {
            take_vectors(&(*all)[*count - 1], notes->bytes + desc,
                         note.n_descsz);
        }
        at = (end + 3) & ~(size_t)3;
    }
}

struct target_thread *target_threads(struct target *target, size_t *count)
{
    struct target_thread *all = NULL;
    const struct elf_core *core = target->state;

    *count = 0;
    if (target->kind == TARGET_PROCESS)
        return target->held > 0 ? of_process(target->pid, count) : NULL;
    for (size_t i = 0; i < core->nnotes; i++)
        take_notes(&core->notes[i], &all, count);
    return all;
}

bool target_has_content(const struct target *target)
{
    const struct elf_core *core = target->state;

    return target->kind != TARGET_SNAPSHOT ||
           (core->snapshot.flags & SNAPSHOT_CONTENT) != 0;
}
