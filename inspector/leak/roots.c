/* SPDX-License-Identifier: MIT */
#include "leak/roots.h"

#include "kernel/regions.h"
#include "memory.h"
#include "snapshot/internal.h" /* metadata_each(): what is the allocator's */

#include <stdlib.h>
#include <string.h>

const char *const root_kind_names[] = {
    [ROOT_REGISTER] = "register", [ROOT_STACK] = "stack",
    [ROOT_DATA] = "data",         [ROOT_MAPPING] = "mapping",
    [ROOT_CODE] = "code",         [ROOT_DAMAGED] = "damaged",
};

enum { RED_ZONE = 128 }; /* below sp, of leaf functions */

struct stretch_list {
    struct segment *all;
    size_t count;
};

struct finder {
    struct roots *roots;
    struct target *target;
    struct stretch_list out; /* no roots: sorted, may overlap */
    const struct vma *vma;   /* that is looked at */
    uintptr_t from;          /* of it, what comes next */
    bool orphans;            /* no stack is known to be out of use */
};

static void leave_out(struct finder *finder, uintptr_t start, uintptr_t end)
{
    struct stretch_list *out = &finder->out;

    if (start >= end)
        return;
    out->all = xgrow(out->all, out->count, sizeof *out->all);
    out->all[out->count++] = (struct segment){start, end};
}

static void leave_out_metadata(void *data, uintptr_t start, size_t size)
{
    leave_out(data, start, start + size);
}

static int by_start(const void *left, const void *right)
{
    const struct segment *a = left;
    const struct segment *b = right;

    return (a->start > b->start) - (a->start < b->start);
}

/*
 * What the allocator manages, and its tables.  Other data of its library is
 * as the program's: it leads to no block of the program, and it may lie in the
 * program itself.
 */
static void find_ours(struct finder *finder, const struct model *model)
{
    struct regions regions;

    regions_find(model, &regions);
    for (size_t i = 0; i < regions.count; i++) {
        const struct region *it = &regions.all[i];
        if (it->kind != REGION_IMAGE)
            leave_out(finder, it->start, it->end);
    }
    regions_free(&regions);
    metadata_each(model, leave_out_metadata, finder);
    if (finder->out.count > 1) {
        qsort(finder->out.all, finder->out.count, sizeof *finder->out.all,
              by_start);
    }
}

static void add(struct roots *roots, uintptr_t start, uintptr_t end,
                enum root_kind kind, pid_t tid, const char *name)
{
    if (start >= end)
        return;
    roots->all = xgrow(roots->all, roots->count, sizeof *roots->all);
    roots->all[roots->count++] = (struct root){start, end, kind, tid, name};
    roots->bytes += end - start;
}

/* [start, end) without what is the allocator's. */
static void add_cut(struct finder *finder, uintptr_t start, uintptr_t end,
                    enum root_kind kind, pid_t tid)
{
    const char *name = finder->vma->name;

    for (size_t i = 0; i < finder->out.count && start < end; i++) {
        const struct segment *it = &finder->out.all[i];
        if (it->end <= start)
            continue;
        if (it->start >= end)
            break;
        add(finder->roots, start, it->start, kind, tid, name);
        start = it->end;
    }
    add(finder->roots, start, end, kind, tid, name);
}

/* May hold pointers that the program wrote.  Of files that a core leaves out
   nobody wrote any. */
static bool is_candidate(const struct vma *vma)
{
    bool touched = vma->anonymous > 0 || vma->swap > 0;

    if (vma->prot[0] != 'r' || strcmp(vma->name, "[vvar]") == 0 ||
        strcmp(vma->name, "[vdso]") == 0 ||
        strcmp(vma->name, "[vvar_vclock]") == 0)
        return false;
    if (vma->prot[1] == 'w')
        return true;
    return vma->has_use ? touched : vma->prot[2] != 'x';
}

/*
 * Does its stack pointer tell where the live part of the mapping begins?  If
 * it is a stack and nothing else: below it is a guard.
 */
static bool begins_with_guard(struct finder *finder, const struct vma *vma,
                              const struct vma *before)
{
    bool adjacent = before != NULL && before->end == vma->start;
    bool is_file = target_kind(finder->target) != TARGET_PROCESS;

    if (strcmp(vma->name, "[stack]") == 0)
        return true;
    if (!adjacent)
        return is_file; /* gcore leaves guards out, ... */
    /* ... but writes those that were once touched, as if they were readable. */
    if (is_file && before->name[0] == '\0' && before->prot[1] != 'w')
        return true;
    return before->prot[0] != 'r' && before->prot[1] != 'w';
}

/* The thread whose stack pointer lies deepest in the mapping. */
static const struct target_thread *thread_of(const struct roots *roots,
                                             const struct vma *vma)
{
    const struct target_thread *found = NULL;

    for (size_t i = 0; i < roots->nthreads; i++) {
        const struct target_thread *it = &roots->threads[i];
        if (it->known && it->sp >= vma->start && it->sp < vma->end &&
            (found == NULL || it->sp < found->sp))
            found = it;
    }
    return found;
}

/* A thread that has ended: of its control block, only the way to its TLS
   blocks, which glibc keeps for the next thread. */
static void take_dead(void *data, uintptr_t end, uintptr_t block)
{
    struct finder *finder = data;

    finder->roots->ended++;
    add(finder->roots, block + 8, block + 16, ROOT_STACK, 0, finder->vma->name);
    finder->from = end;
}

/* In the child of a fork: the parent's other threads left their stacks. */
static bool has_orphans(const struct model *model)
{
    for (size_t i = 0; i < model->nheaps; i++) {
        if (model->heaps[i].heap.state == HEAP_ORPHAN)
            return true;
    }
    return false;
}

static void take_vma(struct finder *finder, const struct vma *vma,
                     const struct vma *before)
{
    const struct target_thread *thread = thread_of(finder->roots, vma);
    bool is_stack = begins_with_guard(finder, vma, before);
    enum root_kind kind = vma->prot[2] == 'x'   ? ROOT_CODE
                          : vma->name[0] == '/' ? ROOT_DATA
                                                : ROOT_MAPPING;

    finder->vma = vma;
    finder->from = vma->start;
    if (thread != NULL && is_stack) {
        uintptr_t live = (thread->sp - RED_ZONE) & ~(uintptr_t)7;
        live = live > vma->start ? live : vma->start;
        add_cut(finder, live, vma->end, ROOT_STACK, thread->tid);
        return;
    }
    if (is_stack && vma->prot[1] == 'w' && vma->name[0] == '\0' &&
        finder->roots->unknown == 0 && !finder->orphans) {
        (void)stacks_find_dead(finder->target, vma->start, vma->end,
                               finder->roots->threads, finder->roots->nthreads,
                               take_dead, finder);
    }
    add_cut(finder, finder->from, vma->end, kind, 0);
}

static int by_root(const void *left, const void *right)
{
    const struct root *a = left;
    const struct root *b = right;

    return (a->start > b->start) - (a->start < b->start);
}

static void add_registers(struct roots *roots)
{
    for (size_t i = 0; i < roots->nthreads; i++) {
        const struct target_thread *it = &roots->threads[i];
        uintptr_t start = ROOT_REGISTERS + i * sizeof it->words;
        roots->unknown += !it->known;
        add(roots, start, start + it->nwords * sizeof it->words[0],
            ROOT_REGISTER, it->tid, "");
    }
}

void roots_find(const struct model *model, struct roots *roots)
{
    struct finder finder = {
        .roots = roots, .target = model->target, .orphans = has_orphans(model)};
    size_t count;
    const struct vma *vmas = target_vmas(model->target, &count);

    *roots = (struct roots){0};
    roots->threads = target_threads(model->target, &roots->nthreads);
    add_registers(roots);
    if (roots->nthreads == 0)
        roots->unknown = 1;
    find_ours(&finder, model);
    for (size_t i = 0; i < count; i++) {
        if (is_candidate(&vmas[i]))
            take_vma(&finder, &vmas[i], i > 0 ? &vmas[i - 1] : NULL);
    }
    free(finder.out.all);
    qsort(roots->all, roots->count, sizeof *roots->all, by_root);
}

void roots_free(struct roots *roots)
{
    free(roots->all);
    free(roots->threads);
    *roots = (struct roots){0};
}

void roots_add_damaged(void *data, uintptr_t start, size_t size)
{
    add(data, start, start + size, ROOT_DAMAGED, 0, "");
}

static void mark_registers(const struct target_thread *thread, uintptr_t slot,
                           struct reach *reach)
{
    for (size_t i = 0; i < thread->nwords; i++)
        reach_word(reach, thread->words[i], slot + i * sizeof(uint64_t));
}

void roots_mark(const struct roots *roots, struct reach *reach)
{
    for (size_t i = 0; i < roots->count; i++) {
        const struct root *root = &roots->all[i];
        if (root->kind == ROOT_REGISTER) {
            size_t thread =
                (root->start - ROOT_REGISTERS) / sizeof roots->threads[0].words;
            mark_registers(&roots->threads[thread], root->start, reach);
        } else {
            reach->unaligned = root->kind == ROOT_CODE;
            reach_range(reach, root->start, root->end - root->start);
            reach->unaligned = false;
        }
    }
}

const struct root *roots_at(const struct roots *roots, uintptr_t slot)
{
    for (size_t i = 0; i < roots->count; i++) {
        const struct root *root = &roots->all[i];
        if (slot >= root->start && slot < root->end)
            return root;
    }
    return NULL;
}
