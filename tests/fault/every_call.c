/* SPDX-License-Identifier: MIT */
/*
 * Fault at every call: the n-th mmap, munmap, mremap, mprotect, madvise, brk
 * or call of any kind of a workload fails, alone or with all that follow, for
 * every n that the workload reaches.  Linked with liballoc's objects, whose
 * fault injection it sets (os/os_mem.h), and so with the entries and their
 * errno.
 *
 *   every_call             a sample in default, classic, hardened mode: CI
 *   TEST_SCALE=2 every_call  ten configurations, above 20 000 runs: the soak
 *   every_call CONF        the configuration of one LIBALLOC_CONF
 *
 * Each run is a forked child: the workload under the fault, the workload
 * again without, then nothing may be left: live bytes as after two runs
 * without a fault, and not more mappings.  The start of the library is swept
 * by programs of their own (start.c).
 */
#define TEST_NO_MAIN
#include "every_call.h"

#include "arena/segment.h"
#include "heap/registry.h"
#include "workload.h"

#include <fcntl.h>
#include <sys/mman.h>

enum {
    CHILD_SECONDS = 30,
    SAMPLE_ALL = 2,   /* not in the soak: each of the first, then */
    SAMPLE_STEP = 90, /* every 90th */
    LIVE_SPARE = 64,  /* hardened mode samples at random */
    VMAS_SPARE = 16,  /* mappings kept for reuse, split by what failed */
};

struct totals *totals;
static bool is_soak;

static const char *const call_names[OS_NCALLS + 1] = {
    "mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "call"};

/* Lines of /proc/self/maps, without a malloc. */
static size_t count_vmas(void)
{
    static char text[65536];
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t lines = 0;

    for (;;) {
        ssize_t got = read(fd, text, sizeof(text));
        if (got <= 0) {
            break;
        }
        for (ssize_t i = 0; i < got; i++) {
            lines += text[i] == '\n';
        }
    }
    close(fd);
    return lines;
}

static void count_segment(struct arena *arena, struct segment segment,
                          void *data)
{
    (void)arena;
    (void)segment;
    ++*(size_t *)data;
}

static void count_segments(struct heap *heap, void *data)
{
    segment_walk(&heap->arena, count_segment, data);
}

/*
 * What the program holds, and in how many mappings, when all is trimmed.  A
 * closing header for each segment of an arena counts as in use: how many
 * segments there are depends on what failed.
 */
static void measure(size_t *live, size_t *vmas)
{
    size_t segments = 0;

    malloc_trim(0);
    struct mallinfo2 info = mallinfo2();
    registry_walk(count_segments, &segments);
    *live = info.uordblks + info.hblkhd - segments * CHUNK_HEADER;
    *vmas = count_vmas();
}

/* In a child: twice without a fault, for comparison. */
static void reference_run(const struct workload *workload)
{
    alarm(CHILD_SECONDS);
    workload->run();
    workload->run();
    measure(&totals->live, &totals->vmas);
}

static void faulted_run(const struct workload *workload,
                        const struct os_fault *fault)
{
    size_t live;
    size_t vmas;

    alarm(CHILD_SECONDS);
    kernel_is_generous = false;
    os_fault = *fault;
    workload->run();
    size_t seen = os_fault.seen;
    os_fault = (struct os_fault){.at = 0};
    kernel_is_generous = true;
    totals->was_reached = seen >= fault->at;
    if (totals->was_reached) {
        totals->failed_calls += fault->all_after ? seen - fault->at + 1 : 1;
    }
    workload->run();
    measure(&live, &vmas);
    if (live > totals->live + LIVE_SPARE || live + LIVE_SPARE < totals->live) {
        TEST_FAILED("%zu bytes live, %zu expected", live, totals->live);
    }
    if (vmas > totals->vmas + VMAS_SPARE) {
        TEST_FAILED("%zu mappings, %zu expected", vmas, totals->vmas);
    }
}

bool run_succeeded(pid_t child, const char *name, const struct os_fault *fault)
{
    int status = -1;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status == 0) {
        return true;
    }
    totals->failures++;
    test_print(STDOUT_FILENO, "FAIL %s, %s %zu%s: wait status %#x\n", name,
               call_names[fault->call], fault->at,
               fault->all_after ? " and all after" : "", (unsigned)status);
    return false;
}

/* False when the workload ends before call number `at`. */
static bool sweep_one(const struct workload *workload,
                      const struct os_fault *fault)
{
    totals->was_reached = false;
    pid_t child = fork();
    if (child == 0) {
        if (fault->at == 0) {
            reference_run(workload);
        } else {
            faulted_run(workload, fault);
        }
        _exit(atomic_load(&test_state.failures) == 0 ? 0 : 1);
    }
    bool fine = run_succeeded(child, workload->name, fault);
    totals->runs++;
    return (fine && totals->was_reached) || (!fine && fault->at < 500);
}

static void sweep_workload(const struct workload *workload)
{
    size_t runs = totals->runs;
    size_t failed = totals->failed_calls;
    struct os_fault fault = {.at = 0};

    sweep_one(workload, &fault);
    for (int call = 0; call <= OS_NCALLS; call++) {
        for (int all_after = 0; all_after < 2; all_after++) {
            fault = (struct os_fault){.call = (enum os_call)call,
                                      .all_after = all_after != 0};
            do {
                fault.at += is_soak || fault.at < SAMPLE_ALL ? 1 : SAMPLE_STEP;
            } while (sweep_one(workload, &fault) && totals->failures < 20);
        }
    }
    test_print(STDOUT_FILENO, "  %-24s %6zu runs, %7zu calls failed\n",
               workload->name, totals->runs - runs,
               totals->failed_calls - failed);
}

/* In a program of its own: LIBALLOC_CONF is read once. */
static int sweep_all(void)
{
    for (size_t i = 0; i < nworkloads; i++) {
        sweep_workload(&workloads[i]);
    }
    return 0;
}

static void run_configuration(const char *program, const char *conf)
{
    char *argv[] = {(char[]){"every_call"}, (char[]){"--sweep"}, NULL};

    test_print(STDOUT_FILENO, "LIBALLOC_CONF=%s\n", conf);
    setenv("LIBALLOC_CONF", conf, 1);
    /* Or stacks, and the blocks that belong to them, outlive their thread. */
    setenv("GLIBC_TUNABLES", "glibc.pthread.stack_cache_size=0", 1);
    pid_t child = fork();
    if (child == 0) {
        execv(program, argv);
        _exit(127);
    }
    run_succeeded(child, conf, &(struct os_fault){.at = 0});
    sweep_start(program);
}

/* Shared with the children and the programs they become. */
static bool totals_share(bool is_first)
{
    if (is_first && (dup2(memfd_create("totals", 0), TOTALS_FD) < 0 ||
                     ftruncate(TOTALS_FD, sizeof(*totals)) != 0)) {
        return false;
    }
    totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED,
                  TOTALS_FD, 0);
    return totals != MAP_FAILED;
}

int main(int argc, char **argv)
{
    /* eager: more calls on the way, as each free gives back at once */
    static const char eager[] =
        "dirty_min:0,purge_delay:0,mmap_cache:0,top_pad:0,trim_threshold:0";
    static const char *const modes[] = {"slab_after:32", "slab_max:0",
                                        "harden:2", "slab_after:0",
                                        "arena_max:2"};
    char conf[256];

    const char *scale = getenv("TEST_SCALE");

    is_soak = scale != NULL && atoi(scale) > 1;
    if (argc == 2 && strcmp(argv[1], "--sweep") == 0) {
        return totals_share(false) ? sweep_all() : 1;
    }
    if (argc == 2 && strcmp(argv[1], "--start") == 0) {
        return totals_share(false) ? start_run() : 1;
    }
    if (!totals_share(true)) {
        return 1;
    }
    for (size_t i = 0; i < (is_soak ? 5 : 3) && argc == 1; i++) {
        run_configuration(argv[0], modes[i]);
        snprintf(conf, sizeof(conf), "%s,%s", modes[i], eager);
        if (is_soak) {
            run_configuration(argv[0], conf);
        }
    }
    if (argc > 1) {
        run_configuration(argv[0], argv[1]);
    }
    test_print(STDOUT_FILENO,
               "%zu workloads, %zu runs, %zu calls failed, %zu failures\n",
               nworkloads + 1, totals->runs, totals->failed_calls,
               totals->failures);
    return totals->failures == 0 && totals->runs > 0 ? 0 : 1;
}
