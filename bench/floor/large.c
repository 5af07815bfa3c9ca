/* SPDX-License-Identifier: MIT */
/* Blocks of the floor that no class is large enough for. */
#include "floor.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

/* Sits below each block over CLASS_MAX. */
struct large {
    size_t offset; /* from the start of the mapping to the block */
    size_t length; /* of the mapping */
};

void *large_alloc(size_t align, size_t size)
{
    size_t length;
    size_t gap = align > PAGE ? align : PAGE;
    if (__builtin_add_overflow(size, gap + PAGE - 1, &length)) {
        errno = ENOMEM;
        return NULL;
    }
    length &= ~(size_t)(PAGE - 1);
    char *map = mmap(NULL, length, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        errno = ENOMEM;
        return NULL;
    }
    size_t offset = gap - ((uintptr_t)map & (gap - 1));
    if (align <= 16)
        offset = sizeof(struct large);
    struct large *large = (void *)(map + offset - sizeof *large);
    large->offset = offset;
    large->length = length;
    return map + offset;
}

static struct large *large_of(void *mem)
{
    return (struct large *)mem - 1;
}

void large_free(void *mem)
{
    if (!mem)
        return;
    int saved = errno;
    struct large large = *large_of(mem);
    munmap((char *)mem - large.offset, large.length);
    errno = saved;
}

void *large_realloc(void *mem, size_t size)
{
    struct large *large = large_of(mem);
    size_t offset = large->offset;
    size_t length = (size + offset + PAGE - 1) & ~(size_t)(PAGE - 1);
    char *map =
        mremap((char *)mem - offset, large->length, length, MREMAP_MAYMOVE);
    if (map == MAP_FAILED)
        return NULL;
    large_of(map + offset)->length = length;
    return map + offset;
}

size_t large_usable(const void *mem)
{
    const struct large *large = (const struct large *)mem - 1;
    return large->length - large->offset;
}
