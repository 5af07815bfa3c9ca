/* SPDX-License-Identifier: MIT */
#include "symbol/file.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
};

/* Names are the target's: what they lead to may be a device, or a pipe. */
static int only_regular(int fd)
{
    struct stat stat_of;

    if (fd >= 0 && (fstat(fd, &stat_of) != 0 || !S_ISREG(stat_of.st_mode))) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Within the root of the process: its links do not lead out of it. */
static int open_in_root(pid_t pid, const char *path)
{
    const struct open_how how = {.flags = OPEN_FLAGS,
                                 .resolve = RESOLVE_IN_ROOT};
    char root[64];

    (void)snprintf(root, sizeof root, "/proc/%d/root", (int)pid);
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return -1;
    int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
    (void)close(directory);
    return only_regular(fd);
}

/* The very file, even if it was deleted; needs a capability. */
static int open_mapped(pid_t pid, const struct module *module,
                       const struct modules *modules)
{
    char path[96];

    for (size_t i = 0; i < modules->nmaps; i++) {
        const struct module_map *map = &modules->maps[i];
        if (&modules->all[map->module] != module)
            continue;
        (void)snprintf(path, sizeof path, "/proc/%d/map_files/%lx-%lx",
                       (int)pid, (unsigned long)map->start,
                       (unsigned long)map->end);
        return only_regular(open(path, OPEN_FLAGS));
    }
    return -1;
}

/* The program itself, deleted or not; others need map_files. */
static int open_program(pid_t pid, const struct module *module)
{
    char path[64];
    struct stat stat_of;

    (void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    int fd = only_regular(open(path, OPEN_FLAGS));
    if (fd >= 0 &&
        (fstat(fd, &stat_of) != 0 || stat_of.st_ino != module->inode)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int open_debug(const struct module *module)
{
    char path[128];
    int used = snprintf(path, sizeof path, "/usr/lib/debug/.build-id/%02x/",
                        module->id.bytes[0]);

    if (module->id.size < 2)
        return -1;
    for (uint32_t i = 1; i < module->id.size; i++) {
        used += snprintf(path + used, sizeof path - (size_t)used, "%02x",
                         module->id.bytes[i]);
    }
    (void)snprintf(path + used, sizeof path - (size_t)used, ".debug");
    return only_regular(open(path, OPEN_FLAGS));
}

/* The id in a file's notes; false: it is no ELF file. */
static bool file_build_id(int fd, struct build_id *id)
{
    size_t count = 0;

    *id = (struct build_id){0};
    (void)elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (elf == NULL || elf_kind(elf) != ELF_K_ELF ||
        elf_getphdrnum(elf, &count) != 0) {
        (void)elf_end(elf);
        return false;
    }
    for (size_t i = 0; i < count && id->size == 0; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, (int)i, &header) == NULL ||
            header.p_type != PT_NOTE)
            continue;
        const Elf_Data *notes = elf_getdata_rawchunk(
            elf, (int64_t)header.p_offset, header.p_filesz, ELF_T_BYTE);
        if (notes != NULL && notes->d_buf != NULL)
            (void)build_id_find(notes->d_buf, notes->d_size, id);
    }
    (void)elf_end(elf);
    id->is_known = true;
    return true;
}

/* NULL: modules of a file, with no target. */
static bool is_process(const struct target *target)
{
    return target != NULL && target_kind(target) == TARGET_PROCESS;
}

enum verdict { NO_FILE, SAME_BUILD, OTHER_BUILD, UNPROVEN };

static enum verdict judge(const struct target *target,
                          const struct module *module, int fd)
{
    struct build_id id;
    struct stat stat_of;

    if (!file_build_id(fd, &id))
        return OTHER_BUILD;
    if (module->id.is_known && module->id.size > 0) {
        return id.size == module->id.size &&
                       memcmp(id.bytes, module->id.bytes, id.size) == 0
                   ? SAME_BUILD
                   : OTHER_BUILD;
    }
    if (module->id.is_known && id.size > 0)
        return OTHER_BUILD;
    if (is_process(target) && fstat(fd, &stat_of) == 0)
        return stat_of.st_ino == module->inode ? SAME_BUILD : OTHER_BUILD;
    return UNPROVEN;
}

/* `fd` if it is the right one, else -1; the worst verdict is kept. */
static int accept_file(const struct target *target, const struct module *module,
                       int fd, enum verdict *verdict)
{
    if (fd < 0)
        return -1;
    *verdict = judge(target, module, fd);
    if (*verdict == SAME_BUILD)
        return fd;
    (void)close(fd);
    return -1;
}

static void say_refused(struct target *target, const struct module *module,
                        enum verdict verdict)
{
    static const char *const reasons[] = {
        [NO_FILE] = "there is no file of that build (any more)",
        [SAME_BUILD] = "the file is damaged",
        [OTHER_BUILD] = "the file is another build than what it runs",
        [UNPROVEN] = "no build id proves that the file is what it runs",
    };

    if (target == NULL) {
        (void)fprintf(stderr,
                      "heapinspect: %.200s: %s: its functions are shown as "
                      "%s+0xOFFSET\n",
                      module->path, reasons[verdict], module->name);
        return;
    }
    target_warn(target, "%.200s: %s: its functions are shown as %s+0xOFFSET",
                module->path, reasons[verdict], module->name);
}

int module_open(struct target *target, const struct modules *modules,
                const struct module *module)
{
    pid_t pid = target != NULL ? target_pid(target) : 0;
    enum verdict verdict = NO_FILE;
    int fd = -1;

    if (is_process(target)) {
        fd = accept_file(target, module, open_mapped(pid, module, modules),
                         &verdict);
        if (fd < 0) {
            fd = accept_file(target, module, open_program(pid, module),
                             &verdict);
        }
        if (fd < 0) {
            fd = accept_file(target, module, open_in_root(pid, module->path),
                             &verdict);
        }
    } else {
        fd =
            accept_file(target, module,
                        only_regular(open(module->path, OPEN_FLAGS)), &verdict);
    }
    enum verdict of_file = verdict;
    if (fd < 0)
        fd = accept_file(target, module, open_debug(module), &verdict);
    if (fd < 0)
        say_refused(target, module, of_file);
    return fd;
}
