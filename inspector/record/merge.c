/* SPDX-License-Identifier: MIT */
/*
 * The events of all threads in one order: a stream a thread, a binary heap of
 * streams by their next stamps.  Of each stream one block is open at most,
 * from its first stamp on.
 */
#include "memory.h"
#include "record/reader.h"

#include <stdlib.h>

struct stream {
    uint64_t stamp;            /* of the next event */
    size_t place;              /* of the open or next block */
    size_t end;                /* of its blocks */
    uint32_t next;             /* in items[] */
    struct record_item *items; /* NULL: not open */
};

struct merge {
    const struct record *record;
    struct stream *streams; /* a heap */
    size_t count;
    bool damaged;
};

static bool is_allocation(enum record_op op)
{
    return op != RECORD_FREE && op != RECORD_REALLOC;
}

static bool decode(const struct record *record,
                   const struct record_block *block, const uint8_t *raw,
                   struct record_item *items)
{
    struct record_cursor cursor = {raw, raw + block->raw_size, false};
    uint64_t value = block->first;

    for (uint32_t i = 0; i < block->count; i++)
        items[i].stamp = value += record_get(&cursor);
    if (cursor.end - cursor.at < (ptrdiff_t)block->count)
        return false;
    for (uint32_t i = 0; i < block->count; i++) {
        items[i].op = *cursor.at++ & 7;
        items[i].thread = block->thread;
    }
    value = 0;
    for (uint32_t i = 0; i < block->count; i++)
        items[i].address = value = record_get_difference(&cursor, value);
    for (uint32_t i = 0; i < block->count; i++)
        items[i].size = is_allocation(items[i].op) ? record_get(&cursor) : 0;
    value = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        value = record_get_difference(&cursor, value);
        items[i].stack = value < record->nframes ? (uint32_t)value : 0;
    }
    value = block->first_ms;
    for (uint32_t i = 0; i < block->count; i++) {
        value = record_get_difference(&cursor, value);
        items[i].ms = (uint32_t)value;
    }
    return !cursor.bad;
}

/* False: the block is damaged. */
static bool open_block(const struct record *record, struct stream *stream)
{
    const struct record_place *place = &record->places[stream->place];
    uint8_t *raw = record_content(record, place->offset, &place->block);

    stream->next = 0;
    stream->items = xcalloc(place->block.count, sizeof *stream->items);
    bool good =
        raw != NULL && decode(record, &place->block, raw, stream->items);
    free(raw);
    if (good)
        return true;
    free(stream->items);
    stream->items = NULL;
    return false;
}

/* False: the stream is at its end. */
static bool next_block(const struct record *record, struct stream *stream)
{
    free(stream->items);
    stream->items = NULL;
    if (++stream->place >= stream->end)
        return false;
    stream->stamp = record->places[stream->place].block.first;
    return true;
}

static void sift_down(struct merge *merge)
{
    size_t at = 0;
    struct stream moved = merge->streams[0];

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= merge->count)
            break;
        if (child + 1 < merge->count &&
            merge->streams[child + 1].stamp < merge->streams[child].stamp)
            child++;
        if (merge->streams[child].stamp >= moved.stamp)
            break;
        merge->streams[at] = merge->streams[child];
        at = child;
    }
    merge->streams[at] = moved;
}

static int by_stamp(const void *left, const void *right)
{
    const struct stream *a = left;
    const struct stream *b = right;

    return (a->stamp > b->stamp) - (a->stamp < b->stamp);
}

/* A sorted array is a heap. */
static void make_streams(struct merge *merge)
{
    const struct record *record = merge->record;

    for (size_t i = 0; i < record->nplaces; i++) {
        const struct record_block *block = &record->places[i].block;
        if (i == 0 || block->thread != record->places[i - 1].block.thread) {
            merge->streams =
                xgrow(merge->streams, merge->count, sizeof *merge->streams);
            merge->streams[merge->count++] =
                (struct stream){.stamp = block->first, .place = i};
        }
        merge->streams[merge->count - 1].end = i + 1;
    }
    if (merge->count > 1)
        qsort(merge->streams, merge->count, sizeof *merge->streams, by_stamp);
}

/* Events of the first stream, as long as it stays the first. */
static void run_first(struct merge *merge, record_visit *visit, void *context)
{
    struct stream *first = &merge->streams[0];
    uint64_t limit = UINT64_MAX;

    for (size_t i = 1; i <= 2 && i < merge->count; i++) {
        if (merge->streams[i].stamp < limit)
            limit = merge->streams[i].stamp;
    }
    if (first->items == NULL && !open_block(merge->record, first))
        merge->damaged = true;
    const struct record_block *block =
        &merge->record->places[first->place].block;
    while (first->items != NULL && first->next < block->count) {
        first->stamp = first->items[first->next].stamp;
        if (first->stamp > limit)
            return;
        visit(context, &first->items[first->next++]);
    }
    if (!next_block(merge->record, first))
        *first = merge->streams[--merge->count];
}

bool record_walk(const struct record *record, record_visit *visit,
                 void *context)
{
    struct merge merge = {.record = record};

    make_streams(&merge);
    while (merge.count > 0) {
        run_first(&merge, visit, context);
        if (merge.count > 0)
            sift_down(&merge);
    }
    free(merge.streams);
    return !merge.damaged;
}
