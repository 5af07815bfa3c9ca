/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* attack: 6 */
/* No block starts at this address: they are aligned to 16. */
#include "misuse.h"

int main(void)
{
    unsigned char *mem = block(CHUNK_SIZE);
    free(victim(mem + 8));
    return 0;
}
