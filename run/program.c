/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
    INTERPRETERS_MAX = 4, /* scripts that are run by scripts */
};

/* As execvp() searches; false: not found. */
static bool find_in_path(const char *name, char *out, size_t size)
{
    const char *path = getenv("PATH");

    if (strchr(name, '/') != NULL) {
        (void)snprintf(out, size, "%s", name);
        return true;
    }
    for (const char *at = path != NULL ? path : "/bin:/usr/bin";; at++) {
        int length = (int)strcspn(at, ":");
        (void)snprintf(out, size, "%.*s%s%s", length, at, length > 0 ? "/" : "",
                       name);
        if (access(out, X_OK) == 0)
            return true;
        at += length;
        if (*at == '\0')
            return false;
    }
}

/* ld.so ignores LD_PRELOAD where a program gains rights. */
static const char *rights_obstacle(const char *path, int fd)
{
    struct stat st;

    if (geteuid() == 0 || fstat(fd, &st) != 0)
        return NULL;
    if ((st.st_mode & S_ISUID) != 0 && st.st_uid != geteuid())
        return "the program is setuid";
    if ((st.st_mode & S_ISGID) != 0 && st.st_gid != getegid())
        return "the program is setgid";
    if (getxattr(path, "security.capability", NULL, 0) > 0)
        return "the program has file capabilities";
    return NULL;
}

/* Statically linked programs name no ld.so. */
static const char *elf_obstacle(int fd, const Elf64_Ehdr *elf)
{
    Elf64_Ehdr own;
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool known = self >= 0 && read(self, &own, sizeof own) == sizeof own;

    if (self >= 0)
        close(self);
    if (known && (elf->e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
                  elf->e_machine != own.e_machine))
        return "the program is for another machine than liballoc";
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        Elf64_Phdr header;
        off_t at = (off_t)(elf->e_phoff + i * sizeof header);
        if (pread(fd, &header, sizeof header, at) != sizeof header ||
            header.p_type == PT_INTERP)
            return NULL;
    }
    return "the program is statically linked";
}

/* `#! INTERPRETER ARGUMENT`: the interpreter; false: no script. */
static bool script_interpreter(int fd, char *out, size_t size)
{
    char line[256];
    ssize_t length = pread(fd, line, sizeof line - 1, 0);

    if (length < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[length] = '\0';
    const char *start = line + 2 + strspn(line + 2, " \t");
    (void)snprintf(out, size, "%.*s", (int)strcspn(start, " \t\n"), start);
    return true;
}

const char *program_obstacle(const char *name)
{
    char path[PATH_MAX];
    const char *why = NULL;
    bool is_script = find_in_path(name, path, sizeof path);

    for (int i = 0; is_script && i < INTERPRETERS_MAX; i++) {
        Elf64_Ehdr elf;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return NULL;
        if (pread(fd, &elf, sizeof elf, 0) == sizeof elf &&
            memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0) {
            why = rights_obstacle(path, fd);
            why = why != NULL ? why : elf_obstacle(fd, &elf);
        }
        is_script = script_interpreter(fd, path, sizeof path);
        close(fd);
    }
    return why;
}
