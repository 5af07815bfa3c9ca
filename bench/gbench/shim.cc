// SPDX-License-Identifier: MIT
// The C table of shim.h, handed to Google Benchmark.
#include "shim.h"

#include <benchmark/benchmark.h>

#include <string>

struct shim_state {
    benchmark::State &google;
    bool skipped;
};

unsigned shim_turns(shim_state *state, unsigned batch)
{
    if (state->skipped || !state->google.KeepRunningBatch(batch))
        return 0;
    return batch;
}

unsigned shim_thread(const shim_state *state)
{
    return static_cast<unsigned>(state->google.thread_index());
}

void shim_skip(shim_state *state, const char *why)
{
    state->skipped = true;
    state->google.SkipWithError(("skipped: " + std::string(why)).c_str());
}

void shim_register(const shim_benchmark *table)
{
    for (const shim_benchmark *each = table; each->name; each++) {
        std::string name = each->name;
        if (each->size)
            name += "/" + std::to_string(each->size);
        if (each->count)
            name += "/" + std::to_string(each->count);
        auto run = [each](benchmark::State &google) {
            shim_state state{google, false};
            each->body(&state, each);
        };
        auto *google = benchmark::RegisterBenchmark(name.c_str(), run);
        if (each->threads == SHIM_MANY)
            google->Threads(1)->Threads(2)->Threads(8)->UseRealTime();
    }
}

int shim_main(int argc, char **argv, const char *malloc_from)
{
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 2;
    benchmark::AddCustomContext("malloc_from", malloc_from);
    bool any = benchmark::RunSpecifiedBenchmarks() > 0;
    benchmark::Shutdown();
    return any ? 0 : 2;
}
