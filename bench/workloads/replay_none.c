/* SPDX-License-Identifier: MIT */
/* In place of replay.c where there is no zlib to read traces with. */
#include "bench.h"

const struct workload replay_workloads[] = {
    {NULL, NULL, NULL, 0},
};
