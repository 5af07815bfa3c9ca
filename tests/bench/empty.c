/* SPDX-License-Identifier: MIT */
/* libempty.so: a library that is preloaded and has no malloc. */
int empty_answer(void);

int empty_answer(void)
{
    return 42;
}
