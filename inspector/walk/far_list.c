/* SPDX-License-Identifier: MIT */
#include "walk/far_list.h"

uintptr_t far_list_next(struct far_list *list)
{
    struct list_head link;

    if (list->broken || list->steps++ > FAR_LIST_MAX ||
        !far_read(list->target, list->at, &link, sizeof link) ||
        (list->prev != 0 && FAR_ADDRESS(link.prev) != list->prev)) {
        list->broken = true;
        return 0;
    }
    uintptr_t next = FAR_ADDRESS(link.next);
    if (next == 0 || next == list->head) {
        list->broken = next == 0 && list->at != list->head;
        return 0; /* NULL in the head: zeroed, that is empty */
    }
    list->prev = list->at;
    list->at = next;
    return next;
}

size_t far_offset(struct target *target, const char *type, const char *field)
{
    struct field_descriptor descriptor;

    return far_field(target, type, field, &descriptor) ? descriptor.offset
                                                       : SIZE_MAX;
}

bool far_number(struct target *target, uintptr_t address, size_t width,
                uint64_t *value)
{
    uint64_t number = 0; /* little endian, as all hosts of liballoc */

    if (width > sizeof number || !far_read(target, address, &number, width))
        return false;
    *value = number;
    return true;
}
