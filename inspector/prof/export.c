/* SPDX-License-Identifier: MIT */
#include "prof/export.h"

#include <inttypes.h>
#include <string.h>

static const struct export_format formats[] = {
    {"pprof", true, true, true, export_pprof},
    {"collapsed", false, false, false, export_collapsed},
    {"speedscope", false, true, false, export_speedscope},
    {"heaptrack", false, false, true, export_heaptrack},
};

const struct export_format *export_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    }
    return NULL;
}

/* "outer;...;inner BYTES", a line a stack; for flamegraph.pl and inferno. */
bool export_collapsed(FILE *stream, const struct exported *exported)
{
    static struct named_stack named;
    static char text[STACK_TEXT];

    for (size_t i = 0; i < exported->profile->nstacks; i++) {
        uint64_t value = exported->figures[i].value[exported->metric];
        if (value == 0)
            continue;
        stack_name(exported->profile, exported->symbols, i, &named);
        (void)fprintf(stream, "%s %" PRIu64 "\n", stack_collapsed(&named, text),
                      value);
    }
    if (exported->metric == METRIC_LIVE_BYTES) {
        (void)fprintf(stream, EXPORT_ROUNDING " %" PRIu64 "\n",
                      exported->rounding);
        (void)fprintf(stream, EXPORT_UNATTRIBUTED " %" PRIu64 "\n",
                      exported->unattributed);
    }
    return ferror(stream) == 0;
}
