/* SPDX-License-Identifier: MIT */
/* What threads cache, and mmapped chunks. */
#include "walk/check.h"
#include "walk/far_list.h"
#include "walk/slots.h"

/* Is `mem` the start of a slot of the block? */
static bool is_slot(const struct model *model, const struct block *block,
                    uintptr_t mem)
{
    static struct slots slots;

    if (!slots_shape(model, block, &slots))
        return false;
    int index = slot_at(&slots, mem);
    return index >= 0 && (unsigned)index < slots.carved &&
           slot_address(&slots, (unsigned)index) == mem;
}

/* A chunk that is in use by its header, and large enough for the bin. */
static bool is_chunk(const struct model *model, const struct free_label *label)
{
    uintptr_t at = label->mem - CHUNK_HEADER;
    size_t word;

    if (!far_read(model->target, at + sizeof word, &word, sizeof word) ||
        (word ^ chunk_word_sum(at, word, model->chunk_secret)) >>
                CHUNK_SUM_SHIFT !=
            0 ||
        (chunk_word_flags(word) & (CHUNK_FREE | IS_MMAPPED)) != 0)
        return false;
    if (label->where != WHERE_BIN && label->where != WHERE_SPARE)
        return true;
    return label->index >= NSLAB && label->index < NHEAPBINS &&
           chunk_usable(chunk_word_size(word)) >=
               size_class_bytes(label->index - NSLAB);
}

/* Does the object belong where it is cached? */
static bool belongs(const struct model *model, const struct free_label *label)
{
    struct block block;
    bool is_own = label->where == WHERE_BIN || label->where == WHERE_SPARE;

    if (!block_at(model, label->mem, &block))
        return false;
    if (label->where != WHERE_BATCH && label->where != WHERE_QUARANTINE &&
        block.heap_id != label->heap_id)
        return false;
    if (block.kind == BLOCK_SLAB) {
        return is_slot(model, &block, label->mem) &&
               (!is_own || block.slab->cls == label->index);
    }
    return block.kind == BLOCK_SEGMENT && is_chunk(model, label);
}

void check_cached(struct checker *checker)
{
    const struct freelist *freelist = checker->freelist;

    for (size_t i = 0; i < freelist->room; i++) {
        const struct free_label *label = &freelist->table[i];
        const struct model_heap *heap =
            model_heap(checker->model, label->heap_id);
        if (label->mem == 0 || heap == NULL || heap->torn ||
            belongs(checker->model, label))
            continue;
        check_found(checker, INVARIANT_CACHED_CLASS, label->mem,
                    "%s %u of heap %u", free_where_names[label->where],
                    label->index, label->heap_id);
    }
}

/* What the header of a mmapped chunk must say. */
static void check_mmapped(struct checker *checker,
                          const struct model_mmap *mapping)
{
    uintptr_t at = mapping->mem - CHUNK_HEADER;
    size_t words[2];

    if (!far_read(checker->model->target, at, words, sizeof words)) {
        check_found(checker, INVARIANT_MMAP_HEADER, at, "not readable");
        return;
    }
    bool sum = (words[1] ^
                chunk_word_sum(at, words[1], checker->model->chunk_secret)) >>
                   CHUNK_SUM_SHIFT ==
               0;
    if (!sum || (chunk_word_flags(words[1]) & IS_MMAPPED) == 0) {
        check_found(checker, INVARIANT_MMAP_HEADER, at, "mapping of %zu bytes",
                    mapping->size);
    }
}

static void check_counts(struct checker *checker, size_t live, size_t kept,
                         size_t live_bytes, size_t kept_bytes)
{
    const struct mmap_table *table = checker->model->mmap_table;
    uintptr_t address =
        FAR_ADDRESS(target_root(checker->model->target)->mmap_table);

    if (live != table->nr_live || live_bytes != table->live_bytes) {
        check_found(checker, INVARIANT_MMAP_COUNTS, address,
                    "%zu live of %zu bytes, %zu of %zu counted", live,
                    live_bytes, table->nr_live, table->live_bytes);
    }
    if (kept != table->nr_kept || kept_bytes != table->kept_bytes) {
        check_found(checker, INVARIANT_MMAP_COUNTS, address,
                    "%zu kept of %zu bytes, %zu of %zu counted", kept,
                    kept_bytes, table->nr_kept, table->kept_bytes);
    }
}

static bool record_fits(const struct mmap_record *record, unsigned bucket)
{
    return mmap_bucket(record->mem) == bucket && record->mem > record->start &&
           record->mem - record->start < record->size &&
           record->start + record->size > record->start;
}

/* Records hang together by `next` alone: their count ends a cycle. */
static void check_bucket(struct checker *checker, unsigned bucket)
{
    const struct mmap_table *table = checker->model->mmap_table;
    uintptr_t at = FAR_ADDRESS(table->buckets[bucket]);

    for (size_t steps = 0; at != 0; steps++) {
        struct mmap_record record;
        if (steps > table->nr_live) {
            check_found(checker, INVARIANT_MMAP_RECORD, at,
                        "bucket %u does not end", bucket);
            return;
        }
        if (!far_struct(checker->model->target, TYPE_ID_mmap_record, at,
                        &record) ||
            !record_fits(&record, bucket)) {
            check_found(checker, INVARIANT_MMAP_RECORD, at, "bucket %u",
                        bucket);
            return;
        }
        at = FAR_ADDRESS(record.next);
    }
}

void check_mmaps(struct checker *checker)
{
    const struct model *model = checker->model;
    size_t count[2] = {0};
    size_t bytes[2] = {0};

    for (size_t i = 0; i < model->nmmaps; i++) {
        const struct model_mmap *mapping = &model->mmaps[i];
        bool is_kept = mapping->mem == 0;
        count[is_kept]++;
        bytes[is_kept] += mapping->size;
        if (!is_kept)
            check_mmapped(checker, mapping);
    }
    check_counts(checker, count[0], count[1], bytes[0], bytes[1]);
    for (unsigned i = 0; i < MMAP_BUCKETS; i++)
        check_bucket(checker, i);
}
