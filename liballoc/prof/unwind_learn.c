/* SPDX-License-Identifier: MIT */
/*
 * libunwind's generic ("remote") part, on our own process:
 *
 *   unw_step()  -> find_proc_info   the object's .eh_frame_hdr, searched
 *               -> access_mem       .eh_frame, or the stack; noted
 *               -> access_reg       our copy of the registers; noted
 *
 * What one step read tells the rule: no register but RSP or RBP, no word of
 * the stack but the return address, and CFA minus the register is a constant
 * of the pc (CFI rows are).  Whatever else a frame wants, libunwind does each
 * time.
 */
#include "prof/unwind_learn.h"

#include "base/config.h"

#if CONFIG_LIBUNWIND

#    include "prof/unwind_object.h"

#    include <dlfcn.h>
#    include <libunwind-x86_64.h>
#    include <string.h>
#    include <sys/auxv.h>

enum {
    STACK_READS = 4,
    RETURN_ADDRESS = 8,    /* below the CFA */
    TABLE_ENCODING = 0x3b, /* DW_EH_PE_datarel | DW_EH_PE_sdata4 */
};

/* The start of .eh_frame_hdr, as GNU and LLVM linkers write it. */
struct eh_frame_hdr {
    uint8_t version;
    uint8_t eh_frame_encoding; /* 0x1b: pc-relative, 4 bytes */
    uint8_t count_encoding;    /* 0x03: 4 bytes */
    uint8_t table_encoding;
    int32_t eh_frame;
    uint32_t count;
};

struct stack_read {
    uintptr_t address;
    uintptr_t value;
};

/* One step, and what it read. */
struct step_log {
    struct unwinder *unwinder;
    const struct unwind_object *object;
    const uintptr_t *registers;
    uint32_t registers_read; /* bits */
    unsigned nreads;         /* of the stack */
    struct stack_read reads[STACK_READS];
    uintptr_t asked; /* the pc that find_proc_info was called for */
    bool no_data;
};

typedef int search_function(unw_addr_space_t space, unw_word_t pc,
                            unw_dyn_info_t *table, unw_proc_info_t *info,
                            int need_unwind_info, void *log);

/* Immutable after learn_init(). */
static struct {
    unw_addr_space_t space;
    __typeof(dlopen) *open;
    __typeof(unw_create_addr_space) *create;
    __typeof(unw_set_caching_policy) *set_caching;
    __typeof(unw_init_remote) *init;
    __typeof(unw_step) *step;
    __typeof(unw_get_reg) *get_reg;
    __typeof(unw_get_save_loc) *get_save_loc;
    __typeof(unw_is_signal_frame) *is_signal_frame;
    search_function *search;
} library;

static int find_proc_info(unw_addr_space_t space, unw_word_t pc,
                          unw_proc_info_t *info, int need_unwind_info,
                          void *argument)
{
    struct step_log *log = argument;
    uintptr_t start = log->object->eh_frame_hdr;
    struct eh_frame_hdr header;

    log->asked = pc;
    log->no_data = true;
    if (start == 0)
        return -UNW_ENOINFO;
    memcpy(&header, (const void *)start, sizeof header);
    if (header.version != 1 || header.eh_frame_encoding != 0x1b ||
        header.count_encoding != 0x03 ||
        header.table_encoding != TABLE_ENCODING)
        return -UNW_ENOINFO;
    unw_dyn_info_t table = {
        .start_ip = log->object->start,
        .end_ip = log->object->start + log->object->size,
        .format = UNW_INFO_FORMAT_REMOTE_TABLE,
        .u.rti = {.segbase = start,
                  .table_len = header.count * (uint64_t)8 / sizeof(unw_word_t),
                  .table_data = start + sizeof header},
    };
    int result =
        library.search(space, pc, &table, info, need_unwind_info, argument);
    log->no_data = result < 0;
    return result;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info,
                            void *log)
{
    (void)space;
    (void)info;
    (void)log;
}

static int no_dynamic_info(unw_addr_space_t space, unw_word_t *list, void *log)
{
    (void)space;
    (void)list;
    (void)log;
    return -UNW_ENOINFO;
}

static int access_mem(unw_addr_space_t space, unw_word_t address,
                      unw_word_t *word, int write, void *argument)
{
    struct step_log *log = argument;
    uintptr_t value;

    (void)space;
    if (write)
        return -UNW_EINVAL;
    if (address - log->object->start < log->object->size) {
        if (!unwind_object_word(log->object, address, &value))
            return -UNW_EINVAL;
    } else {
        if (!stack_word(&log->unwinder->stack, address, &value))
            return -UNW_EINVAL;
        if (log->nreads < STACK_READS)
            log->reads[log->nreads] = (struct stack_read){address, value};
        log->nreads++;
    }
    *word = value;
    return 0;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number,
                      unw_word_t *word, int write, void *argument)
{
    struct step_log *log = argument;

    (void)space;
    if (write || number < 0 || number >= REGISTERS)
        return -UNW_EBADREG;
    log->registers_read |= 1u << number;
    *word = log->registers[number];
    return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number,
                        unw_fpreg_t *value, int write, void *log)
{
    (void)space;
    (void)number;
    (void)value;
    (void)write;
    (void)log;
    return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *log)
{
    (void)space;
    (void)cursor;
    (void)log;
    return -UNW_EINVAL;
}

/* Fully static programs may lack it; those with it get no second libc. */
extern __typeof(dlsym) dlsym __attribute__((weak));

/* ISO C knows no way from dlsym's object pointer to a function. */
static bool find(void *handle, const char *name, void *function)
{
    void *found = dlsym(handle, name);

    memcpy(function, &found, sizeof found);
    return found != NULL;
}

bool learn_init(void)
{
    static unw_accessors_t accessors = {
        find_proc_info, put_unwind_info, no_dynamic_info, access_mem,
        access_reg,     access_fpreg,    no_resume,       NULL};

    if (library.space != NULL)
        return true;
    /* By name: the linker warns of static programs that name dlopen(). */
    if (!unwind_object_is_there() || &dlsym == NULL ||
        getauxval(AT_BASE) == 0 || !find(RTLD_DEFAULT, "dlopen", &library.open))
        return false;
    void *handle = library.open("libunwind-x86_64.so.8", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL ||
        !find(handle, "_Ux86_64_create_addr_space", &library.create) ||
        !find(handle, "_Ux86_64_set_caching_policy", &library.set_caching) ||
        !find(handle, "_Ux86_64_init_remote", &library.init) ||
        !find(handle, "_Ux86_64_step", &library.step) ||
        !find(handle, "_Ux86_64_get_reg", &library.get_reg) ||
        !find(handle, "_Ux86_64_get_save_loc", &library.get_save_loc) ||
        !find(handle, "_Ux86_64_is_signal_frame", &library.is_signal_frame) ||
        !find(handle, "_Ux86_64_dwarf_search_unwind_table", &library.search))
        return false;
    unw_addr_space_t space = library.create(&accessors, 0);
    if (space == NULL)
        return false;
    /* Its cache is TLS, which allocates, or a global lock. */
    (void)library.set_caching(space, UNW_CACHE_NONE);
    library.space = space;
    return true;
}

/*
 * Starts a cursor so that it looks `at` up: it may take the pc for a return
 * address, and look at the byte before.
 */
static bool cursor_begin(unw_cursor_t *cursor, struct step_log *log,
                         uintptr_t *registers)
{
    log->registers = registers;
    bool begun = library.init(cursor, library.space, log) >= 0;
    log->registers_read = 0;
    log->nreads = 0;
    return begun;
}

/* The step's result; see cursor_begin(). */
static int cursor_step(unw_cursor_t *cursor, struct step_log *log,
                       uintptr_t *registers)
{
    uintptr_t at = registers[UNW_X86_64_RIP];
    int result = library.step(cursor);

    if (log->asked != at - 1)
        return result;
    registers[UNW_X86_64_RIP] = at + 1;
    return cursor_begin(cursor, log, registers) ? library.step(cursor)
                                                : -UNW_EINVAL;
}

/* Where the caller's RBP is, from `base`; false: in no word that we can say. */
static bool bp_offset(unw_cursor_t *cursor, uintptr_t base, int16_t *offset)
{
    unw_save_loc_t where;

    if (library.get_save_loc(cursor, UNW_X86_64_RBP, &where) < 0)
        return false;
    if (where.type != UNW_SLT_MEMORY)
        return where.type == UNW_SLT_NONE || where.u.regnum == UNW_X86_64_RBP;
    *offset = (int16_t)(where.u.addr - base);
    return (uintptr_t)(intptr_t)*offset == where.u.addr - base;
}

static enum rule_kind rule_of_step(unw_cursor_t *cursor,
                                   const struct step_log *log,
                                   struct rule *rule)
{
    const uint32_t bp_bit = 1u << UNW_X86_64_RBP;
    const uint32_t constant = 1u << UNW_X86_64_RSP | 1u << UNW_X86_64_RIP;
    uint32_t others = log->registers_read & ~constant;
    bool by_bp = others == bp_bit;
    uintptr_t base = log->registers[by_bp ? UNW_X86_64_RBP : UNW_X86_64_RSP];
    unw_word_t cfa;

    if ((others & ~bp_bit) != 0 || log->nreads == 0 ||
        library.get_reg(cursor, UNW_X86_64_RSP, &cfa) < 0)
        return RULE_OTHER;
    const struct stack_read *last =
        &log->reads[log->nreads <= STACK_READS ? log->nreads - 1 : 0];
    if (last->address != cfa - RETURN_ADDRESS)
        return RULE_OTHER;
    if (log->nreads == 1) {
        rule->cfa = (int32_t)(cfa - base);
        bool fits = (uintptr_t)(intptr_t)rule->cfa == cfa - base;
        return fits && bp_offset(cursor, cfa, &rule->bp)
                   ? (by_bp ? RULE_BP : RULE_SP)
                   : RULE_OTHER;
    }
    rule->cfa = (int32_t)(log->reads[0].address - base);
    return by_bp && log->nreads == 2 && log->reads[0].value == cfa &&
                   bp_offset(cursor, base, &rule->bp)
               ? RULE_BP_AT
               : RULE_OTHER;
}

struct rule learn_rule(struct unwinder *unwinder,
                       const struct unwind_object *object, uintptr_t at)
{
    struct rule rule = {.kind = RULE_NOTHING};
    struct step_log log = {.unwinder = unwinder, .object = object};
    uintptr_t registers[REGISTERS] = {
        [UNW_X86_64_RBP] = unwinder->frame.bp,
        [UNW_X86_64_RSP] = unwinder->frame.sp,
        [UNW_X86_64_RIP] = at,
    };
    unw_cursor_t cursor;

    if (!cursor_begin(&cursor, &log, registers))
        return rule;
    if (library.is_signal_frame(&cursor) > 0) {
        rule.kind = RULE_SIGNAL;
        return rule;
    }
    int result = cursor_step(&cursor, &log, registers);
    if (log.no_data)
        return rule;
    if (result == 0 && log.nreads == 0)
        rule.kind = RULE_END;
    else
        rule.kind = (uint8_t)rule_of_step(&cursor, &log, &rule);
    return rule;
}

enum step learn_step(struct unwinder *unwinder,
                     const struct unwind_object *object, uintptr_t at)
{
    struct frame *frame = &unwinder->frame;
    struct step_log log = {.unwinder = unwinder, .object = object};
    uintptr_t *registers = unwinder->registers;
    unw_cursor_t cursor;

    registers[UNW_X86_64_RIP] = at;
    if (!cursor_begin(&cursor, &log, registers))
        return STEP_LOST;
    bool is_signal = library.is_signal_frame(&cursor) > 0;
    int result = cursor_step(&cursor, &log, registers);
    if (log.no_data || result < 0)
        return STEP_LOST;
    if (result == 0)
        return STEP_END;
    uintptr_t callers[REGISTERS];
    for (int i = 0; i < REGISTERS; i++) {
        unw_word_t word = 0;
        (void)library.get_reg(&cursor, i, &word);
        callers[i] = word;
    }
    memcpy(registers, callers, sizeof callers);
    *frame = (struct frame){.at = callers[UNW_X86_64_RIP] - !is_signal,
                            .sp = callers[UNW_X86_64_RSP],
                            .bp = callers[UNW_X86_64_RBP]};
    if (is_signal)
        stack_reader_begin(&unwinder->stack, frame->sp);
    return STEP_ON;
}

enum step learn_signal(struct unwinder *unwinder)
{
    struct frame *frame = &unwinder->frame;
    struct frame caller = {.bp_at = 0};
    const uintptr_t registers =
        frame->sp + offsetof(ucontext_t, uc_mcontext.gregs);

    if (!stack_word(&unwinder->stack, registers + REG_RIP * sizeof(greg_t),
                    &caller.at) ||
        !stack_word(&unwinder->stack, registers + REG_RSP * sizeof(greg_t),
                    &caller.sp) ||
        !stack_word(&unwinder->stack, registers + REG_RBP * sizeof(greg_t),
                    &caller.bp))
        return STEP_LOST;
    *frame = caller;
    stack_reader_begin(&unwinder->stack, frame->sp);
    return STEP_ON;
}

#else

bool learn_init(void)
{
    return false;
}

struct rule learn_rule(struct unwinder *unwinder,
                       const struct unwind_object *object, uintptr_t at)
{
    (void)unwinder;
    (void)object;
    (void)at;
    return (struct rule){.kind = RULE_NOTHING};
}

enum step learn_step(struct unwinder *unwinder,
                     const struct unwind_object *object, uintptr_t at)
{
    (void)unwinder;
    (void)object;
    (void)at;
    return STEP_LOST;
}

enum step learn_signal(struct unwinder *unwinder)
{
    (void)unwinder;
    return STEP_LOST;
}

#endif
