/* SPDX-License-Identifier: MIT */
/* expect: abort "double free" */
/* attack: 3 */
/* One foreign thread frees it, then a second one. */
#include "misuse_thread.h"

int main(void)
{
    void *mem = block(SLAB_SIZE);
    free_in_a_thread(victim(mem));
    free_in_a_thread(launder(mem));
    return 0;
}
