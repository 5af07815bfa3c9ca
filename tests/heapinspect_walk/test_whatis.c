/* SPDX-License-Identifier: MIT */
/*
 * The shadow's record against `whatis`, which reads addresses from stdin: of
 * live objects and into them, of freed ones, and around both.  None may be
 * wrong.
 */
#include "watch.h"

#include <stdlib.h>

enum {
    ADDRESSES = 1000 * 1000,
    LINE = 512,
};

/* What a row of --csv --columns address,object,usable,state says. */
struct answer {
    uintptr_t address;
    uintptr_t object; /* 0: in none */
    size_t usable;
    bool is_live;
};

static uintptr_t asked[ADDRESSES];
static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Random live and freed objects: their start, their inside, their ends. */
static void choose(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct shadow_record *record =
            &shadow.records[next_random() % shadow.nrecords];
        asked[i] = record->mem;
        if (record->size > 0 && next_random() % 2 == 0) {
            asked[i] += next_random() % record->size;
        } else if (next_random() % 8 == 0) {
            asked[i] -= next_random() % 64;
        }
    }
}

static void write_asked(const char *path, size_t count)
{
    FILE *file = fopen(path, "w");

    REQUIRE(file != NULL);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(file, "0x%lx\n", asked[i]);
    REQUIRE(fclose(file) == 0);
}

static bool parse(char *line, struct answer *answer)
{
    char *at = line;
    char *fields[4];

    for (int i = 0; i < 4; i++) {
        fields[i] = strsep(&at, ",\n");
        if (fields[i] == NULL)
            return false;
    }
    answer->address = strtoull(fields[0], NULL, 16);
    answer->object = strtoull(fields[1], NULL, 16);
    answer->usable = strtoull(fields[2], NULL, 10);
    answer->is_live = strcmp(fields[3], "live") == 0;
    return true;
}

/* True if some live object of the record starts at `mem`. */
static bool is_live(uintptr_t mem)
{
    const struct shadow_record *record = shadow_before(mem);

    return record != NULL && record->mem == mem;
}

static bool is_right(const struct answer *answer)
{
    uintptr_t address = answer->address;
    const struct shadow_record *record = shadow_before(address);

    if (record != NULL && address - record->mem < record->size) {
        return answer->is_live && answer->object == record->mem &&
               answer->usable >= record->size;
    }
    /* Not in what was asked for: but perhaps in a header, or behind the end
       of what was, which the object has in excess. */
    if (!answer->is_live || !is_live(answer->object))
        return !answer->is_live;
    record = shadow_before(answer->object);
    return address < record->mem || address >= record->mem + record->size;
}

static void compare(const char *path, size_t count)
{
    FILE *file = fopen(path, "r");
    char line[LINE];
    char shown[LINE];
    size_t wrong = 0;
    size_t rows = 0;

    REQUIRE(file != NULL);
    (void)fgets(line, sizeof line, file); /* header */
    while (rows < count && fgets(line, sizeof line, file) != NULL) {
        struct answer answer = {0};
        (void)snprintf(shown, sizeof shown, "%s", line);
        bool right = parse(line, &answer) && answer.address == asked[rows] &&
                     is_right(&answer);
        if (!right && wrong++ < 5)
            test_print(STDOUT_FILENO, "  wrong: %s", shown);
        rows++;
    }
    (void)fclose(file);
    test_print(STDOUT_FILENO, "  %zu addresses, %zu wrong\n", rows, wrong);
    CHECK_EQ(rows, count);
    CHECK_EQ(wrong, 0);
}

static void check_pattern(const char *pattern, const char *slots,
                          const char *conf, size_t count)
{
    const char *in = scratch("asked");
    const char *out = scratch("answers");
    static const char *const arguments[] = {
        "whatis",  "-", "--csv", "--columns", "address,object,usable,state",
        "--limit", "0", NULL};

    shadow_start(pattern, slots, conf);
    choose(count);
    write_asked(in, count);
    CHECK_EQ(inspect(in, out, arguments), 0);
    compare(out, count);
    unlink(in);
    unlink(out);
    shadow_stop();
}

TEST(whatis, is_right_on_a_million_addresses)
{
    check_pattern("mixed", "400000", "", ADDRESSES);
}

TEST(whatis, is_right_where_all_are_chunks)
{
    check_pattern("mixed", "100000", "slab_max:0", ADDRESSES / 5);
}

TEST(whatis, is_right_where_all_are_slots)
{
    check_pattern("small", "400000", "slab_after:0", ADDRESSES / 5);
}

TEST(whatis, is_right_on_large_objects)
{
    check_pattern("large", "400", "", ADDRESSES / 10);
}

TEST(whatis, is_right_on_a_heap_that_was_emptied)
{
    check_pattern("sparse", "400000", "", ADDRESSES / 5);
}
