/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_API_ROOT_H
#define LIBALLOC_API_ROOT_H
/*
 * The published root (layout/root.h), filled in at start.  Nothing here is
 * read by the allocator itself.
 * Layer: api.
 */
#include "layout/root.h"

#include "base/compiler.h"

/*
 * The tables that the root points to.  Not const: memory that the process
 * could never write to is not in a core dump.
 */
extern HIDDEN struct type_descriptor root_types[TYPE_ID_COUNT];
extern HIDDEN struct field_descriptor root_fields[];
extern HIDDEN const uint32_t root_nfields;
extern HIDDEN struct region_rule root_regions[];
extern HIDDEN const uint32_t root_nregions;

const struct heap_root *root_address(void);

/* Once, when the library is usable. */
void root_init(void);

/* In the child of a fork: another process than the parent's root tells of. */
void root_after_fork(void);

#endif
