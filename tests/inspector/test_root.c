/* SPDX-License-Identifier: MIT */
/*
 * The published root, read from a second process: found in three ways, and
 * describing the structures as they are.
 */
#include "child.h"

#include <stdlib.h>
#include <sys/uio.h>

TEST(root, is_found_by_symbol_note_and_magic)
{
    struct target target;

    child_open(&target, "");
    uintptr_t self = far_address(&target.root.self);
    CHECK(self != 0);
    CHECK_EQ(root_by_symbol(&target), self);
    CHECK_EQ(root_by_note(&target), self);
    CHECK_EQ(root_by_magic(&target), self);
}

TEST(root, is_found_in_a_program_linked_with_the_archive)
{
    static struct census census;
    struct target target;

    REQUIRE(child_run(STATIC_TARGET_PATH, "", ""));
    const char *why = target_open(&target, child.pid);
    CHECK_STR(why != NULL ? why : "", "");
    CHECK(root_by_note(&target) == far_address(&target.root.self));
    child_census(&target, &census);
    CHECK_EQ(census.heaps, 1);
}

TEST(root, of_a_process_without_liballoc_is_not_found)
{
    struct target target;

    /* The test itself runs on glibc. */
    CHECK(target_open(&target, getpid()) != NULL);
}

TEST(root, says_who_it_is)
{
    struct target target;
    struct heap_root *root = &target.root;

    child_open(&target, "");
    CHECK_EQ(root->state, ROOT_READY);
    CHECK_EQ(root->pid, child.pid);
    CHECK_EQ(root->system_page, sysconf(_SC_PAGESIZE));
    CHECK_EQ(root->page_shift, PAGE_SHIFT);
    CHECK_EQ(root->nslab + root->nclass, root->nbins);
    CHECK_EQ(far_address(&root->image), target.image);
    CHECK(root->build_id_size >= 16);
    CHECK(root->version[0] >= '0' && root->version[0] <= '9');
}

TEST(root, describes_every_field_as_it_is)
{
    struct target target;
    struct field_descriptor field;

    child_open(&target, "");
    CHECK(target.root.fingerprint == layout_fingerprint);
    const char *wrong = root_compare(&target);
    CHECK_STR(wrong != NULL ? wrong : "", "");
    CHECK(root_field(&target, "heap", "arena", &field));
    CHECK_EQ(field.offset, offsetof(struct heap, arena));
    CHECK_EQ(field.encoding, ENC_STRUCT);
    CHECK_EQ(field.target, TYPE_ID_arena);
    CHECK(!root_field(&target, "heap", "no_such_field", &field));
    CHECK(!root_field(&target, "no_such_type", "base", &field));
}

TEST(root, names_stretches_of_memory)
{
    struct target target;
    struct region_rule rule;
    bool zone_named = false;

    child_open(&target, "");
    const struct root_table *table = &target.root.regions;
    for (uint32_t i = 0; i < table->count; i++) {
        struct field_descriptor fields[2];
        uintptr_t at = far_address(&table->start) + (size_t)i * table->stride;
        REQUIRE(far_read(&target, at, &rule, sizeof rule));
        uintptr_t start_at = far_address(&target.root.fields.start);
        REQUIRE(far_read(&target, start_at + rule.start * sizeof fields[0],
                         &fields[0], sizeof fields[0]) &&
                far_read(&target, start_at + rule.length * sizeof fields[0],
                         &fields[1], sizeof fields[1]));
        CHECK_EQ(fields[0].type, fields[1].type);
        if (strcmp(rule.name, "zone") == 0) {
            zone_named = true;
            CHECK_EQ(fields[0].type, TYPE_ID_zone);
            CHECK_EQ(fields[1].offset, offsetof(struct zone, npages));
            CHECK_EQ(rule.unit_bits, PAGE_BYTES * 8);
        }
    }
    CHECK(zone_named);
}

TEST(root, leads_to_the_tunables)
{
    struct target target;

    child_open(&target, "purge_delay:321,dirty_ratio:7");
    CHECK_EQ(child_tunable(&target, "purge_delay"), 321);
    CHECK_EQ(child_tunable(&target, "dirty_ratio"), 7);
    CHECK(target.root.tunable_table.count > 10);
}

TEST(root, of_another_major_version_is_refused)
{
    struct target target;
    uint16_t major = LAYOUT_MAJOR + 1;

    child_open(&target, "");
    uintptr_t at =
        far_address(&target.root.self) + offsetof(struct heap_root, major);
    struct iovec local = {&major, sizeof major};
    struct iovec remote = {(void *)at, sizeof major};
    REQUIRE(process_vm_writev(child.pid, &local, 1, &remote, 1, 0) ==
            sizeof major);
    const char *why = target_open(&target, child.pid);
    REQUIRE(why != NULL);
    CHECK(strstr(why, "major version") != NULL);
}

TEST(root, that_is_a_copy_is_refused)
{
    struct target target;

    child_open(&target, "");
    CHECK(root_refusal(&target.root, far_address(&target.root.self)) == NULL);
    CHECK(root_refusal(&target.root, (uintptr_t)&target.root) != NULL);
}

TEST(root, of_a_forked_child_is_the_childs)
{
    struct target target;
    static struct census census;
    char line[64];

    child_open(&target, "");
    REQUIRE(child_command('f', line, sizeof line));
    pid_t forked = atoi(line);
    REQUIRE(forked > 0);
    CHECK(target_open(&target, forked) == NULL);
    CHECK_EQ(target.root.pid, forked);
    child_census(&target, &census);
    CHECK_EQ(census.heaps, 1);
    REQUIRE(child_command('q', line, sizeof line));
}
