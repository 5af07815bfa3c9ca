/* SPDX-License-Identifier: MIT */
/* mallinfo, mallinfo2, malloc_info, malloc_stats, malloc_trim. */
#include "black_box.h"
#include "test.h"

#include <ctype.h>
#include <malloc.h>

/* Live bytes as mallinfo2 sees them, mmapped ones included exactly once. */
static size_t live_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    bool apart = info.arena == info.uordblks + info.fordblks;
    return info.uordblks + (apart ? info.hblkhd : 0);
}

static void check_adds_up(void)
{
    struct mallinfo2 info = mallinfo2();
    size_t sum = info.uordblks + info.fordblks;
    if (sum != info.arena && sum != info.arena + info.hblkhd) {
        TEST_FAILED("arena %zu hblkhd %zu uordblks %zu fordblks %zu",
                    info.arena, info.hblkhd, info.uordblks, info.fordblks);
    }
    CHECK(info.keepcost <= info.fordblks);
    CHECK(info.fsmblks <= info.fordblks);
    CHECK_EQ(info.usmblks, 0);
    CHECK(info.hblks == 0 || info.hblkhd >= info.hblks * 4096);
}

TEST(mallinfo2, figures_add_up)
{
    check_adds_up();
    enum { N = 5000 };
    void *mem[N];
    for (size_t i = 0; i < N; i++) {
        mem[i] = launder(malloc(i * i % 20000 + 1));
    }
    check_adds_up();
    for (size_t i = 0; i < N; i += 2) {
        free(mem[i]);
    }
    check_adds_up();
    void *huge = launder(malloc(64 * MIB));
    check_adds_up();
    for (size_t i = 1; i < N; i += 2) {
        free(mem[i]);
    }
    check_adds_up();
    free(huge);
    check_adds_up();
}

/* N blocks of `size`: live bytes must rise by their sum and fall back. */
static void check_tracks(size_t size, size_t n)
{
    void **mem = launder(calloc(n, sizeof(void *)));
    REQUIRE(mem != NULL);
    size_t before = live_bytes();
    for (size_t i = 0; i < n; i++) {
        mem[i] = launder(malloc(size));
    }
    size_t during = live_bytes();
    for (size_t i = 0; i < n; i++) {
        free(mem[i]);
    }
    size_t after = live_bytes();
    size_t sum = size * n;
    if (during < before + sum || during > before + sum + sum / 3 + 128 * KIB) {
        TEST_FAILED("%zu of %zu: live %zu -> %zu", n, size, before, during);
    }
    if (after > before + sum / 20 + 128 * KIB) {
        TEST_FAILED("%zu of %zu: live %zu -> %zu -> %zu", n, size, before,
                    during, after);
    }
    free(mem);
}

TEST(mallinfo2, live_bytes_track_allocations)
{
    check_tracks(64, 200000);
    check_tracks(1000, 20000);
    check_tracks(3000, 5000);
    check_tracks(50000, 300);
    check_tracks(300000, 50);
    check_tracks(1500000, 20);
    check_tracks(6000000, 10);
}

TEST(mallinfo2, counts_mmapped_blocks)
{
    struct mallinfo2 before = mallinfo2();
    void *mem = launder(malloc(64 * MIB));
    struct mallinfo2 during = mallinfo2();
    CHECK_EQ(during.hblks, before.hblks + 1);
    CHECK(during.hblkhd >= before.hblkhd + 64 * MIB);
    CHECK(during.hblkhd <= before.hblkhd + 66 * MIB);
    free(mem);
    CHECK_EQ(mallinfo2().hblks, before.hblks);
    CHECK_EQ(mallinfo2().hblkhd, before.hblkhd);
}

#pragma GCC diagnostic push
/* The old one is deprecated, and must still be there. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST(mallinfo, agrees_with_mallinfo2)
{
    struct mallinfo old = mallinfo();
    struct mallinfo2 now = mallinfo2();
    CHECK_EQ((unsigned)old.arena, (unsigned)now.arena);
    CHECK_EQ((unsigned)old.uordblks, (unsigned)now.uordblks);
    CHECK_EQ((unsigned)old.hblks, (unsigned)now.hblks);
}
#pragma GCC diagnostic pop

/*
 * A well-formedness check, enough for malloc_info: tags nest, attributes are
 * quoted, nothing but white space between elements.  Returns how many
 * elements called `count` there are, or -1.
 */
static int xml_count(const char *at, const char *count)
{
    char open[16][32];
    int depth = 0;
    int found = 0;
    while (*at != '\0') {
        if (isspace((unsigned char)*at)) {
            at++;
            continue;
        }
        bool closing = at[0] == '<' && at[1] == '/';
        char name[32] = "";
        if (*at != '<' ||
            sscanf(at + (closing ? 2 : 1), "%31[a-z]", name) != 1) {
            return -1;
        }
        const char *end = strchr(at, '>');
        if (end == NULL || depth == 15) {
            return -1;
        }
        int quotes = 0;
        for (const char *c = at; c < end; c++) {
            quotes += *c == '"';
        }
        if (closing) {
            if (depth == 0 || strcmp(open[--depth], name) != 0) {
                return -1;
            }
        } else {
            found += strcmp(name, count) == 0;
            if (end[-1] != '/') {
                memcpy(open[depth++], name, sizeof(name));
            }
        }
        if (quotes % 2 != 0) {
            return -1;
        }
        at = end + 1;
    }
    return depth == 0 ? found : -1;
}

static char *info_text(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    REQUIRE(out != NULL);
    CHECK_EQ(malloc_info(0, out), 0);
    fclose(out);
    REQUIRE(text != NULL);
    return text;
}

TEST(malloc_info, is_the_xml_that_parsers_of_glibc_read)
{
    void *some = launder(malloc(100));
    void *huge = launder(malloc(64 * MIB));
    char *text = info_text();
    CHECK(strncmp(text, "<malloc version=\"1\">", 20) == 0);
    CHECK_EQ(xml_count(text, "malloc"), 1);
    CHECK(xml_count(text, "heap") >= 1);
    CHECK(xml_count(text, "sizes") >= 1);
    CHECK(xml_count(text, "total") >= 2);
    CHECK(xml_count(text, "system") >= 2);
    CHECK(xml_count(text, "aspace") >= 2);
    CHECK(strstr(text, "<heap nr=\"0\">") != NULL);
    CHECK(strstr(text, "<system type=\"current\" size=\"") != NULL);
    CHECK(strstr(text, "<total type=\"mmap\" count=\"") != NULL);
    free(text);
    free(huge);
    free(some);
}

TEST(malloc_info, counts_mmapped_blocks)
{
    size_t before = mallinfo2().hblks;
    void *huge = launder(malloc(64 * MIB));
    char *text = info_text();
    const char *at = strstr(text, "<total type=\"mmap\" count=\"");
    REQUIRE(at != NULL);
    CHECK_EQ(strtoul(at + 26, NULL, 10), before + 1);
    free(text);
    free(huge);
}

TEST(malloc_info, options_other_than_0_are_refused)
{
    errno = 0;
    int result = malloc_info(1, stdout);
    CHECK(result == EINVAL || (result == -1 && errno == EINVAL));
}

TEST(malloc_info, reports_to_a_full_device_without_harm)
{
    FILE *out = fopen("/dev/full", "w");
    REQUIRE(out != NULL);
    malloc_info(0, out);
    fclose(out);
    free(launder(malloc(10)));
}

static void print_stats(void *unused)
{
    (void)unused;
    void *mem = launder(malloc(64 * MIB));
    int out = dup(STDOUT_FILENO);
    close(STDOUT_FILENO); /* it must not need stdout */
    malloc_stats();
    dup2(out, STDOUT_FILENO);
    free(mem);
}

TEST(malloc_stats, prints_on_stderr)
{
    static char text[65536];
    CHECK_EQ(test_child(print_stats, NULL, text, sizeof(text)), 0);
    CHECK(strstr(text, "system bytes") != NULL);
    CHECK(strstr(text, "in use bytes") != NULL);
    CHECK(text[0] != '\0' && text[strlen(text) - 1] == '\n');
}

static void stats_keep_errno(void *unused)
{
    (void)unused;
    errno = 1234;
    malloc_stats();
    mallinfo2();
    malloc_trim(0);
    CHECK_EQ(malloc_usable_size(NULL), 0);
    CHECK_EQ(errno, 1234);
}

TEST(malloc_stats, keeps_errno)
{
    static char text[65536];
    CHECK_EQ(test_child(stats_keep_errno, NULL, text, sizeof(text)), 0);
}

static void check_trim(void *unused)
{
    (void)unused;
    enum { N = 200000 };
    static void *mem[N];
    malloc_trim(0);
    size_t before = self_status_bytes("VmRSS:");
    size_t sum = 0;
    for (size_t i = 0; i < N; i++) {
        size_t size = 1 + i * 7919 % (i % 50 == 0 ? 30000 : 600);
        mem[i] = launder(malloc(size));
        memset(mem[i], 1, size);
        sum += size;
    }
    CHECK(self_status_bytes("VmRSS:") > before + sum / 2);
    void *last = launder(malloc(100));
    for (size_t i = 0; i < N; i++) {
        free(mem[i]);
    }
    CHECK_EQ(malloc_trim(0), 1);
    size_t after = self_status_bytes("VmRSS:");
    if (after > before + sum / 10 + 2 * MIB) {
        TEST_FAILED("RSS %zu KiB, after %zu KiB of blocks came and went: "
                    "%zu KiB",
                    before / KIB, sum / KIB, after / KIB);
    }
    free(last);
}

TEST(malloc_trim, returns_1_and_releases_everything_free)
{
    CHECK_EQ(test_child(check_trim, NULL, NULL, 0), 0);
}

TEST(malloc_trim, keeps_live_contents)
{
    enum { N = 2000 };
    unsigned char *mem[N];
    for (size_t i = 0; i < N; i++) {
        mem[i] = launder(malloc(i * 3 + 1));
        memset(mem[i], (int)(i & 0xff), i * 3 + 1);
    }
    for (size_t i = 0; i < N; i += 2) {
        free(mem[i]);
    }
    malloc_trim(0);
    for (size_t i = 1; i < N; i += 2) {
        CHECK_EQ(mem[i][0], i & 0xff);
        CHECK(memcmp(mem[i], mem[i] + 1, i * 3) == 0);
        free(mem[i]);
    }
}
