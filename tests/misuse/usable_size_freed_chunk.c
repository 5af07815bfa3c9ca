/* SPDX-License-Identifier: MIT */
/* expect: abort "double free|invalid pointer|freed" in malloc_usable_size */
/* attack: 22 */
/* The usable size of what is free. */
#include "misuse.h"

#include <malloc.h>

int main(void)
{
    void *mem = block(CHUNK_SIZE);
    free(victim(mem));
    size_t size = malloc_usable_size(launder(mem));
    printf("usable %zu\n", size);
    return 0;
}
