/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/tunables.h"

static int complaints;
static char last_why[64];
static char last_item[64];

static void complain(const char *why, const char *item, size_t len)
{
    complaints++;
    snprintf(last_why, sizeof(last_why), "%s", why);
    snprintf(last_item, sizeof(last_item), "%.*s", (int)len, item);
}

static const struct tunable *row(const char *name)
{
    return tunable_find(name, strlen(name));
}

/* Parses with all values at their defaults. */
static void parse(const char *text)
{
    for (size_t i = 0; i < tunable_count; i++)
        tunable_assign(&tunable_table[i], tunable_table[i].initial);
    complaints = 0;
    last_why[0] = '\0';
    last_item[0] = '\0';
    tunables_parse(text, complain);
}

static bool all_are_default(void)
{
    for (size_t i = 0; i < tunable_count; i++) {
        if (tunable_value(&tunable_table[i]) != tunable_table[i].initial)
            return false;
    }
    return true;
}

/* The value of text, or 99 when it is refused. */
static size_t value_of(enum tunable_kind kind, const char *text)
{
    size_t value = 0;

    return tunable_parse_value(kind, text, strlen(text), &value) ? value : 99;
}

TEST(tunables, defaults_lie_within_their_bounds)
{
    CHECK(tunable_count > 0);
    for (size_t i = 0; i < tunable_count; i++) {
        const struct tunable *it = &tunable_table[i];
        CHECK(it->min <= it->initial && it->initial <= it->max);
        CHECK_EQ(tunable_value(it), it->initial);
        CHECK(it->help[0] != '\0');
    }
}

TEST(tunables, names_are_found_whole_and_only_whole)
{
    for (size_t i = 0; i < tunable_count; i++)
        CHECK(row(tunable_table[i].name) == &tunable_table[i]);
    CHECK(row("slab_ma") == NULL);
    CHECK(row("slab_maxx") == NULL);
    CHECK(row("") == NULL);
}

TEST(tunables, numbers_are_decimal_or_hexadecimal)
{
    CHECK_EQ(value_of(TUNABLE_COUNT, "0"), 0);
    CHECK_EQ(value_of(TUNABLE_COUNT, "12345"), 12345);
    CHECK_EQ(value_of(TUNABLE_COUNT, "0x1f"), 31);
    CHECK_EQ(value_of(TUNABLE_COUNT, "0XAb"), 171);
    CHECK_EQ(value_of(TUNABLE_COUNT, "007"), 7);
}

TEST(tunables, sizes_take_suffixes_of_either_case)
{
    CHECK_EQ(value_of(TUNABLE_SIZE, "64K"), 65536);
    CHECK_EQ(value_of(TUNABLE_SIZE, "64k"), 65536);
    CHECK_EQ(value_of(TUNABLE_SIZE, "3M"), 3 * MIB);
    CHECK_EQ(value_of(TUNABLE_SIZE, "2g"), 2 * GIB);
    CHECK_EQ(value_of(TUNABLE_SIZE, "0x10K"), 16384);
}

TEST(tunables, counts_and_times_take_no_suffix)
{
    CHECK_EQ(value_of(TUNABLE_COUNT, "1K"), 99);
    CHECK_EQ(value_of(TUNABLE_MS, "1M"), 99);
    CHECK_EQ(value_of(TUNABLE_BOOL, "1g"), 99);
}

TEST(tunables, what_is_no_number_is_refused)
{
    static const char *const bad[] = {"",    "K",    "-1",  "+1",  " 1",
                                      "1 ",  "1KB",  "1KK", "0x",  "0xg",
                                      "1.5", "12a4", "x10", "1K ", "eleven"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (value_of(TUNABLE_SIZE, bad[i]) != 99)
            TEST_FAILED("\"%s\" was taken for a size", bad[i]);
    }
}

TEST(tunables, overflow_is_refused_to_the_bit)
{
    CHECK_EQ(value_of(TUNABLE_SIZE, "18446744073709551615"), SIZE_MAX);
    CHECK_EQ(value_of(TUNABLE_SIZE, "18446744073709551616"), 99);
    CHECK_EQ(value_of(TUNABLE_SIZE, "0xffffffffffffffff"), SIZE_MAX);
    CHECK_EQ(value_of(TUNABLE_SIZE, "0x10000000000000000"), 99);
    CHECK_EQ(value_of(TUNABLE_SIZE, "17179869183G"), SIZE_MAX - (GIB - 1));
    CHECK_EQ(value_of(TUNABLE_SIZE, "17179869184G"), 99);
}

TEST(tunables, parse_takes_a_list)
{
    parse("mmap_threshold:131072,top_pad:64K,stats:1");
    CHECK_EQ(complaints, 0);
    CHECK_EQ(tunables.mmap_threshold, 131072);
    CHECK_EQ(tunables.top_pad, 65536);
    CHECK_EQ(tunables.stats, 1);
}

TEST(tunables, the_last_of_two_values_counts)
{
    parse("perturb:1,perturb:2");
    CHECK_EQ(complaints, 0);
    CHECK_EQ(tunables.perturb, 2);
}

TEST(tunables, empty_items_are_passed_over)
{
    parse("");
    CHECK_EQ(complaints, 0);
    parse(",,perturb:3,,");
    CHECK_EQ(complaints, 0);
    CHECK_EQ(tunables.perturb, 3);
}

TEST(tunables, each_unknown_name_is_one_complaint)
{
    parse("no_such:1,perturb:4,neither:2");
    CHECK_EQ(complaints, 2);
    CHECK_STR(last_item, "neither:2");
    CHECK(strstr(last_why, "unknown") != NULL);
    CHECK_EQ(tunables.perturb, 4);
}

TEST(tunables, a_bad_value_is_a_complaint_and_changes_nothing)
{
    parse("top_pad:lots");
    CHECK_EQ(complaints, 1);
    CHECK(strstr(last_why, "bad value") != NULL);
    CHECK(all_are_default());
    parse("top_pad:");
    CHECK_EQ(complaints, 1);
    CHECK(all_are_default());
}

TEST(tunables, a_value_out_of_range_is_a_complaint_and_changes_nothing)
{
    parse("slab_max:16385,perturb:256,mmap_threshold:4095,stats:2");
    CHECK_EQ(complaints, 4);
    CHECK(strstr(last_why, "out of range") != NULL);
    CHECK(all_are_default());
}

TEST(tunables, an_item_without_a_colon_is_a_complaint)
{
    parse("perturb=1");
    CHECK_EQ(complaints, 1);
    CHECK_STR(last_item, "perturb=1");
    CHECK(all_are_default());
    parse("perturb");
    CHECK_EQ(complaints, 1);
}

TEST(tunables, limits_themselves_are_within)
{
    for (size_t i = 0; i < tunable_count; i++) {
        const struct tunable *it = &tunable_table[i];
        CHECK(tunable_assign(it, it->min));
        CHECK_EQ(tunable_value(it), it->min);
        CHECK(tunable_assign(it, it->max));
        CHECK_EQ(tunable_value(it), it->max);
        CHECK(it->min == 0 || !tunable_assign(it, it->min - 1));
        CHECK(it->max == SIZE_MAX || !tunable_assign(it, it->max + 1));
        CHECK_EQ(tunable_value(it), it->max);
    }
    parse("");
    CHECK(all_are_default());
}

static void read_environment(char *const *entries, bool secure)
{
    char *env[8] = {NULL};

    for (size_t i = 0; entries[i] != NULL; i++)
        env[i] = entries[i];
    parse("");
    tunables_read_environment(env, secure);
}

static char conf_good[] = "LIBALLOC_CONF=perturb:9,top_pad:1M";
static char conf_bad[] = "LIBALLOC_CONF=perturbed:9,perturb:10";
static char glibc_arena[] = "MALLOC_ARENA_MAX=3";
static char glibc_trim[] = "MALLOC_TRIM_THRESHOLD_=200000";
static char glibc_pad[] = "MALLOC_TOP_PAD_=77777";
static char glibc_mmap[] = "MALLOC_MMAP_THRESHOLD_=1000000";
static char glibc_max[] = "MALLOC_MMAP_MAX_=11";
static char glibc_perturb[] = "MALLOC_PERTURB_=165";
static char glibc_bad[] = "MALLOC_PERTURB_=lots";
static char glibc_prefix[] = "MALLOC_PERTURB_X=1";

TEST(tunables, the_environment_is_read)
{
    char *const env[] = {glibc_prefix, conf_good, NULL};

    read_environment(env, false);
    CHECK_EQ(tunables.perturb, 9);
    CHECK_EQ(tunables.top_pad, MIB);
}

TEST(tunables, glibcs_variables_keep_their_meaning)
{
    char *const env[] = {glibc_arena, glibc_trim,    glibc_pad, glibc_mmap,
                         glibc_max,   glibc_perturb, NULL};

    read_environment(env, false);
    CHECK_EQ(tunables.arena_max, 3);
    CHECK_EQ(tunables.trim_threshold, 200000);
    CHECK_EQ(tunables.top_pad, 77777);
    CHECK_EQ(tunables.mmap_threshold, 1000000);
    CHECK_EQ(tunables.mmap_max, 11);
    CHECK_EQ(tunables.perturb, 165);
}

TEST(tunables, our_variable_beats_glibcs_wherever_it_stands)
{
    char *const first[] = {conf_good, glibc_perturb, NULL};
    char *const last[] = {glibc_perturb, conf_good, NULL};

    read_environment(first, false);
    CHECK_EQ(tunables.perturb, 9);
    read_environment(last, false);
    CHECK_EQ(tunables.perturb, 9);
}

TEST(tunables, a_bad_glibc_variable_is_ignored)
{
    char *const env[] = {glibc_bad, glibc_prefix, NULL};

    read_environment(env, false);
    CHECK(all_are_default());
}

TEST(tunables, a_secure_process_ignores_them_all)
{
    char *const env[] = {conf_good, glibc_arena, glibc_perturb, NULL};

    read_environment(env, true);
    CHECK(all_are_default());
    tunables_read_environment(NULL, false);
    CHECK(all_are_default());
}

static void read_bad_conf(void *unused)
{
    char *const env[] = {conf_bad, NULL};

    (void)unused;
    read_environment(env, false);
    CHECK_EQ(tunables.perturb, 10);
}

TEST(tunables, an_unknown_name_is_one_line_on_stderr)
{
    char text[512];

    CHECK_EQ(test_child(read_bad_conf, NULL, text, sizeof(text)), 0);
    CHECK(strncmp(text, "liballoc: LIBALLOC_CONF: ", 25) == 0);
    CHECK(strstr(text, "'perturbed:9'") != NULL);
    char *end = strchr(text, '\n');
    CHECK(end != NULL && end[1] == '\0');
}
