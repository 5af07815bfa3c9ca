/* SPDX-License-Identifier: MIT */
#include "kernel/pagemap.h"

#include <fcntl.h>
#include <linux/types.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * PAGEMAP_SCAN, as the kernel's Documentation/admin-guide/mm/pagemap.rst has
 * it; the headers of most systems do not.
 */
struct scan_region {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};

struct scan_request {
    uint64_t size; /* of this struct */
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end; /* out: where the walk stopped */
    uint64_t regions;  /* struct scan_region[] */
    uint64_t nregions;
    uint64_t max_pages;
    uint64_t inverted;
    uint64_t required;
    uint64_t any_of;
    uint64_t wanted; /* categories to be told of */
};

enum {
    SCAN_FILE = 1 << 2,
    SCAN_PRESENT = 1 << 3,
    SCAN_SWAPPED = 1 << 4,
    SCAN_ZERO = 1 << 5, /* the shared page of zeros: counts for nobody */
    SCAN_HUGE = 1 << 6,
    SCAN_REGIONS = 512,
    WORDS = 512, /* of pagemap read at a time */
};
#define PAGEMAP_SCAN_IOCTL _IOWR('f', 16, struct scan_request)

static uint8_t scan_bits(uint64_t categories)
{
    unsigned bits = KNOWN;

    if ((categories & SCAN_PRESENT) != 0 && (categories & SCAN_ZERO) == 0)
        bits |= RESIDENT;
    if ((categories & SCAN_SWAPPED) != 0)
        bits |= SWAPPED;
    if ((categories & SCAN_HUGE) != 0 && (bits & RESIDENT) != 0)
        bits |= HUGE;
    if ((categories & SCAN_FILE) != 0)
        bits |= SHARED;
    return (uint8_t)bits;
}

static void fill(const struct scan_region *region, uintptr_t address,
                 size_t page_size, size_t count, uint8_t *out)
{
    for (uint64_t at = region->start; at < region->end; at += page_size) {
        size_t index = (at - address) / page_size;
        if (at >= address && index < count)
            out[index] = scan_bits(region->categories);
    }
}

static bool scan(int pagemap, size_t page_size, uintptr_t address, size_t count,
                 uint8_t *out)
{
    static struct scan_region regions[SCAN_REGIONS];
    struct scan_request request = {
        .size = sizeof request,
        .start = address,
        .end = address + count * page_size,
        .regions = (uintptr_t)regions,
        .nregions = SCAN_REGIONS,
        .any_of = SCAN_PRESENT | SCAN_SWAPPED,
        .wanted =
            SCAN_FILE | SCAN_PRESENT | SCAN_SWAPPED | SCAN_ZERO | SCAN_HUGE,
    };

    memset(out, KNOWN, count);
    while (request.start < request.end) {
        int got = ioctl(pagemap, PAGEMAP_SCAN_IOCTL, &request);
        if (got < 0)
            return false;
        for (int i = 0; i < got && i < SCAN_REGIONS; i++)
            fill(&regions[i], address, page_size, count, out);
        if (request.walk_end <= request.start)
            break;
        request.start = request.walk_end;
    }
    return true;
}

static uint8_t word_bits(uint64_t word)
{
    unsigned bits = KNOWN;

    bits |= (word & PAGEMAP_PRESENT) != 0 ? RESIDENT : 0;
    /* The kernel keeps its note of a guard page where swap entries are. */
    if ((word & PAGEMAP_GUARD) == 0)
        bits |= (word & PAGEMAP_SWAP) != 0 ? SWAPPED : 0;
    bits |= (word & PAGEMAP_FILE) != 0 ? SHARED : 0;
    return (uint8_t)bits;
}

static bool read_words(int pagemap, size_t page_size, uintptr_t address,
                       size_t count, uint8_t *out)
{
    uint64_t words[WORDS];

    for (size_t done = 0; done < count;) {
        size_t n = count - done < WORDS ? count - done : WORDS;
        off_t at = (off_t)((address / page_size + done) * sizeof *words);
        ssize_t got = pread(pagemap, words, n * sizeof *words, at);
        if (got < (ssize_t)sizeof *words)
            return done > 0;
        n = (size_t)got / sizeof *words;
        for (size_t i = 0; i < n; i++)
            out[done + i] = word_bits(words[i]);
        done += n;
    }
    return true;
}

/* Three pages, the middle one touched: is that what a scan says? */
static bool self_test(int pagemap, size_t page_size)
{
    uint8_t seen[3];
    char *pages = mmap(NULL, 3 * page_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        return false;
    (void)madvise(pages, 3 * page_size, MADV_NOHUGEPAGE);
    *(volatile char *)(pages + page_size) = 1;
    bool right = scan(pagemap, page_size, (uintptr_t)pages, 3, seen) &&
                 seen[0] == KNOWN && seen[1] == (KNOWN | RESIDENT) &&
                 seen[2] == KNOWN;
    (void)munmap(pages, 3 * page_size);
    return right;
}

bool pagemap_scan_works(void)
{
    static int works = -1;

    if (works < 0) {
        int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
        works =
            pagemap >= 0 && self_test(pagemap, (size_t)sysconf(_SC_PAGESIZE));
        if (pagemap >= 0)
            (void)close(pagemap);
    }
    return works == 1;
}

/* A scan takes guard pages for swapped ones: those are looked at again. */
static void find_guards(int pagemap, size_t page_size, uintptr_t address,
                        size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && (out[end] & SWAPPED) != 0)
            end++;
        if (end > i) {
            (void)read_words(pagemap, page_size, address + i * page_size,
                             end - i, out + i);
        }
        i = end + 1;
    }
}

bool pagemap_residency(int pagemap, size_t page_size, uintptr_t address,
                       size_t count, uint8_t *out)
{
    if (pagemap_scan_works() && scan(pagemap, page_size, address, count, out)) {
        find_guards(pagemap, page_size, address, count, out);
        return true;
    }
    return read_words(pagemap, page_size, address, count, out);
}

bool pagemap_word(int pagemap, size_t page_size, uintptr_t address,
                  uint64_t *word)
{
    off_t at = (off_t)(address / page_size * sizeof *word);

    return pread(pagemap, word, sizeof *word, at) == (ssize_t)sizeof *word;
}
