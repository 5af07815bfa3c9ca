/* SPDX-License-Identifier: MIT */
/*
 * The published root, read from a second process: found in three ways, and
 * describing the structures as they are.
 */
#include "child.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
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

/* Reads `size` bytes at `address` out of a core; false: they are not in it. */
static bool core_read(int core, uintptr_t address, void *out, size_t size)
{
    Elf64_Ehdr elf;
    Elf64_Phdr part;

    if (pread(core, &elf, sizeof elf, 0) != sizeof elf)
        return false;
    for (unsigned i = 0; i < elf.e_phnum; i++) {
        off_t at = (off_t)(elf.e_phoff + i * sizeof part);
        if (pread(core, &part, sizeof part, at) != sizeof part)
            return false;
        if (part.p_type == PT_LOAD && address >= part.p_vaddr &&
            address + size <= part.p_vaddr + part.p_filesz)
            return pread(core, out, size,
                         (off_t)(part.p_offset + address - part.p_vaddr)) ==
                   (ssize_t)size;
    }
    return false;
}

/* The core that a process left in the working directory; -1 = none. */
static int core_open(pid_t pid)
{
    char name[32];
    int core = open("core", O_RDONLY | O_CLOEXEC);

    if (core >= 0) {
        (void)unlink("core");
        return core;
    }
    (void)snprintf(name, sizeof name, "core.%d", (int)pid);
    core = open(name, O_RDONLY | O_CLOEXEC);
    (void)unlink(name);
    return core;
}

TEST(root, is_in_a_default_core_with_its_tables)
{
    char directory[] = "/tmp/liballoc-core-XXXXXX";
    struct rlimit limit;
    struct target target;
    struct heap_root root;
    struct field_descriptor field;
    int status;

    REQUIRE(getrlimit(RLIMIT_CORE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max == 0 || setrlimit(RLIMIT_CORE, &limit) != 0)
        SKIP("no core files are allowed here");
    REQUIRE(mkdtemp(directory) != NULL && chdir(directory) == 0);
    child_open(&target, "");
    pid_t pid = child.pid;
    kill(pid, SIGABRT);
    REQUIRE(waitpid(pid, &status, 0) == pid);
    child.pid = 0;
    int core = core_open(pid);
    (void)rmdir(directory);
    if (core < 0)
        SKIP("cores go elsewhere (kernel.core_pattern)");
    CHECK(core_read(core, far_address(&target.root.self), &root, sizeof root));
    CHECK(root_refusal(&root, far_address(&target.root.self)) == NULL);
    CHECK(
        core_read(core, far_address(&root.fields.start), &field, sizeof field));
    CHECK_STR(field.name, "next");
    close(core);
}
