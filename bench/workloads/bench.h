/* SPDX-License-Identifier: MIT */
#ifndef BENCH_H
#define BENCH_H
/*
 * What a workload is and what it may use.
 *
 * A workload calls malloc and free and nothing else of the allocator.  The
 * harness takes its own memory by mmap (harness_pages), so that its arrays
 * neither warm nor fragment the heap under test.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Macros: an enum would be an int, and 2048 * MIB overflow one. */
#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

enum {
    PAGE = 4096,
    MAX_EXTRAS = 16,
    MAX_THREADS = 256,
    TIMELINE_SAMPLES = 256,
    TIMELINE_MS = 5, /* between two samples, until there are too many */
};

struct rng {
    uint64_t state;
};

/* xorshift64: one multiply cheaper than its starred sister, good enough. */
static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t x = rng->state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return rng->state = x;
}

static inline struct rng rng_make(uint64_t seed)
{
    struct rng rng = {(seed + 1) * 0x9e3779b97f4a7c15u};
    if (rng.state == 0)
        rng.state = 1;
    for (int i = 0; i < 8; i++)
        rng_next(&rng);
    return rng;
}

/* 32 random bits to 0..n-1, without a division. */
static inline size_t rng_scale(uint32_t random, size_t n)
{
    return (size_t)(((uint64_t)random * n) >> 32);
}

static inline size_t rng_range(struct rng *rng, size_t min, size_t max)
{
    return min + rng_scale((uint32_t)(rng_next(rng) >> 32), max - min + 1);
}

/* How much of a block is written when it is made. */
enum touch {
    TOUCH_PAGES, /* the first byte of each page, and the last byte */
    TOUCH_NONE,
    TOUCH_START, /* the first word */
    TOUCH_ENDS,  /* the first word and the last byte */
    TOUCH_FILL,  /* every byte */
};

struct options {
    unsigned threads; /* 0: what the workload takes by itself */
    double seconds;   /* of measured time; ignored by fixed-work workloads */
    uint64_t ops;     /* if not 0: stop after so many instead */
    uint64_t seed;
    bool latency;      /* only bench_latency honours it */
    double idle;       /* seconds of rest after the work, then rss_idle_kib */
    const char *trace; /* replay: the file */
    enum touch touch;  /* replay: what is written of each object */
};

/* A figure only this workload has; goes into the JSON under its name. */
struct extra {
    const char *name;
    double value;
};

/* Resident memory over time: evenly spaced, halved when full. */
struct timeline {
    struct sample {
        unsigned ms; /* since run_start */
        unsigned kib;
    } samples[TIMELINE_SAMPLES];
    unsigned count;
    unsigned every_ms;
};

struct run {
    const struct workload *workload;
    struct options options;
    uint64_t ops;          /* in all threads */
    uint64_t wall_ns;      /* of the measured part */
    uint64_t user_us;      /* of the measured part, all threads */
    uint64_t sys_us;       /* of the measured part, all threads */
    uint64_t faults;       /* minor ones in the measured part */
    double best_ns;        /* ns per op of the fastest slice, or 0 */
    uint64_t rss_kib;      /* at the end of the measured part */
    uint64_t rss_idle_kib; /* after a rest, or 0 */
    unsigned nextras;
    struct extra extras[MAX_EXTRAS];
    struct timeline timeline;
    uint64_t started_ns; /* private to run_start and run_stop */
};

struct workload {
    const char *name;
    const char *description;
    void (*fn)(struct run *run);
    unsigned threads; /* if the user asks for no number */
};

/* Each family's table ends with a NULL name; main.c lists the families. */
extern const struct workload churn_workloads[];
extern const struct workload oneway_workloads[];
extern const struct workload burst_workloads[];
extern const struct workload thread_churn_workloads[];
extern const struct workload larson_workloads[];
extern const struct workload resize_workloads[];
extern const struct workload retain_workloads[];
extern const struct workload mstress_workloads[];
extern const struct workload rptest_workloads[];
extern const struct workload false_sharing_workloads[];
extern const struct workload smartheap_workloads[];
extern const struct workload pareto_workloads[];
extern const struct workload idle_workloads[];
extern const struct workload replay_workloads[];
extern const struct workload footprint_workloads[];

/* One thread's view of a loop. */
struct worker {
    struct run *run;
    unsigned index;
    struct rng rng;
    uint64_t ops;   /* measured so far */
    double best_ns; /* of the fastest slice, per op */
    void *state;    /* the workload's own */
};

/*
 * A workload that repeats one step: `setup` fills the heap, then slices of
 * `slice_ops` steps run, first unmeasured (a tenth of the time and at least
 * `warm_ops`: until the heap has touched what it will touch), then measured
 * until the time or the operations are used up.
 */
struct loop {
    void (*setup)(struct worker *worker);
    void (*slice)(struct worker *worker, uint64_t nops);
    void (*finish)(struct worker *worker); /* may be NULL */
    uint64_t slice_ops;
    uint64_t warm_ops;
    const void *params; /* the workload's own; in `state` before setup */
};

/* With one thread the loop runs in the main thread. */
void run_loop(struct run *run, const struct loop *loop);

/* The measured part of a workload that is no loop. */
void run_start(struct run *run);
void run_stop(struct run *run, uint64_t nops);
/* True when a run that started `run_start` ago has had its time or ops. */
bool run_done(const struct run *run, uint64_t nops);

void run_extra(struct run *run, const char *name, double value);
unsigned run_threads(const struct run *run);
/* This thread to the k-th CPU it may use, round and round. */
void run_pin(unsigned k);
/* A point of the RSS timeline, unless the last is recent; one thread only. */
void run_sample(struct run *run);
/* Rests, with samples, and notes rss_idle_kib. */
void run_rest(struct run *run, double seconds);

uint64_t clock_ns(void);
void sleep_ms(unsigned ms);
uint64_t rss_kib(void); /* resident now, counted page by page */
uint64_t rss_kib_quick(void);
uint64_t peak_kib(void);    /* VmHWM of this process */
uint64_t harness_kib(void); /* the most that harness_pages had out */
/* Zeroed and touched; never fails (exits). */
void *harness_pages(size_t bytes);
void harness_pages_free(void *mem, size_t bytes);
_Noreturn void fail(const char *why);
void report_print(const struct run *run);

/* `value` is not constant: the stores cannot go away with the block. */
static inline __attribute__((always_inline)) void
block_touch(void *mem, size_t size, uint64_t value, enum touch touch)
{
    if (touch == TOUCH_START || touch == TOUCH_ENDS) {
        __builtin_memcpy(mem, &value,
                         size < sizeof value ? size : sizeof value);
    }
    if (touch == TOUCH_FILL)
        __builtin_memset(mem, (int)(value & 0xff), size);
    volatile unsigned char *bytes = mem;
    for (size_t at = 0; touch == TOUCH_PAGES && at < size; at += PAGE)
        bytes[at] = (unsigned char)value;
    if ((touch == TOUCH_ENDS || touch == TOUCH_PAGES) && size > 0)
        bytes[size - 1] = (unsigned char)value;
}

/* A block that must be there; a failed request ends the run. */
static inline void *check_block(void *mem)
{
    if (__builtin_expect(!mem, 0))
        fail("out of memory");
    return mem;
}

#endif
