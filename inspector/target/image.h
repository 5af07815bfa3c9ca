/* SPDX-License-Identifier: MIT */
#ifndef TARGET_IMAGE_H
#define TARGET_IMAGE_H
/* An ELF program or library as it lies in the target's memory. */
#include "target/target.h"

#include <elf.h>

enum { IMAGE_HEADERS = 64 };

struct image {
    uintptr_t start; /* of its ELF header */
    uintptr_t bias;  /* added to the addresses in the file */
    Elf64_Phdr headers[IMAGE_HEADERS];
    size_t nheaders;
};

/* False: there is none at `start`. */
bool image_open(struct target *target, uintptr_t start, struct image *image);

/* A symbol that the image defines and exports; 0: it has none such. */
uintptr_t image_symbol(struct target *target, const struct image *image,
                       const char *name);

/* The root by the image's LIBALLOC note; 0: it has none. */
uintptr_t image_root_by_note(struct target *target, const struct image *image);

#endif
