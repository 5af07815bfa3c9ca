/* SPDX-License-Identifier: MIT */
#ifndef UNIT_PROF_H
#define UNIT_PROF_H
/*
 * What tests of the prof layer share: a heap, and tables without a process
 * around them.
 */
#include "unit_heap.h"

#include "prof/prof.h"
#include "prof/sample_table.h"
#include "prof/stack_table.h"

UNUSED static void prof_tables_start(void)
{
    heap_start();
    REQUIRE(stack_table_init(&profile));
    REQUIRE(sample_table_init(&profile));
}

#endif
