/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_BASES_H
#define FUZZ_BASES_H
/*
 * The files that inputs of fuzz_snapshot.c change: all *.gz of the directory
 * FUZZ_BASES, by name.  Each lies in memory, and has a path there.
 */
#include <stdint.h>

/* Ends the process with a line if there are none. */
void bases_open(void);
unsigned base_count(void);
char *base_path(unsigned base);

/* A file that may be written over. */
char *base_scratch(void);

enum base_how {
    BASE_SET,  /* the operand itself */
    BASE_ADD,  /* plus the operand's low 16 bits, signed */
    BASE_COPY, /* the word of another place */
    BASE_FLIP, /* one bit */
    BASE_LOW,  /* the lower half is the operand's */
    BASE_HIGH,
    BASE_SPECIAL, /* an edge: 0, -1, ... */
    BASE_NEAR,    /* a copied word plus a few bytes */
    BASE_HOWS,
};

/* `where`: the upper three bits how, the others the place. */
void base_change(unsigned base, uint32_t where, uint64_t operand);
void base_restore(unsigned base);

/* A number that means something: with the top bit, the word of a place. */
uint64_t base_word(unsigned base, uint64_t number);

#endif
