/* SPDX-License-Identifier: MIT */
#include "api/dump.h"

#include "api/root.h"
#include "base/bits.h"
#include "base/print.h"
#include "base/syscall.h"
#include "heap/registry.h"
#include "layout/root.h"
#include "layout/snapshot.h"
#include "os/os_image.h"
#include "os/os_mem.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/procfs.h>
#include <time.h>

enum {
    READ_START = 256 * 1024,
    PAGEMAP_STEP = DUMP_WINDOW / 8, /* pages looked up at a time */
};

/* Bits of /proc/PID/pagemap. */
#define PAGEMAP_PRESENT ((uint64_t)1 << 63)
#define PAGEMAP_SWAPPED ((uint64_t)1 << 62)
#define PAGEMAP_SHARED  ((uint64_t)1 << 61)

static bool buffer_grow(struct dump_buffer *buffer, size_t room)
{
    if (room <= buffer->room)
        return true;
    room = round_up(max_size(room, 2 * buffer->room), os_page_size());
    char *fresh = os_map(room);
    if (fresh == NULL)
        return false;
    if (buffer->bytes != NULL) {
        memcpy(fresh, buffer->bytes, buffer->size);
        os_unmap(buffer->bytes, buffer->room);
    }
    buffer->bytes = fresh;
    buffer->room = room;
    return true;
}

void dump_buffer_free(struct dump_buffer *buffer)
{
    if (buffer->bytes != NULL)
        os_unmap(buffer->bytes, buffer->room);
    *buffer = (struct dump_buffer){0};
}

static long open_file(const char *path)
{
    return syscall6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0,
                    0, 0);
}

/* NUL-terminated, too. */
bool dump_read_file(struct dump_buffer *buffer, const char *path)
{
    long fd = open_file(path);
    long n = fd;

    buffer->size = 0;
    while (n >= 0) {
        size_t want = max_size(READ_START, 2 * buffer->size);
        if (!buffer_grow(buffer, want)) {
            n = -1;
            break;
        }
        n = syscall3(SYS_read, fd, (long)(buffer->bytes + buffer->size),
                     (long)(buffer->room - buffer->size - 1));
        if (n == 0)
            break;
        buffer->size += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        syscall3(SYS_close, fd, 0, 0);
    if (n == 0)
        buffer->bytes[buffer->size] = '\0';
    return n == 0;
}

/* A hexadecimal number; *at behind it. */
static uintptr_t parse_hex(const char **at)
{
    uintptr_t value = 0;

    for (;; ++*at) {
        char c = **at;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit > 15)
            return value;
        value = value * 16 + digit;
    }
}

/* One line of /proc/PID/maps. */
struct map_line {
    uintptr_t start;
    uintptr_t end;
    uint64_t offset;
    uint32_t flags;
    bool is_shared;
    const char *name; /* to the end of the line */
    size_t name_size;
};

/* The next line; false = the end. */
static bool next_map(const char **at, struct map_line *line)
{
    const char *it = *at;
    const char *end = strchr(it, '\n');

    if (end == NULL)
        return false;
    *at = end + 1;
    line->start = parse_hex(&it);
    it++;
    line->end = parse_hex(&it);
    line->flags = (it[1] == 'r' ? PF_R : 0u) | (it[2] == 'w' ? PF_W : 0u) |
                  (it[3] == 'x' ? PF_X : 0u);
    line->is_shared = it[4] == 's';
    it += sizeof " rwxp";
    line->offset = parse_hex(&it);
    it = memchr(it, '/', (size_t)(end - it));
    line->name = it != NULL ? it : end;
    line->name_size = (size_t)(end - line->name);
    return true;
}

void dump_parse_maps(struct dump *dump)
{
    const char *at = dump->maps.bytes;
    struct map_line line;

    dump->nranges = 0;
    while (dump->nranges < dump->max_ranges && next_map(&at, &line)) {
        dump->ranges[dump->nranges++] =
            (struct dump_range){.start = line.start,
                                .end = line.end,
                                .flags = line.flags,
                                .is_shared = line.is_shared};
    }
}

/* Notes go to the end of the file, which then moves on. */
static void note_put(struct dump *dump, const void *bytes, size_t size)
{
    dump_write_at(dump, bytes, size, dump->end);
    dump->end += size;
}

static void note(struct dump *dump, const char *owner, uint32_t type,
                 const void *desc, size_t size)
{
    static const char zeros[4];
    const Elf64_Nhdr header = {.n_namesz = (uint32_t)strlen(owner) + 1,
                               .n_descsz = (uint32_t)size,
                               .n_type = type};

    note_put(dump, &header, sizeof header);
    note_put(dump, owner, header.n_namesz);
    note_put(dump, zeros, -header.n_namesz & 3);
    note_put(dump, desc, size);
    note_put(dump, zeros, -size & 3);
}

/* name, NUL, text. */
static void note_text(struct dump *dump, const char *name)
{
    char path[64];
    size_t skip = strlen(name) + 1;

    print_buf(path, sizeof path, "/proc/self/%s", name);
    if (!dump_read_file(&dump->text, path) ||
        !buffer_grow(&dump->text, dump->text.size + skip))
        return;
    memmove(dump->text.bytes + skip, dump->text.bytes, dump->text.size);
    memcpy(dump->text.bytes, name, skip);
    note(dump, ROOT_NOTE_OWNER, SNAPSHOT_NOTE_TEXT, dump->text.bytes,
         dump->text.size + skip);
}

static void note_texts(struct dump *dump)
{
    static const char *const files[] = {"smaps", "status", "limits", "stat",
                                        "statm", "comm",   "cgroup"};
    char name[40];

    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        note_text(dump, files[i]);
    for (uint32_t id = 1; id < heap_count && id < MAX_HEAPS; id++) {
        if (heap_table[id] == NULL || heap_table[id]->tid == 0)
            continue;
        print_buf(name, sizeof name, "task/%u/comm", heap_table[id]->tid);
        note_text(dump, name);
    }
}

/* For debuggers: the process, one thread without registers, ld.so's vector. */
static void note_process(struct dump *dump)
{
    pid_t pid = (pid_t)syscall3(SYS_getpid, 0, 0, 0);
    struct elf_prpsinfo info = {.pr_sname = 'R', .pr_pid = pid};
    struct elf_prstatus status = {.pr_pid = pid};

    if (dump_read_file(&dump->text, "/proc/self/comm")) {
        size_t size = min_size(dump->text.size, sizeof info.pr_fname);
        memcpy(info.pr_fname, dump->text.bytes, size - (size > 0));
        memcpy(info.pr_psargs, info.pr_fname, sizeof info.pr_fname - 1);
    }
    note(dump, "CORE", NT_PRPSINFO, &info, sizeof info);
    note(dump, "CORE", NT_PRSTATUS, &status, sizeof status);
    if (dump_read_file(&dump->text, "/proc/self/auxv"))
        note(dump, "CORE", NT_AUXV, dump->text.bytes, dump->text.size);
}

/* NT_FILE: count, page size, {start, end, offset in pages}, names. */
static void note_files(struct dump *dump)
{
    const char *at = dump->maps.bytes;
    struct map_line line;
    uint64_t count = 0;
    size_t names = 0;

    while (next_map(&at, &line)) {
        count += line.name_size > 0;
        names += line.name_size > 0 ? line.name_size + 1 : 0;
    }
    size_t size = (2 + 3 * count) * sizeof(uint64_t) + names;
    if (!buffer_grow(&dump->text, size))
        return;
    uint64_t *words = (uint64_t *)(void *)dump->text.bytes;
    char *name = dump->text.bytes + (2 + 3 * count) * sizeof *words;
    *words++ = count;
    *words++ = dump->page;
    at = dump->maps.bytes;
    while (next_map(&at, &line)) {
        if (line.name_size == 0)
            continue;
        *words++ = line.start;
        *words++ = line.end;
        *words++ = line.offset / dump->page;
        memcpy(name, line.name, line.name_size);
        name[line.name_size] = '\0';
        name += line.name_size + 1;
    }
    note(dump, "CORE", NT_FILE, dump->text.bytes, size);
}

/* Build ids, for readers that look for names when the files have changed. */
static void note_images(struct dump *dump)
{
    const char *at = dump->maps.bytes;
    struct map_line line;

    dump->text.size = 0;
    while (next_map(&at, &line)) {
        struct snapshot_image image = {.start = line.start};
        size_t size = dump->text.size;
        if (line.name_size == 0 || line.offset != 0 ||
            !os_build_id(&image, false) ||
            !buffer_grow(&dump->text, size + sizeof image))
            continue;
        memcpy(dump->text.bytes + size, &image, sizeof image);
        dump->text.size = size + sizeof image;
    }
    note(dump, ROOT_NOTE_OWNER, SNAPSHOT_NOTE_IMAGES, dump->text.bytes,
         dump->text.size);
}

void dump_notes(struct dump *dump)
{
    struct timespec clock = {0, 0};
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)clock_gettime(CLOCK_MONOTONIC, &clock);
    const struct snapshot_header header = {
        .major = SNAPSHOT_MAJOR,
        .minor = SNAPSHOT_MINOR,
        .size = sizeof header,
        .flags = SNAPSHOT_OWN | SNAPSHOT_STOPPED |
                 (dump->with_content ? SNAPSHOT_CONTENT : 0u),
        .pid = (uint32_t)syscall3(SYS_getpid, 0, 0, 0),
        .root = (uint64_t)root_address(),
        .system_page = dump->page,
        .time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
        .clock_ms =
            (uint64_t)clock.tv_sec * 1000 + (uint64_t)clock.tv_nsec / 1000000,
    };

    dump->notes_at[0] = dump->end;
    note(dump, ROOT_NOTE_OWNER, SNAPSHOT_NOTE_HEADER, &header, sizeof header);
    note_process(dump);
    note_files(dump);
    note_images(dump);
    note_texts(dump);
    dump->notes_size[0] = dump->end - dump->notes_at[0];
}

void dump_stop_time(struct dump *dump, uint64_t us)
{
    /* Behind the note's header and its padded owner. */
    uint64_t desc = dump->notes_at[0] + sizeof(Elf64_Nhdr) +
                    round_up(sizeof ROOT_NOTE_OWNER, 4);

    dump_write_at(dump, &us, sizeof us,
                  desc + offsetof(struct snapshot_header, stop_us));
}

static uint32_t residency_of(uint64_t entry)
{
    return KNOWN | ((entry & PAGEMAP_PRESENT) != 0 ? RESIDENT : 0) |
           ((entry & PAGEMAP_SWAPPED) != 0 ? SWAPPED : 0) |
           ((entry & PAGEMAP_SHARED) != 0 ? SHARED : 0);
}

/* Appends a run to the text buffer, or makes the last one longer. */
static bool run_add(struct dump_buffer *buffer, uint32_t bits)
{
    struct snapshot_run *last =
        (void *)(buffer->bytes + buffer->size - sizeof *last);

    if (buffer->size > sizeof(struct snapshot_residency) &&
        last->bits == bits) {
        last->count++;
        return true;
    }
    if (!buffer_grow(buffer, buffer->size + sizeof *last))
        return false;
    const struct snapshot_run run = {1, bits};
    memcpy(buffer->bytes + buffer->size, &run, sizeof run);
    buffer->size += sizeof run;
    return true;
}

static void range_residency(struct dump *dump, long fd,
                            const struct dump_range *range)
{
    uint64_t *entries = (uint64_t *)(void *)dump->window;
    size_t count = (range->end - range->start) / dump->page;
    const struct snapshot_residency head = {range->start, count};

    dump->text.size = 0;
    if (!buffer_grow(&dump->text, READ_START))
        return;
    memcpy(dump->text.bytes, &head, sizeof head);
    dump->text.size = sizeof head;
    for (size_t done = 0; done < count;) {
        size_t step = min_size(count - done, PAGEMAP_STEP);
        long n = syscall6(SYS_pread64, fd, (long)entries, (long)(step * 8),
                          (long)((range->start / dump->page + done) * 8), 0, 0);
        if (n <= 0)
            return;
        for (size_t i = 0; i < (size_t)n / 8; i++) {
            if (!run_add(&dump->text, residency_of(entries[i])))
                return;
        }
        done += (size_t)n / 8;
    }
    note(dump, ROOT_NOTE_OWNER, SNAPSHOT_NOTE_RESIDENCY, dump->text.bytes,
         dump->text.size);
}

void dump_residency(struct dump *dump)
{
    long fd = open_file("/proc/self/pagemap");

    dump_flush(dump); /* its window is used here */
    dump->window_at = 0;
    dump->end = round_up(dump->end, 4);
    dump->notes_at[1] = dump->end;
    for (size_t i = 0; i < dump->nranges && fd >= 0; i++) {
        if (dump->ranges[i].is_ours)
            range_residency(dump, fd, &dump->ranges[i]);
    }
    dump->notes_size[1] = dump->end - dump->notes_at[1];
    if (fd >= 0)
        syscall3(SYS_close, fd, 0, 0);
}
