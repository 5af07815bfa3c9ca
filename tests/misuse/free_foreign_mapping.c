/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* Memory of the program's own mmap. */
#include "misuse.h"

#include <sys/mman.h>

int main(void)
{
    void *mem = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED) {
        no_misuse("no mapping");
    }
    free(block(SLAB_SIZE));
    free(victim((unsigned char *)mem + 4096));
    return 0;
}
