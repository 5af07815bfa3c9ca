/* SPDX-License-Identifier: MIT */
/*
 * Stacks of known chains of calls.  The functions are exported, so that
 * dladdr() names the frames.
 */
#include "unit.h"

#include "prof/unwind.h"

#include <dlfcn.h>
#include <linux/perf_event.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { DEEP = 200, BIG = 64 * 1024 };

/* Not inlined, not left by a jump, its frame not merged. */
#define LINK      __attribute__((noinline))
#define KEEP()    __asm__ volatile("" ::: "memory")
#define ESCAPE(p) __asm__ volatile("" : : "r"(p) : "memory")

static uintptr_t pcs[PROF_DEPTH];
static unsigned depth;

static void start(void)
{
    bool is_dwarf = unwind_init();

    if (unwind_kind() == PROF_UNWIND_POINTERS)
        SKIP("no libunwind here: frame pointers alone");
    REQUIRE(is_dwarf);
    CHECK_EQ(unwind_kind(), PROF_UNWIND_DWARF);
    memset(pcs, 0xff, sizeof pcs);
    depth = 0;
}

/* The name of frame `i`; "" if nobody knows, "0" for an unknown end. */
static const char *name_at(unsigned i)
{
    Dl_info info;

    if (i >= depth)
        return "";
    if (pcs[i] == 0)
        return "0";
    if (dladdr((void *)(pcs[i] - 1), &info) == 0 || info.dli_sname == NULL)
        return "";
    return info.dli_sname;
}

/* The index of the first frame of that name from `from` on, or depth. */
static unsigned find(const char *name, unsigned from)
{
    while (from < depth && strcmp(name_at(from), name) != 0)
        from++;
    CHECK(from < depth);
    return from;
}

void chain_take(unsigned skip);
void chain_big(size_t size);
void chain_on_stack(size_t size);
void chain_deep(unsigned n);
int chain_compare(const void *a, const void *b);
void chain_handler(int number);
void chain_interrupted(void);
void *chain_thread(void *unused);
void chain_coroutine(void);
void chain_realigned(unsigned n);
void chain_skipped(unsigned skip);

LINK void chain_take(unsigned skip)
{
    depth = unwind_stack(pcs, PROF_DEPTH, skip);
    KEEP();
}

LINK void chain_skipped(unsigned skip)
{
    chain_take(skip);
    KEEP();
}

TEST(unwind, frames_are_left_out_as_asked)
{
    start();
    chain_skipped(0);
    CHECK_STR(name_at(0), "chain_take");
    CHECK_STR(name_at(1), "chain_skipped");
    unsigned all = depth;
    chain_skipped(1);
    CHECK_STR(name_at(0), "chain_skipped");
    CHECK_EQ(depth, all - 1);
    CHECK_STR(name_at(depth - 1), "_start");
    CHECK_EQ(unwind_stack(pcs, 3, 0), 3);
}

LINK void chain_big(size_t size)
{
    char local[BIG];

    ESCAPE(local);
    chain_take(0);
    KEEP();
    local[size] = 0;
    ESCAPE(local);
}

/* A frame whose size the compiler does not know: RBP is its base. */
LINK void chain_on_stack(size_t size)
{
    char *local = __builtin_alloca(size);

    ESCAPE(local);
    chain_big(1);
    KEEP();
    ESCAPE(local);
}

/* The stack pointer is rounded down, so that the CFA is kept in memory. */
LINK void chain_realigned(unsigned n)
{
    _Alignas(64) char local[64];

    ESCAPE(local);
    chain_on_stack(n);
    KEEP();
    ESCAPE(local);
}

TEST(unwind, frames_of_any_shape)
{
    start();
    for (unsigned i = 1; i < 4; i++) {
        chain_realigned(i * 1000);
        CHECK_STR(name_at(0), "chain_take");
        CHECK_STR(name_at(1), "chain_big");
        CHECK_STR(name_at(2), "chain_on_stack");
        CHECK_STR(name_at(3), "chain_realigned");
        CHECK_STR(name_at(depth - 1), "_start");
    }
}

LINK void chain_deep(unsigned n)
{
    if (n == 0)
        chain_take(0);
    else
        chain_deep(n - 1);
    KEEP();
}

TEST(unwind, deep_recursion_is_cut)
{
    start();
    chain_deep(DEEP);
    CHECK_EQ(depth, PROF_DEPTH);
    for (unsigned i = 1; i < depth; i++)
        CHECK_STR(name_at(i), "chain_deep");
}

LINK int chain_compare(const void *a, const void *b)
{
    chain_take(0);
    KEEP();
    return *(const int *)a - *(const int *)b;
}

TEST(unwind, through_a_library)
{
    int values[] = {2, 1};

    start();
    qsort(values, 2, sizeof *values, chain_compare);
    CHECK_STR(name_at(1), "chain_compare");
    CHECK(find("qsort_r", 2) < find("_start", 2));
}

LINK void chain_handler(int number)
{
    (void)number;
    chain_take(0);
    KEEP();
}

LINK void chain_interrupted(void)
{
    (void)syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
    KEEP();
}

static void catch_signal(int flags)
{
    struct sigaction action = {.sa_handler = chain_handler, .sa_flags = flags};

    REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
}

static void check_interrupted(void)
{
    chain_interrupted();
    CHECK_STR(name_at(1), "chain_handler");
    CHECK(find("syscall", 2) + 1 == find("chain_interrupted", 2));
    CHECK_STR(name_at(depth - 1), "_start");
}

TEST(unwind, through_a_signal)
{
    start();
    catch_signal(0);
    check_interrupted();
}

TEST(unwind, from_another_signal_stack)
{
    static char memory[BIG];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    stack_t off = {.ss_flags = SS_DISABLE};

    start();
    catch_signal(SA_ONSTACK);
    REQUIRE(sigaltstack(&stack, NULL) == 0);
    check_interrupted();
    (void)sigaltstack(&off, NULL);
}

LINK void *chain_thread(void *unused)
{
    (void)unused;
    chain_on_stack(100);
    KEEP();
    return NULL;
}

TEST(unwind, a_thread_ends_at_its_start)
{
    pthread_t thread;

    start();
    for (int i = 0; i < 3; i++) {
        REQUIRE(pthread_create(&thread, NULL, chain_thread, NULL) == 0);
        REQUIRE(pthread_join(thread, NULL) == 0);
        CHECK_STR(name_at(3), "chain_thread");
        /* start_thread and clone3: names that libc does not export */
        CHECK_EQ(depth, 6);
        CHECK(pcs[depth - 1] != 0);
    }
}

LINK void chain_coroutine(void)
{
    chain_on_stack(100);
    KEEP();
}

/* Below a page that nobody may read: whoever goes on upwards faults. */
TEST(unwind, a_coroutine_ends_at_its_start)
{
    ucontext_t self;
    ucontext_t other;
    char *memory = mmap(NULL, 2 * BIG + 4096, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    start();
    REQUIRE(memory != MAP_FAILED);
    REQUIRE(mprotect(memory + (size_t)2 * BIG, 4096, PROT_NONE) == 0);
    REQUIRE(getcontext(&other) == 0);
    other.uc_stack.ss_sp = memory;
    other.uc_stack.ss_size = (size_t)2 * BIG;
    other.uc_link = &self;
    makecontext(&other, chain_coroutine, 0);
    REQUIRE(swapcontext(&self, &other) == 0);
    CHECK_STR(name_at(3), "chain_coroutine");
    /* __start_context: its unwind data does not say that it is the last */
    CHECK_EQ(depth, 6);
    CHECK_STR(name_at(5), "0");
    munmap(memory, 2 * BIG + 4096);
}

/* True: it was at `*place`, where it now is. */
static bool call_plugin(const char *path, void **place)
{
    void (*call)(void (*function)(void));
    void *library = dlopen(path, RTLD_NOW);
    Dl_info info;

    REQUIRE(library != NULL);
    void *symbol = dlsym(library, "plugin_call");
    REQUIRE(symbol != NULL && dladdr(symbol, &info) != 0);
    memcpy(&call, &symbol, sizeof call);
    call(chain_coroutine);
    CHECK_STR(name_at(3), "chain_coroutine");
    CHECK_STR(name_at(4), "plugin_call");
    CHECK_STR(name_at(depth - 1), "_start");
    dlclose(library);
    bool is_there = info.dli_fbase == *place;
    *place = info.dli_fbase;
    return is_there;
}

TEST(unwind, rules_die_with_their_library)
{
    void *place = NULL;
    unsigned same = 0;

    start();
    for (unsigned i = 0; i < 4; i++)
        same +=
            call_plugin(i % 2 ? PLUGINS "8192.so" : PLUGINS "1024.so", &place);
    if (same == 0)
        SKIP("each library was loaded at another address");
}

/* sub $8, %rsp; call *%rdi; add $8, %rsp; ret */
static const unsigned char machine_code[] = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd7,
                                             0x48, 0x83, 0xc4, 0x08, 0xc3};

TEST(unwind, code_without_unwind_data_ends_as_unknown)
{
    void (*run)(void (*function)(void));
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    start();
    if (code == MAP_FAILED)
        SKIP("no memory may be written and executed here");
    memcpy(code, machine_code, sizeof machine_code);
    memcpy(&run, &code, sizeof run);
    run(chain_coroutine);
    CHECK_STR(name_at(3), "chain_coroutine");
    CHECK_STR(name_at(4), "0");
    CHECK_EQ(depth, 5);
    munmap(code, 4096);
}

#if defined(__x86_64__)
/* Its frame is found by RBX, as _dl_runtime_resolve()'s is. */
void chain_by_rbx(void);
__asm__(".pushsection .text\n"
        ".globl chain_by_rbx\n"
        ".type chain_by_rbx, @function\n"
        "chain_by_rbx:\n"
        ".cfi_startproc\n"
        "push %rbx\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset rbx, -16\n"
        "mov %rsp, %rbx\n"
        ".cfi_def_cfa_register rbx\n"
        "sub $64, %rsp\n"
        "and $-64, %rsp\n"
        "call chain_coroutine@PLT\n"
        "mov %rbx, %rsp\n"
        ".cfi_def_cfa_register rsp\n"
        "pop %rbx\n"
        ".cfi_def_cfa_offset 8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size chain_by_rbx, . - chain_by_rbx\n"
        ".popsection");

TEST(unwind, frames_that_need_other_registers)
{
    start();
    chain_by_rbx();
    CHECK_STR(name_at(3), "chain_coroutine");
    CHECK_STR(name_at(4), "chain_by_rbx");
    CHECK_STR(name_at(depth - 1), "_start");
    catch_signal(0);
    check_interrupted();
}
#endif

/* The first of a thread, which learns; in a thread, as TLS may allocate. */
static void *count_memory(void *bytes)
{
    size_t before = mallinfo2().uordblks;

    chain_deep(5);
    chain_interrupted();
    *(size_t *)bytes = mallinfo2().uordblks - before;
    return NULL;
}

TEST(unwind, nothing_is_allocated)
{
    pthread_t thread;
    size_t bytes = 1;

    start();
    catch_signal(0);
    REQUIRE(pthread_create(&thread, NULL, count_memory, &bytes) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_EQ(bytes, 0);
    CHECK(depth > 5);
}

static int open_counter(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_INSTRUCTIONS,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};

    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static int counter;
static uint64_t cost;

LINK static void measure(unsigned n)
{
    enum { TIMES = 1000 };
    uint64_t count[2] = {0, 0};

    if (n > 0) {
        measure(n - 1);
        KEEP();
        return;
    }
    depth = unwind_stack(pcs, PROF_DEPTH, 0);
    bool is_read = read(counter, &count[0], sizeof *count) > 0;
    for (int i = 0; i < TIMES; i++)
        depth = unwind_stack(pcs, PROF_DEPTH, 0);
    is_read = read(counter, &count[1], sizeof *count) > 0 && is_read;
    REQUIRE(is_read);
    cost = (count[1] - count[0]) / TIMES;
}

TEST(unwind, what_a_known_stack_costs)
{
    start();
    counter = open_counter();
    if (counter < 0)
        SKIP("no counter of instructions here");
    for (unsigned n = 0; depth < 20; n++)
        measure(n);
    (void)printf("unwind: %lu instructions for %u frames\n",
                 (unsigned long)cost, depth);
    close(counter);
    CHECK_EQ(depth, 20);
    CHECK(cost <= STACK_COST_MAX);
}
