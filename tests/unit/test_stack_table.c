/* SPDX-License-Identifier: MIT */
#include "unit_prof.h"

TEST_CHILD(stack_table, a_stack_has_one_number)
{
    uintptr_t pcs[PROF_DEPTH];
    uint32_t numbers[2000] = {0};

    prof_tables_start();
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 2000; i++) {
            uint32_t depth = 1 + i % PROF_DEPTH;
            for (uint32_t j = 0; j < depth; j++)
                pcs[j] = i * 64 + j;
            uint32_t at = stack_table_intern(&profile, pcs, depth);
            if (round == 0)
                numbers[i] = at;
            CHECK_EQ(at, numbers[i]);
            CHECK_EQ(stack_table_find(&profile, pcs, depth), at);
            CHECK_EQ(profile.stacks[at].depth, depth);
        }
    }
    CHECK_EQ(profile.nstacks, 2001);
    CHECK_EQ(profile.lost_stacks, 0);
}

TEST_CHILD(stack_table, prefixes_and_others_are_other_stacks)
{
    uintptr_t pcs[3] = {1, 2, 3};

    prof_tables_start();
    uint32_t whole = stack_table_intern(&profile, pcs, 3);
    uint32_t part = stack_table_intern(&profile, pcs, 2);
    CHECK(whole != part);
    pcs[2] = 4;
    CHECK_EQ(stack_table_find(&profile, pcs, 3), PROF_NO_STACK);
    CHECK_EQ(stack_table_intern(&profile, pcs, 0), PROF_NO_STACK);
}

TEST_CHILD(stack_table, a_full_table_counts_what_it_loses)
{
    prof_tables_start();
    for (uintptr_t i = 1; i < STACKS_MAX; i++)
        CHECK(stack_table_intern(&profile, &i, 1) != PROF_NO_STACK);
    for (uintptr_t i = STACKS_MAX; i < STACKS_MAX + 10; i++)
        CHECK_EQ(stack_table_intern(&profile, &i, 1), PROF_NO_STACK);
    CHECK_EQ(profile.lost_stacks, 10);
    uintptr_t old = 77;
    CHECK(stack_table_intern(&profile, &old, 1) != PROF_NO_STACK);
    CHECK(profile.memory <= STACKS_MAX * sizeof(struct prof_stack) +
                                STACK_FRAMES_MAX * sizeof(uintptr_t) + MIB);
}

TEST_CHILD(stack_table, without_memory_a_stack_is_lost)
{
    uintptr_t pc = 1;

    prof_tables_start();
    os_fault = (struct os_fault){OS_NCALLS, 1, true, 0};
    while (profile.nstacks < STACKS_MAX - 1 && profile.lost_stacks == 0) {
        (void)stack_table_intern(&profile, &pc, 1);
        pc++;
    }
    CHECK_EQ(profile.lost_stacks, 1);
    os_fault = (struct os_fault){0};
    CHECK(stack_table_intern(&profile, &pc, 1) != PROF_NO_STACK);
}

TEST_CHILD(stack_table, without_address_space_there_is_none)
{
    heap_start();
    os_fault = (struct os_fault){OS_MMAP, 1, true, 0};
    CHECK(!stack_table_init(&profile));
    CHECK(!sample_table_init(&profile));
    os_fault = (struct os_fault){0};
    CHECK(stack_table_init(&profile));
    CHECK(sample_table_init(&profile));
}
