/* SPDX-License-Identifier: MIT */
/*
 * The published root, read from a second process: found in three ways,
 * describing the structures as they are, leading to every live block.
 */
#include "test.h"

#include "census.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/uio.h>

/* A running target, or what is left of the last one. */
static struct {
    pid_t pid;
    int to;
    int from;
} child;

static void child_stop(void)
{
    if (child.pid == 0)
        return;
    close(child.to);
    close(child.from);
    kill(child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
    child.pid = 0;
}

/* One line without its end; false: the target is gone. */
static bool child_line(char *line, size_t len)
{
    size_t used = 0;
    char c = '\0';

    while (used + 1 < len && read(child.from, &c, 1) == 1 && c != '\n')
        line[used++] = c;
    line[used] = '\0';
    return c == '\n';
}

static bool child_command(char command, char *line, size_t len)
{
    return write(child.to, &command, 1) == 1 && child_line(line, len);
}

static bool child_start(const char *conf)
{
    int down[2];
    int up[2];
    char line[64];

    child_stop();
    if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0)
        return false;
    child.pid = fork();
    if (child.pid == 0) {
        dup2(down[0], STDIN_FILENO);
        dup2(up[1], STDOUT_FILENO);
        setenv("LD_PRELOAD", LIBRARY_PATH, 1);
        setenv("LIBALLOC_CONF", conf, 1);
        alarm(60);
        execl(TARGET_PATH, TARGET_PATH, (char *)NULL);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    child.to = down[1];
    child.from = up[0];
    return child_line(line, sizeof line) && strcmp(line, "ready") == 0;
}

/* Attached to a fresh target. */
static void start(struct target *target, const char *conf)
{
    REQUIRE(child_start(conf));
    const char *why = target_open(target, child.pid);
    if (why != NULL)
        test_print(STDOUT_FILENO, "  %s\n", why);
    REQUIRE(why == NULL);
}

static void take(const struct target *target, struct census *census)
{
    REQUIRE(census_take(target, census));
    CHECK_STR(census->first_fault, "");
    CHECK_EQ(census->faults, 0);
    CHECK_EQ(census->torn, 0);
}

TEST(root, is_found_by_symbol_note_and_magic)
{
    struct target target;

    start(&target, "");
    uintptr_t self = far_address(&target.root.self);
    CHECK(self != 0);
    CHECK_EQ(root_by_symbol(&target), self);
    CHECK_EQ(root_by_note(&target), self);
    CHECK_EQ(root_by_magic(&target), self);
}

TEST(root, says_who_it_is)
{
    struct target target;
    struct heap_root *root = &target.root;

    start(&target, "");
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

    start(&target, "");
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

    start(&target, "");
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

/* A tunable's value by its name, out of the target. */
static size_t read_tunable(const struct target *target, const char *name)
{
    struct field_descriptor field;
    size_t value = 0;

    CHECK(root_field(target, "tunables", name, &field));
    CHECK(far_read(target, far_address(&target->root.tunables) + field.offset,
                   &value, sizeof value));
    return value;
}

TEST(root, leads_to_the_tunables)
{
    struct target target;

    start(&target, "purge_delay:321,dirty_ratio:7");
    CHECK_EQ(read_tunable(&target, "purge_delay"), 321);
    CHECK_EQ(read_tunable(&target, "dirty_ratio"), 7);
    CHECK(target.root.tunable_table.count > 10);
}

TEST(root, of_another_major_version_is_refused)
{
    struct target target;
    uint16_t major = LAYOUT_MAJOR + 1;

    start(&target, "");
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

    start(&target, "");
    CHECK(root_refusal(&target.root, far_address(&target.root.self)) == NULL);
    CHECK(root_refusal(&target.root, (uintptr_t)&target.root) != NULL);
}

TEST(root, of_a_forked_child_is_the_childs)
{
    struct target target;
    static struct census census;
    char line[64];

    start(&target, "");
    REQUIRE(child_command('f', line, sizeof line));
    pid_t forked = atoi(line);
    REQUIRE(forked > 0);
    CHECK(target_open(&target, forked) == NULL);
    CHECK_EQ(target.root.pid, forked);
    take(&target, &census);
    CHECK_EQ(census.heaps, 1);
    REQUIRE(child_command('q', line, sizeof line));
}

/* What the target said it holds, against two censuses. */
struct held {
    size_t slab[NSLAB];
    size_t chunks;
    size_t chunk_bytes;
    size_t runs;
    size_t run_bytes;
    size_t mmapped;
    size_t mmapped_bytes;
};

static void held_add(struct held *held, size_t size, size_t usable,
                     size_t count, size_t slab_max)
{
    size_t mmap_from = slab_max == 0 ? 128 * 1024 : 4 * 1024 * 1024;

    if (size >= mmap_from) {
        held->mmapped += count;
        held->mmapped_bytes += usable * count;
    } else if (size > MEDIUM_MAX) {
        held->runs += count;
        held->run_bytes += usable * count;
    } else if (size > slab_max) {
        held->chunks += count;
        held->chunk_bytes += usable * count;
    } else {
        held->slab[size_class(size)] += count;
        CHECK_EQ(usable, size_class_bytes(size_class(size)));
    }
}

static void hold(struct held *held, size_t slab_max)
{
    char line[96];
    size_t size;
    size_t usable;
    size_t count;

    memset(held, 0, sizeof *held);
    REQUIRE(child_command('h', line, sizeof line));
    while (sscanf(line, "%zu %zu %zu", &size, &usable, &count) == 3) {
        held_add(held, size, usable, count, slab_max);
        REQUIRE(child_line(line, sizeof line));
    }
    CHECK_STR(line, "end");
}

static void check_held(const struct held *held, const struct census *before,
                       const struct census *after)
{
    for (unsigned cls = 0; cls < NSLAB; cls++)
        CHECK_EQ(after->live[cls] - before->live[cls], held->slab[cls]);
    CHECK_EQ(after->chunks - before->chunks, held->chunks);
    CHECK_EQ(after->chunk_bytes - before->chunk_bytes, held->chunk_bytes);
    CHECK_EQ(after->runs - before->runs, held->runs);
    CHECK_EQ(after->run_bytes - before->run_bytes, held->run_bytes);
    CHECK_EQ(after->mmapped - before->mmapped, held->mmapped);
    CHECK_EQ(after->mmapped_bytes - before->mmapped_bytes, held->mmapped_bytes);
}

static void hold_and_drop(const char *conf)
{
    static struct census before;
    static struct census after;
    struct target target;
    struct held held;
    char line[64];

    start(&target, conf);
    take(&target, &before);
    hold(&held, read_tunable(&target, "slab_max"));
    take(&target, &after);
    check_held(&held, &before, &after);
    REQUIRE(child_command('d', line, sizeof line));
    take(&target, &after);
    memset(&held, 0, sizeof held);
    check_held(&held, &before, &after);
    child_stop();
}

TEST(walk, finds_every_live_block_and_no_other)
{
    hold_and_drop("");
}

TEST(walk, finds_every_live_block_in_classic_mode)
{
    hold_and_drop("slab_max:0");
}

TEST(walk, finds_pages_and_object_caches)
{
    static struct census census;
    struct target target;
    struct field_descriptor name;
    struct field_descriptor slabs;
    char text[32] = "";
    char line[64];

    start(&target, "");
    REQUIRE(child_command('p', line, sizeof line));
    CHECK_STR(line, "pages");
    take(&target, &census);
    CHECK_EQ(census.user_pages, 8);
    CHECK(census.cache_slots >= 30);
    /* Its structure is private: the descriptors alone lead to its name. */
    REQUIRE(root_field(&target, "object_cache", "name", &name));
    REQUIRE(root_field(&target, "object_cache", "slabs", &slabs));
    CHECK_EQ(name.encoding, ENC_TEXT);
    REQUIRE(name.width <= sizeof text);
    CHECK(far_read(&target, census.cache - slabs.offset + name.offset, text,
                   name.width));
    CHECK_STR(text, "inspected");
}

TEST(walk, is_whole_after_frees_for_other_threads)
{
    static struct census before;
    static struct census after;
    struct target target;
    char line[64];

    start(&target, "");
    take(&target, &before);
    REQUIRE(child_command('r', line, sizeof line));
    take(&target, &after);
    CHECK_EQ(after.heaps, 3);
    CHECK_EQ(after.live[size_class(48)], before.live[size_class(48)]);
    child_stop();
}

/* A view of a heap at work is torn; it must end all the same, and be whole
   once the threads are gone. */
TEST(walk, ends_while_the_target_works)
{
    static struct census census;
    struct target target;
    char line[64];

    start(&target, "");
    REQUIRE(child_command('w', line, sizeof line));
    for (int i = 0; i < 10; i++)
        CHECK(census_take(&target, &census));
    REQUIRE(child_command('s', line, sizeof line));
    CHECK_STR(line, "stopped");
    take(&target, &census);
    CHECK_EQ(census.heaps_idle, 2);
    child_stop();
}
