/* SPDX-License-Identifier: MIT */
/*
 * An audit library (ld.so(8), LD_AUDIT): lives in a namespace of its own with
 * a libc and a malloc of its own, in the same address space.  It allocates at
 * every event.
 */
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned events;

static void use_malloc(void)
{
    void *mem = malloc(10 + events % 1000 * 50);

    if (mem == NULL) {
        abort();
    }
    memset(mem, 1, 10 + events % 1000 * 50);
    free(mem);
    events++;
}

unsigned la_version(unsigned version)
{
    use_malloc();
    return version;
}

unsigned la_objopen(struct link_map *map, Lmid_t id, uintptr_t *cookie)
{
    (void)map, (void)id, (void)cookie;
    use_malloc();
    return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

unsigned la_objclose(uintptr_t *cookie)
{
    (void)cookie;
    use_malloc();
    return 0;
}

#if defined(__x86_64__)
/* Every call through a PLT, in every thread. */
uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned index, uintptr_t *from,
                       uintptr_t *to, unsigned *flags, const char *name)
{
    (void)index, (void)from, (void)to, (void)flags, (void)name;
    use_malloc();
    return symbol->st_value;
}
#endif

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("AUDIT_LOG");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;

    if (file != NULL) {
        fprintf(file, "%u\n", events);
        fclose(file);
    }
}
