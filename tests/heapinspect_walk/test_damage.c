/* SPDX-License-Identifier: MIT */
/*
 * A heap at rest, damaged from outside: `check` names the broken invariant
 * and exits with 1; every other verb ends, with a documented status.
 */
#include "watch.h"

#include "layout/invariants.h"
#include "walk/far_list.h"
#include "walk/objects.h"

#include <fcntl.h>
#include <stdlib.h>

enum {
    FUZZ_ROUNDS = 8,
    FUZZ_WORDS = 8, /* damaged a round */
    FUZZ_VERBS = 4, /* run a round */
    SAVED = 32,
    LINE = 512,
};

static const char *const verbs[] = {
    "heap", "arenas", "bins",    "buddy",    "chunks", "frag",  "pages",
    "pins", "slabs",  "threads", "tunables", "why",    "check",
};
enum { NVERBS = sizeof verbs / sizeof *verbs };

static struct model *model;
static int memory = -1; /* /proc/PID/mem */

/* What was there before. */
static struct saved {
    uintptr_t address;
    uint64_t word;
} saved[SAVED];
static size_t nsaved;

static void attack_begin(const char *pattern, const char *conf)
{
    char path[64];

    shadow_start(pattern, strcmp(pattern, "large") == 0 ? "200" : "8000", conf);
    model = model_open(MODE_PEEK);
    REQUIRE(model != NULL);
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)shadow.pid);
    memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0)
        SKIP("its memory may not be written to");
}

static void attack_end(void)
{
    close(memory);
    model_close(model);
    shadow_stop();
}

static uint64_t peek(uintptr_t address)
{
    uint64_t word = 0;

    CHECK_EQ(pread(memory, &word, sizeof word, (off_t)address), sizeof word);
    return word;
}

static void poke(uintptr_t address, uint64_t word)
{
    REQUIRE(nsaved < SAVED);
    saved[nsaved++] = (struct saved){address, peek(address)};
    CHECK_EQ(pwrite(memory, &word, sizeof word, (off_t)address), sizeof word);
}

static void restore(void)
{
    while (nsaved > 0) {
        const struct saved *it = &saved[--nsaved];
        CHECK_EQ(pwrite(memory, &it->word, sizeof it->word, (off_t)it->address),
                 sizeof it->word);
    }
}

/* Is the id in the first column of some row? */
static bool is_found(const char *path, const char *id)
{
    FILE *file = fopen(path, "r");
    char line[LINE];
    bool found = false;

    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, id, strlen(id)) == 0 && line[strlen(id)] == ',';
    (void)fclose(file);
    return found;
}

static void run_all(void)
{
    for (size_t i = 0; i < NVERBS; i++) {
        const char *const arguments[] = {verbs[i], "--limit", "0", NULL};
        int status = inspect(NULL, NULL, arguments);
        if (status < 0 || status > STATUS_UNSUPPORTED)
            TEST_FAILED("%s: status %d", verbs[i], status);
    }
}

/* After a poke: `check` says so, all verbs live through it; then undone. */
static void expect(enum invariant broken)
{
    static const char *const arguments[] = {"check", "--csv", "--limit", "0",
                                            NULL};
    const char *out = scratch("check");
    const char *id = invariant_entry(broken)->id;

    CHECK_EQ(inspect(NULL, out, arguments), STATUS_FINDING);
    if (!is_found(out, id))
        TEST_FAILED("%s is not among the findings", id);
    run_all();
    restore();
    CHECK_EQ(inspect(NULL, out, arguments), STATUS_FINE);
    unlink(out);
}

static size_t field(const char *type, const char *name)
{
    size_t offset = far_offset(model->target, type, name);

    REQUIRE(offset != SIZE_MAX);
    return offset;
}

/* A heap with a slab bin that holds some; the address of the bin. */
static uintptr_t find_bin(uintptr_t *head)
{
    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        for (unsigned cls = 0; cls < NSLAB; cls++) {
            const struct bin *bin = &heap->heap.bins[cls];
            *head = FAR_ADDRESS(bin->head);
            uintptr_t bins = heap->address + field("heap", "bins");
            if (bin->limit - bin->room > 2 && *head != 0)
                return bins + cls * sizeof *bin;
        }
    }
    return 0;
}

TEST(damage, cycle_in_a_bin)
{
    uintptr_t head;

    attack_begin("mixed", "slab_after:0");
    REQUIRE(find_bin(&head) != 0);
    poke(head + field("free_object", "next"), head);
    expect(INVARIANT_CACHED_ONCE);
    attack_end();
}

TEST(damage, wild_pointer_in_a_bin)
{
    uintptr_t head;

    attack_begin("mixed", "slab_after:0");
    uintptr_t bin = find_bin(&head);
    REQUIRE(bin != 0);
    poke(bin + field("bin", "head"), 0xdead00000010u);
    expect(INVARIANT_CACHED_MARK);
    poke(bin + field("bin", "head"), head + 8);
    expect(INVARIANT_CACHED_MARK);
    attack_end();
}

/* A partial slab with free objects on its own list. */
static bool find_slab(struct block *block)
{
    struct block_walk walk;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, block)) {
        if (block->kind == BLOCK_SLAB && block->slab->on_list == SLAB_PARTIAL &&
            FAR_ADDRESS(block->slab->freelist) != 0 &&
            block->slab->carved > block->slab->inuse + 2)
            return true;
    }
    return false;
}

TEST(damage, lists_of_a_slab)
{
    struct block block;

    attack_begin("sparse", "slab_after:0");
    REQUIRE(find_slab(&block));
    uintptr_t first = FAR_ADDRESS(block.slab->freelist);
    uintptr_t list = block.page + field("slab", "freelist");
    poke(first + field("free_object", "next"), first);
    expect(INVARIANT_SLAB_CYCLE);
    poke(list, block.start + SLAB_BYTES_MAX + 64);
    expect(INVARIANT_SLAB_RANGE);
    poke(list, 0);
    expect(INVARIANT_SLAB_LENGTH);
    poke(first + field("free_object", "key"), 0);
    expect(INVARIANT_SLAB_MARK);
    attack_end();
}

TEST(damage, counts_of_a_slab)
{
    struct block block;

    attack_begin("sparse", "slab_after:0");
    REQUIRE(find_slab(&block));
    uintptr_t inuse = block.page + field("slab", "inuse");
    poke(inuse, (peek(inuse) & ~(uint64_t)0xffff) | 0xfff0);
    expect(INVARIANT_SLAB_COUNTS);
    uintptr_t lru = block.page + field("slab", "lru");
    poke(lru, lru);
    expect(INVARIANT_SLAB_LINKS);
    attack_end();
}

/* A chunk in the midst of a segment, of that state. */
static bool find_chunk(enum object_state state, struct object *chunk)
{
    static struct object_walk walk;
    bool found = false;

    object_walk_begin(&walk, model, NULL);
    while (!found && object_walk_next(&walk, chunk)) {
        found = chunk->block == BLOCK_SEGMENT && chunk->state == state &&
                chunk->start > walk.block.start;
    }
    object_walk_end(&walk);
    return found;
}

TEST(damage, header_of_a_chunk)
{
    struct object chunk;

    attack_begin("chunks", "");
    REQUIRE(find_chunk(OBJECT_LIVE, &chunk));
    uintptr_t word = chunk.start + field("chunk", "size_flags");
    poke(word, peek(word) ^ 0x40);
    expect(INVARIANT_CHUNK_SUM);
    /* Every byte of it. */
    poke(word, 0);
    expect(INVARIANT_CHUNK_SUM);
    size_t huge = ((size_t)1 << 40) | PREV_INUSE;
    poke(word, huge | chunk_word_sum(chunk.start, huge, model->chunk_secret));
    expect(INVARIANT_CHUNK_SIZE);
    poke(word, peek(word) ^ PREV_INUSE);
    expect(INVARIANT_CHUNK_INUSE);
    attack_end();
}

TEST(damage, links_of_a_free_chunk)
{
    struct object chunk;

    attack_begin("chunks", "");
    REQUIRE(find_chunk(OBJECT_FREE, &chunk));
    poke(chunk.start + field("chunk", "fd"), 0x10);
    expect(INVARIANT_BIN_LINKS);
    poke(chunk.start + field("chunk", "fd"), chunk.start);
    poke(chunk.start + field("chunk", "bk"), shadow.records[0].mem);
    expect(INVARIANT_BIN_LINKS);
    attack_end();
}

TEST(damage, page_map)
{
    struct block_walk walk;
    struct block block;

    attack_begin("mixed", "");
    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block) && block.kind != BLOCK_FREE)
        ;
    REQUIRE(block.kind == BLOCK_FREE);
    poke(block.page, peek(block.page) | 0x7f);
    expect(INVARIANT_PAGE_STATE);
    poke(block.page + field("page", "lru"), block.page);
    expect(INVARIANT_BUDDY_LINKS);
    REQUIRE(zone_page(block.zone, block.pfn)->order < PAGEBLOCK_ORDER);
    uintptr_t word = FAR_ADDRESS(block.zone->zone.small_blocks) +
                     block.pfn / 64 * sizeof(uint64_t);
    size_t bit = block.pfn % 64 & ~(((size_t)1 << PAGEBLOCK_ORDER) - 1);
    poke(word, peek(word) ^ (uint64_t)1 << bit);
    expect(INVARIANT_BUDDY_BLOCK);
    poke(block.page, (peek(block.page) & ~(uint64_t)0xff00) | 0xfe00);
    expect(INVARIANT_PAGE_STATE);
    attack_end();
}

TEST(damage, zones_and_heaps)
{
    attack_begin("mixed", "");
    const struct model_zone *zone = &model->zones[0];
    const struct model_heap *heap = &model->heaps[model->nheaps - 1];
    poke(zone->address + field("zone", "frontier"), SIZE_MAX / 2);
    expect(INVARIANT_ZONE_BOUNDS);
    poke(zone->address + field("zone", "pages"), 0x1000);
    run_all();
    restore();
    poke(heap->address + field("heap", "id") - field("heap", "id") % 8,
         0xffffffffffffffffu);
    expect(INVARIANT_HEAP_ID);
    poke(heap->address + field("heap", "arena") + field("arena", "binmap"),
         0xffff);
    expect(INVARIANT_BIN_MAP);
    attack_end();
}

TEST(damage, records_of_mappings)
{
    attack_begin("large", "mmap_threshold:1M");
    REQUIRE(model->nrecords > 0);
    uintptr_t record = model->records[0];
    poke(record + field("mmap_record", "next"), record);
    expect(INVARIANT_MMAP_RECORD);
    poke(record + field("mmap_record", "size"), SIZE_MAX);
    expect(INVARIANT_MMAP_RECORD);
    attack_end();
}

static uint64_t seed = 0x2545f4914f6cdd1du;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Values that are near what readers trust. */
static uint64_t nasty(uint64_t old)
{
    const uint64_t values[] = {
        0,
        old ^ (uint64_t)1 << next_random() % 64,
        old + 8,
        SIZE_MAX,
        (uint64_t)INT64_MAX,
        next_random(),
        model->heaps[0].address,
        model->zones[0].address,
        FAR_ADDRESS(model->zones[0].zone.pages),
        shadow.records[next_random() % shadow.nlive].mem,
        0xffffffff,
        1,
    };

    return values[next_random() % (sizeof values / sizeof *values)];
}

/* A word somewhere in the metadata. */
static uintptr_t somewhere(void)
{
    const struct model_zone *zone = &model->zones[0];
    size_t used = (zone->npages - zone->first) * sizeof(struct page);
    const struct model_heap *heap =
        &model->heaps[next_random() % model->nheaps];
    const struct {
        uintptr_t start;
        size_t size;
    } places[] = {
        {heap->address, sizeof(struct heap)},
        {heap->address, sizeof(struct heap)},
        {zone->address, sizeof(struct zone)},
        {zone_page_address(zone, zone->first), used},
        {zone_page_address(zone, zone->first), 4096},
        {FAR_ADDRESS(target_root(model->target)->mmap_table), 4096},
        {shadow.records[next_random() % shadow.nlive].mem - 64, 128},
        {target_root_address(model->target), sizeof(struct heap_root)},
    };
    size_t place = next_random() % (sizeof places / sizeof *places);

    return (places[place].start + next_random() % places[place].size) &
           ~(uintptr_t)7;
}

TEST(damage, anywhere)
{
    attack_begin("mixed", "mmap_threshold:1M");
    for (unsigned round = 0; round < FUZZ_ROUNDS; round++) {
        uint64_t began = seed;
        for (unsigned i = 0; i < 1 + round % FUZZ_WORDS; i++) {
            uintptr_t address = somewhere();
            poke(address, nasty(peek(address)));
        }
        for (unsigned i = 0; i < FUZZ_VERBS; i++) {
            const char *verb = verbs[next_random() % NVERBS];
            const char *const arguments[] = {verb, "--limit", "0", NULL};
            int status = inspect(NULL, NULL, arguments);
            if (status < 0 || status > STATUS_UNSUPPORTED)
                TEST_FAILED("%s: status %d, seed 0x%lx", verb, status, began);
        }
        restore();
    }
    attack_end();
}
