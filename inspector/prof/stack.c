/* SPDX-License-Identifier: MIT */
#include "prof/stack.h"

#include <stdio.h>
#include <string.h>

static const struct symbol unknown = {.function = "[unknown]",
                                      .module = MODULE_NONE};

/* Is the frame in the allocator's own library?  Linked in, it is not known. */
static bool is_ours(const struct profile *profile, struct symbols *symbols,
                    uintptr_t frame)
{
    const struct modules *modules = symbols_modules(symbols);
    const struct module_map *root =
        modules_at(modules, target_root_address(profile->target));
    const struct module_map *map = modules_at(modules, frame - 1);

    return root != NULL && map != NULL && map->module == root->module &&
           strstr(modules->all[map->module].name, "liballoc") != NULL;
}

void stack_name(const struct profile *profile, struct symbols *symbols,
                size_t stack, struct named_stack *out)
{
    size_t depth;
    const uintptr_t *frames = profile_frames(profile, stack, &depth);

    while (depth > 1 && is_ours(profile, symbols, frames[0])) {
        frames++;
        depth--;
    }
    out->frames = frames;
    out->nframes = depth;
    out->count = 0;
    for (size_t i = 0; i < depth; i++) {
        const struct place *place = symbols_at(symbols, frames[i]);
        for (size_t s = 0; s < place->count; s++) {
            if (out->count < STACK_SYMBOLS)
                out->symbols[out->count++] = &place->symbols[s];
        }
    }
    if (out->count == 0)
        out->symbols[out->count++] = &unknown;
}

const char *stack_text(const struct named_stack *stack, size_t most,
                       char text[STACK_TEXT])
{
    size_t used = 0;
    size_t i = 0;

    text[0] = '\0';
    for (; i < stack->count && i < most; i++) {
        const char *name = stack->symbols[i]->function;
        size_t needed = strlen(name) + 3;
        if (used + needed + 16 > STACK_TEXT)
            break;
        used += (size_t)snprintf(text + used, STACK_TEXT - used, "%s%s",
                                 i > 0 ? " < " : "", name);
    }
    if (i < stack->count) {
        (void)snprintf(text + used, STACK_TEXT - used, " < +%zu",
                       stack->count - i);
    }
    return text;
}

/* ';' parts frames, a newline lines: none of either within a name. */
static void append(char *text, size_t *used, const char *name)
{
    for (; *name != '\0' && *used + 1 < STACK_TEXT; name++) {
        bool parts = *name == ';' || (unsigned char)*name < ' ';
        text[*used] = *name;
        if (parts)
            text[*used] = ':';
        ++*used;
    }
    text[*used] = '\0';
}

const char *stack_collapsed(const struct named_stack *stack,
                            char text[STACK_TEXT])
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = stack->count; i-- > 0;) {
        append(text, &used, stack->symbols[i]->function);
        if (i > 0 && used + 1 < STACK_TEXT)
            text[used++] = ';';
    }
    text[used] = '\0';
    return text;
}
