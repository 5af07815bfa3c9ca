/* SPDX-License-Identifier: MIT */
/* Targets below the verbs: structs of another layout, mappings, windows. */
#include "test.h"

#include "kernel/pagemap.h"
#include "kernel/smaps.h"
#include "target/backend.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

/* A target that is this process: what it reads is ours. */
static struct target *open_self(void)
{
    const struct target_options options = {.mode = MODE_PEEK};
    struct failure failure;
    struct target *target = target_open("self", &options, &failure);

    REQUIRE(target != NULL);
    return target;
}

/* A bin of another minor version: other order, other widths, a field more. */
struct other_bin {
    uint64_t added;
    uint64_t spare;
    int32_t limit;
    int32_t room;
    uint64_t spare_count; /* 4 bytes in ours */
    uint64_t head;
};

static const struct type_descriptor other_types[] = {
    {"unknown_type", 8},
    {"bin", sizeof(struct other_bin)},
};

#define OTHER(f, w)                                                        \
    {                                                                      \
        .name = #f, .offset = offsetof(struct other_bin, f), .width = (w), \
        .count = 1, .type = 1, .target = TYPE_ID_NONE,                     \
    }
static const struct field_descriptor other_fields[] = {
    OTHER(added, 8), OTHER(spare, 8),       OTHER(limit, 4),
    OTHER(room, 4),  OTHER(spare_count, 8), OTHER(head, 8),
};

static void give_layout(struct target *target,
                        const struct field_descriptor *fields, size_t nfields)
{
    target->same_layout = false;
    target->types = malloc(sizeof other_types);
    memcpy(target->types, other_types, sizeof other_types);
    target->ntypes = 2;
    target->fields = malloc(nfields * sizeof *fields);
    memcpy(target->fields, fields, nfields * sizeof *fields);
    target->nfields = nfields;
}

TEST(target, converts_structs_of_another_layout_by_name)
{
    static const struct other_bin other = {
        .added = 99,
        .spare = 0x1000,
        .limit = 77,
        .room = -3,
        .spare_count = 12,
        .head = 0x7f0000000010,
    };
    struct target *target = open_self();
    struct bin bin;
    struct field_descriptor field;

    give_layout(target, other_fields, 6);
    memset(&bin, 0xee, sizeof bin);
    REQUIRE(far_struct(target, TYPE_ID_bin, (uintptr_t)&other, &bin));
    CHECK_EQ((uintptr_t)bin.head, 0x7f0000000010);
    CHECK_EQ((uintptr_t)bin.spare, 0x1000);
    CHECK_EQ(bin.room, -3);
    CHECK_EQ(bin.limit, 77);
    CHECK_EQ(bin.spare_count, 12);
    CHECK_EQ(bin.magic, 0); /* it has none such */
    CHECK_EQ(far_sizeof(target, TYPE_ID_bin), sizeof other);
    CHECK_EQ(far_sizeof(target, TYPE_ID_heap), 0);
    CHECK(!far_struct(target, TYPE_ID_heap, (uintptr_t)&other, &bin));
    CHECK(far_field(target, "bin", "added", &field));
    CHECK(!far_field(target, "bin", "removed", &field));
    target_close(target);
}

TEST(target, believes_no_field_that_leaves_its_struct)
{
    struct field_descriptor fields[6];
    struct target *target = open_self();
    static const struct other_bin other = {.head = 5, .limit = 7};
    struct bin bin;

    memcpy(fields, other_fields, sizeof fields);
    fields[5].offset = 0x7ffffff0;
    give_layout(target, fields, 6);
    REQUIRE(far_struct(target, TYPE_ID_bin, (uintptr_t)&other, &bin));
    CHECK_EQ((uintptr_t)bin.head, 0);
    CHECK_EQ(bin.limit, 7);
    target_close(target);
}

TEST(target, views_what_it_reads)
{
    enum { SIZE = 5 << 20, STEP = 4096 * 3 + 48 };
    struct target *target = open_self();
    uint8_t *bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    REQUIRE(bytes != MAP_FAILED);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t i = 0; i + STEP <= SIZE; i += STEP) {
        const uint8_t *view = far_view(target, (uintptr_t)bytes + i, STEP);
        REQUIRE(view != NULL);
        CHECK(memcmp(view, bytes + i, STEP) == 0);
    }
    /* far_read() is always new, far_view() is after far_forget(). */
    bytes[SIZE - 1] ^= 1;
    uint8_t now;
    CHECK(far_read(target, (uintptr_t)bytes + SIZE - 1, &now, 1));
    CHECK_EQ(now, bytes[SIZE - 1]);
    far_forget(target);
    const uint8_t *last = far_view(target, (uintptr_t)bytes + SIZE - 1, 1);
    REQUIRE(last != NULL);
    CHECK_EQ(*last, bytes[SIZE - 1]);
    CHECK(far_view(target, (uintptr_t)bytes, FAR_VIEW_MAX) != NULL);
    CHECK(far_view(target, (uintptr_t)bytes, FAR_VIEW_MAX + 1) == NULL);
    target_close(target);
}

TEST(target, stops_at_the_edge_of_what_is_mapped)
{
    struct target *target = open_self();
    size_t page = target_page_size(target);
    uint8_t *bytes = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t copy[16];

    REQUIRE(bytes != MAP_FAILED && munmap(bytes + page, page) == 0);
    uintptr_t edge = (uintptr_t)bytes + page;
    CHECK(far_read(target, edge - 16, copy, 16));
    CHECK(far_view(target, edge - 16, 16) != NULL);
    CHECK(!far_read(target, edge - 8, copy, 16));
    CHECK(far_view(target, edge - 8, 16) == NULL);
    CHECK(!far_read(target, UINTPTR_MAX - 4, copy, 16));
    CHECK(far_view(target, UINTPTR_MAX - 4, 16) == NULL);
    CHECK(far_view(target, 0, 16) == NULL);
    target_close(target);
}

TEST(target, tells_resident_pages_from_others)
{
    struct target *target = open_self();
    size_t page = target_page_size(target);
    uint8_t *bytes =
        mmap(NULL, 66 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t bits[64];
    size_t resident = 0;

    REQUIRE(bytes != MAP_FAILED);
    bytes += page; /* a mapping of its own: what lies beside it is another */
    REQUIRE(mprotect(bytes, 64 * page, PROT_READ | PROT_WRITE) == 0);
    REQUIRE(madvise(bytes, 64 * page, MADV_NOHUGEPAGE) == 0);
    for (size_t i = 0; i < 64; i += 3)
        bytes[i * page] = 1;
    /* Read, not written: the shared page of zeros, which costs nothing; some
       kernels give memory.  The words of pagemap do not tell the two apart. */
    if (pagemap_scan_works())
        CHECK_EQ(*(volatile uint8_t *)(bytes + page), 0);
    REQUIRE(target_residency(target, (uintptr_t)bytes, 64, bits));
    for (size_t i = 0; i < 64; i++) {
        resident += (bits[i] & RESIDENT) != 0 ? page : 0;
        if (i != 1)
            CHECK_EQ((bits[i] & RESIDENT) != 0, i % 3 == 0);
    }
    (void)target_vmas(target, &(size_t){0});
    CHECK_EQ(resident, target_vma_at(target, (uintptr_t)bytes)->rss);
    target_close(target);
}

TEST(target, parses_smaps)
{
    static const char text[] = "7f00-8000 rw-p 00001000 fe:00 247498    /a "
                               "path/with blanks (deleted)\n"
                               "Size:                  8 kB\n"
                               "Rss:                   4 kB\n"
                               "AnonHugePages:      2048 kB\n"
                               "VmFlags: rd wr mr \n"
                               "1000-2000 ---p 00000000 00:00 0 \n"
                               "nonsense\n"
                               "zz-10 rw-p 0 0:0 0\n"
                               "3000-2000 rw-p 00000000 00:00 0 \n";
    char *copy = strdup(text);
    struct vma *vmas;
    size_t count;

    smaps_parse(copy, &vmas, &count);
    REQUIRE(count == 2);
    CHECK_EQ(vmas[0].start, 0x1000); /* sorted */
    CHECK_STR(vmas[0].name, "");
    CHECK(!vmas[0].has_use);
    CHECK_STR(vmas[1].name, "/a path/with blanks (deleted)");
    CHECK_STR(vmas[1].prot, "rw-p");
    CHECK_EQ(vmas[1].offset, 0x1000);
    CHECK_EQ(vmas[1].inode, 247498);
    CHECK_EQ(vmas[1].rss, 4096);
    CHECK_EQ(vmas[1].anon_huge, 2048 * 1024);
    CHECK_STR(vmas[1].flags, "rd wr mr ");
    free(vmas);
    free(copy);
}

static char state_of(pid_t pid)
{
    char path[64];
    char text[512] = "";

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return '?';
    size_t got = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[got] = '\0';
    const char *at = strrchr(text, ')');
    return at != NULL ? at[2] : '?';
}

/* A process that spins until it is killed. */
static pid_t spinner(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        (void)alarm(60);
        for (volatile unsigned long i = 0;; i++)
            continue;
    }
    return pid;
}

TEST(hold, stops_a_process_and_lets_it_go)
{
    pid_t pid = spinner();
    struct failure failure;

    REQUIRE(pid > 0);
    struct hold *hold = hold_take(pid, &failure);
    REQUIRE(hold != NULL);
    CHECK_EQ(state_of(pid), 't');
    CHECK_EQ(hold_loose(hold), 0);
    hold_drop(hold);
    CHECK_EQ(state_of(pid), 'R');
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    CHECK(hold_take(pid, &failure) == NULL);
    CHECK_EQ(failure.status, STATUS_GONE);
}

TEST(hold, loses_no_signal)
{
    pid_t pid = spinner();
    struct failure failure;
    int status;

    REQUIRE(pid > 0);
    for (int i = 0; i < 20; i++) {
        struct hold *hold = hold_take(pid, &failure);
        REQUIRE(hold != NULL);
        if (i == 19)
            (void)kill(pid, SIGTERM);
        hold_drop(hold);
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

TEST(hold, ends_with_its_taker)
{
    pid_t pid = spinner();
    struct failure failure;

    REQUIRE(pid > 0);
    pid_t taker = fork();
    if (taker == 0)
        _exit(hold_take(pid, &failure) != NULL && state_of(pid) == 't' ? 0 : 1);
    int status = -1;
    REQUIRE(waitpid(taker, &status, 0) == taker);
    CHECK_EQ(status, 0);
    CHECK_EQ(state_of(pid), 'R');
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}
