/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H
/* What libFuzzer calls: the names are its own. */
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's names.
   NOLINTBEGIN(readability-identifier-naming,readability-non-const-parameter) */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* -1: not worth keeping. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTEND(readability-identifier-naming, readability-non-const-parameter) */

#endif
