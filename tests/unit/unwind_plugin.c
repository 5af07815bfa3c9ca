/* SPDX-License-Identifier: MIT */
/*
 * Two libraries that may lie at one address, and make their call at the same
 * one, from frames of other sizes.
 */
void plugin_call(void (*function)(void));
void plugin_other(void);

void plugin_call(void (*function)(void))
{
    char local[FRAME];

    __asm__ volatile("" : : "r"(local) : "memory");
    function();
    __asm__ volatile("" : : "r"(local) : "memory");
}

#if FRAME > 4096
void plugin_other(void)
{
    __asm__ volatile("");
}
#endif
