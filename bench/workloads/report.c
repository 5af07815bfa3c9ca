/* SPDX-License-Identifier: MIT */
/*
 * The run as one line of JSON, written without malloc: the heap of the
 * workload is still being looked at.
 */
#include "bench.h"
#include "latency.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* There only in bench_latency. */
#pragma weak latency_summary

/* The file whose malloc this program calls: proof of what was measured. */
static const char *malloc_provider(void)
{
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    Dl_info info;
    if (!symbol || !dladdr(symbol, &info) || !info.dli_fname)
        return "?";
    return info.dli_fname;
}

struct text {
    char bytes[16384];
    size_t used;
};

static __attribute__((format(printf, 2, 3))) void add(struct text *text,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = sizeof text->bytes - text->used;
    /* clang-tidy 14 does not see va_start through a format attribute. */
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
    int n = vsnprintf(text->bytes + text->used, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room)
        fail("the report is too long");
    text->used += (size_t)n;
}

static void add_string(struct text *text, const char *string)
{
    add(text, "\"");
    for (; *string; string++) {
        if (*string == '"' || *string == '\\' || *string < ' ') {
            add(text, "\\u%04x", (unsigned)(unsigned char)*string);
        } else {
            add(text, "%c", *string);
        }
    }
    add(text, "\"");
}

static void add_timeline(struct text *text, const struct timeline *timeline)
{
    if (timeline->count == 0)
        return;
    add(text, "\"rss_timeline\":[");
    for (unsigned i = 0; i < timeline->count; i++) {
        add(text, "%s[%u,%u]", i ? "," : "", timeline->samples[i].ms,
            timeline->samples[i].kib);
    }
    add(text, "],");
}

/* Nanoseconds per call: {"malloc":{"count":..,"p50":..,...},"free":{...}}. */
static void add_latency(struct text *text)
{
    if (!latency_summary)
        return;
    add(text, "\"latency\":{");
    for (unsigned kind = 0; kind < LATENCY_KINDS; kind++) {
        struct latency each = latency_summary(kind);
        add(text, "\"%s\":{\"count\":%llu,\"p50\":%.1f,\"p99\":%.1f,",
            each.name, (unsigned long long)each.count, each.p50, each.p99);
        add(text, "\"p999\":%.1f,\"max\":%.1f},", each.p999, each.max);
    }
    text->used--; /* the last comma */
    add(text, "},");
}

static void add_measures(struct text *text, const struct run *run)
{
    uint64_t now = rss_kib();
    uint64_t peak = peak_kib();
    /* VmHWM lags by what each CPU has not yet added to the counter. */
    if (peak < now)
        peak = now;
    if (peak < run->rss_kib)
        peak = run->rss_kib;
    double ops = run->ops ? (double)run->ops : 1;
    add(text, "\"ops\":%llu,\"wall_ns\":%llu,\"ns_per_op\":%.3f,",
        (unsigned long long)run->ops, (unsigned long long)run->wall_ns,
        (double)run->wall_ns / ops);
    add(text, "\"best_ns\":%.3f,\"user_us\":%llu,\"sys_us\":%llu,",
        run->best_ns, (unsigned long long)run->user_us,
        (unsigned long long)run->sys_us);
    add(text, "\"faults\":%llu,\"rss_kib\":%llu,\"end_rss_kib\":%llu,",
        (unsigned long long)run->faults, (unsigned long long)run->rss_kib,
        (unsigned long long)now);
    add(text, "\"peak_kib\":%llu,\"harness_kib\":%llu,",
        (unsigned long long)peak, (unsigned long long)harness_kib());
    if (run->rss_idle_kib) {
        add(text, "\"rss_idle_kib\":%llu,",
            (unsigned long long)run->rss_idle_kib);
    }
}

void report_print(const struct run *run)
{
    static struct text text;
    add(&text, "{\"name\":\"%s\",\"threads\":%u,\"seed\":%llu,",
        run->workload->name, run->options.threads,
        (unsigned long long)run->options.seed);
    add_measures(&text, run);
    for (unsigned i = 0; i < run->nextras; i++)
        add(&text, "\"%s\":%.3f,", run->extras[i].name, run->extras[i].value);
    add_timeline(&text, &run->timeline);
    add_latency(&text);
    add(&text, "\"malloc_from\":");
    add_string(&text, malloc_provider());
    add(&text, "}\n");
    if (write(1, text.bytes, text.used) != (ssize_t)text.used)
        fail("cannot write the report");
}
