/* SPDX-License-Identifier: MIT */
#include "os/os_barrier.h"

#include "base/atomic.h"
#include "base/syscall.h"

#include <linux/membarrier.h>

bool os_membarrier_works;

static bool membarrier(int command)
{
    return syscall3(SYS_membarrier, command, 0, 0) == 0;
}

void os_membarrier_init(void)
{
    os_membarrier_works = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

void os_membarrier(void)
{
    if (os_membarrier_works && membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
        return;
    /* A seccomp filter that came later: register anew, or fence and hope that
       the owner's slow path is not at this very instruction. */
    if (os_membarrier_works) {
        os_membarrier_init();
        membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    }
    fence_seq_cst();
}
