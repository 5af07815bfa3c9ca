/* SPDX-License-Identifier: MIT */
/* The filter language: what it means, and what it says of mistakes. */
#include "test.h"

#include "render/filter.h"

enum { SIZE, ARENA, OCCUPANCY, AGE, NAME, ADDRESS, COLUMNS };

static const struct column columns[COLUMNS] = {
    [SIZE] = {"SIZE", "size", COLUMN_BYTES, false, ""},
    [ARENA] = {"ARENA", "arena", COLUMN_COUNT, false, ""},
    [OCCUPANCY] = {"OCC", "page.occupancy", COLUMN_RATIO, false, ""},
    [AGE] = {"AGE", "age", COLUMN_MS, false, ""},
    [NAME] = {"NAME", "name", COLUMN_TEXT, false, ""},
    [ADDRESS] = {"ADDRESS", "address", COLUMN_ADDRESS, false, ""},
};

static struct value row[COLUMNS];

static void set_row(void)
{
    row[SIZE] = value_number(8192);
    row[ARENA] = value_number(2);
    row[OCCUPANCY] = value_ratio(0.2);
    row[AGE] = value_ratio(3600001);
    row[NAME] = value_text("[heap]");
    row[ADDRESS] = value_number(0x7f0000001000);
}

/* 1 the row matches, 0 it does not, -1 the text is refused. */
static int match(const char *text)
{
    struct failure failure;
    size_t at;
    struct filter *filter = filter_parse(text, columns, COLUMNS, &failure, &at);

    if (filter == NULL)
        return -1;
    int matches = filter_match(filter, row);
    filter_free(filter);
    return matches;
}

/* Where the text is refused, and how; "" = it is not. */
static const char *refusal(const char *text, size_t *at)
{
    static struct failure failure;

    failure.text[0] = '\0';
    filter_free(filter_parse(text, columns, COLUMNS, &failure, at));
    return failure.text;
}

TEST(filter, the_example_of_the_manual)
{
    set_row();
    CHECK_EQ(match("size>4K && arena==2 && page.occupancy<.25 && age>1h"), 1);
    CHECK_EQ(match("size>4K && arena==3"), 0);
}

TEST(filter, compares_numbers_exactly)
{
    set_row();
    CHECK_EQ(match("size==8K"), 1);
    CHECK_EQ(match("size==8192"), 1);
    CHECK_EQ(match("size!=8K"), 0);
    CHECK_EQ(match("size<=8191"), 0);
    CHECK_EQ(match("size>=8192"), 1);
    CHECK_EQ(match("size<8.5K"), 1);
    CHECK_EQ(match("size>7.9K"), 1);
    row[SIZE] = value_number(0xffffffffffffffff);
    CHECK_EQ(match("size==18446744073709551615"), 1);
    CHECK_EQ(match("size==18446744073709551614"), 0);
    row[SIZE] = value_number(0);
    CHECK_EQ(match("size<.5"), 1);
    CHECK_EQ(match("size>.5"), 0);
}

TEST(filter, knows_units)
{
    set_row();
    row[SIZE] = value_number((uint64_t)3 << 30);
    CHECK_EQ(match("size==3G"), 1);
    CHECK_EQ(match("size==3072M"), 1);
    CHECK_EQ(match("size<1T"), 1);
    CHECK_EQ(match("size==3GiB"), 1);
    CHECK_EQ(match("page.occupancy==20%"), 1);
    CHECK_EQ(match("age>3600s && age>60m && age<1d && age>3600000ms"), 1);
    CHECK_EQ(match("age>2h"), 0);
    CHECK_EQ(match("address==0x7f0000001000"), 1);
    CHECK_EQ(match("address>=0x7f0000001001"), 0);
}

TEST(filter, compares_texts)
{
    set_row();
    CHECK_EQ(match("name==\"[heap]\""), 1);
    CHECK_EQ(match("name=='[heap]'"), 1);
    CHECK_EQ(match("name==[heap]"), 1);
    CHECK_EQ(match("name!=\"x\""), 1);
    CHECK_EQ(match("name~hea"), 1);
    CHECK_EQ(match("name~\"stack\""), 0);
    CHECK_EQ(match("name!~stack"), 1);
    CHECK_EQ(match("name<\"a\""), 1);
}

TEST(filter, binds_not_and_or_in_this_order)
{
    set_row();
    CHECK_EQ(match("arena==1 || arena==2 && size==1"), 0);
    CHECK_EQ(match("(arena==1 || arena==2) && size==8K"), 1);
    CHECK_EQ(match("!arena==1 && size==8K"), 1);
    CHECK_EQ(match("!(arena==2 || size==1)"), 0);
    CHECK_EQ(match("!!arena"), 1);
    CHECK_EQ(match("arena"), 1);
    CHECK_EQ(match(" ( ( size ) ) "), 1);
}

TEST(filter, is_false_of_what_is_not_known)
{
    set_row();
    row[SIZE] = value_unknown();
    row[NAME] = value_text(NULL);
    CHECK_EQ(match("size==0"), 0);
    CHECK_EQ(match("size!=0"), 0);
    CHECK_EQ(match("size"), 0);
    CHECK_EQ(match("!size"), 1);
    CHECK_EQ(match("name!=x"), 0);
    CHECK_EQ(match("name!~x"), 0);
}

TEST(filter, says_what_is_wrong_and_where)
{
    size_t at;

    CHECK_STR(refusal("", &at), "a key is expected");
    CHECK_STR(refusal("sise>4K", &at), "no such key");
    CHECK_EQ(at, 0);
    CHECK_STR(refusal("size>4K && foo", &at), "no such key");
    CHECK_EQ(at, 11);
    CHECK_STR(refusal("size>", &at),
              "a number is expected (4K, 0x10, 25%, 1.5h)");
    CHECK_EQ(at, 5);
    CHECK_STR(refusal("(size>4K", &at), "\")\" is expected");
    CHECK_STR(refusal("size>4K arena", &at), "&& or || is expected");
    CHECK_EQ(at, 8);
    CHECK_STR(refusal("name==\"x", &at), "the text is not closed");
    CHECK_STR(refusal("size~4", &at), "~ is for texts, this key is a number");
    CHECK_STR(refusal("name==", &at), "a value is expected");
}

TEST(filter, refuses_numbers_that_are_none)
{
    static const char *const wrong[] = {
        "size>4Q",    "size>0x",  "size>inf",  "size>nan", "size>-1",
        "size>1e400", "size>4KK", "size>1..2", "size>4K5", "size>99999999T",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_EQ(match(wrong[i]), -1);
}

TEST(filter, is_bounded)
{
    static char text[3 * FILTER_LENGTH];
    size_t at;

    set_row();
    memset(text, '(', 1000);
    text[1000] = '\0';
    CHECK_STR(refusal(text, &at), "nested too deeply");
    memset(text, ' ', sizeof text - 1);
    CHECK_STR(refusal(text, &at), "too long");
    text[0] = '\0';
    for (int i = 0; i < 200; i++)
        strcat(text, "size&&");
    strcat(text, "size");
    CHECK_STR(refusal(text, &at), "too long");
    CHECK_EQ(match("size&&size&&size&&size"), 1);
}
