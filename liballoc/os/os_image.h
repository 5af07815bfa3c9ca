/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_OS_OS_IMAGE_H
#define LIBALLOC_OS_OS_IMAGE_H
/*
 * What a loaded program or library is.  Layer: os.  Locks: none; nothing here
 * allocates or touches errno.
 */
#include "layout/snapshot.h"

#include <stdbool.h>

/*
 * The build id of the ELF image that is mapped at image->start; its size is 0
 * where it has none.  False: there is no image.  What is `running` is read as
 * it stands, without a system call: a sandbox may kill for one.  Else nothing
 * faults, whatever lies there.
 */
bool os_build_id(struct snapshot_image *image, bool running);

#endif
