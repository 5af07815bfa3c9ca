/* SPDX-License-Identifier: MIT */
/* A flame graph that stands for itself: no script, a title a frame. */
#include "prof/tree.h"

#include "memory.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    WIDTH = 1200,
    ROW = 18,
    TOP = 44,
    LETTER = 7, /* width of one, about */
    DEPTH_MAX = 2048,
};
#define LEAST 0.4 /* pixels: narrower frames are not drawn */

struct drawing {
    const struct tree *tree;
    enum metric metric;
    FILE *stream;
    uint32_t *first; /* children of a node: first[i] .. first[i + 1] */
    uint32_t *child; /* ... in here, the largest first */
    double scale;    /* pixels a unit */
};

static const struct drawing *sorting;

static uint64_t value_of(const struct drawing *drawing, uint32_t node)
{
    const struct tree *tree = drawing->tree;

    return tree->nodes[node].value[tree->targets - 1][drawing->metric];
}

static int by_value(const void *left, const void *right)
{
    uint64_t a = value_of(sorting, *(const uint32_t *)left);
    uint64_t b = value_of(sorting, *(const uint32_t *)right);

    return (a < b) - (a > b);
}

static void find_children(struct drawing *drawing)
{
    const struct tree *tree = drawing->tree;

    drawing->first = xcalloc(tree->count + 2, sizeof *drawing->first);
    drawing->child = xcalloc(tree->count, sizeof *drawing->child);
    for (size_t i = 1; i < tree->count; i++)
        drawing->first[tree->nodes[i].parent + 2]++;
    for (size_t i = 2; i < tree->count + 2; i++)
        drawing->first[i] += drawing->first[i - 1];
    for (size_t i = 1; i < tree->count; i++) {
        uint32_t *next = &drawing->first[tree->nodes[i].parent + 1];
        drawing->child[(*next)++] = (uint32_t)i;
    }
    sorting = drawing;
    for (size_t i = 0; i < tree->count; i++) {
        size_t count = drawing->first[i + 1] - drawing->first[i];
        if (count > 1) {
            qsort(drawing->child + drawing->first[i], count,
                  sizeof *drawing->child, by_value);
        }
    }
    sorting = NULL;
}

static void put_text(FILE *stream, const char *text, size_t most)
{
    for (size_t i = 0; i < most && text[i] != '\0'; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '<') {
            (void)fputs("&lt;", stream);
        } else if (c == '>') {
            (void)fputs("&gt;", stream);
        } else if (c == '&') {
            (void)fputs("&amp;", stream);
        } else {
            (void)fputc(c >= ' ' && c < 0x7f ? c : '?', stream);
        }
    }
}

/* Grew: towards red; shrank: towards blue.  Else a warm tone by its name. */
static void put_color(const struct drawing *drawing, uint32_t node)
{
    const struct tree *tree = drawing->tree;
    const struct tree_node *it = &tree->nodes[node];
    uint32_t hue = (it->name * 2654435761u) >> 27;

    if (tree->targets == 1) {
        (void)fprintf(drawing->stream, "hsl(%u 70%% 62%%)", 14 + hue);
        return;
    }
    double before = (double)it->value[0][drawing->metric];
    double after = (double)it->value[1][drawing->metric];
    double most = before > after ? before : after;
    double change = most > 0 ? (after - before) / most : 0;
    (void)fprintf(drawing->stream, "hsl(%d %.0f%% 66%%)", change >= 0 ? 8 : 212,
                  10 + 75 * (change < 0 ? -change : change));
}

static void put_frame(const struct drawing *drawing, uint32_t node, double x,
                      unsigned depth)
{
    const struct tree *tree = drawing->tree;
    const char *name = tree->names[tree->nodes[node].name];
    uint64_t value = value_of(drawing, node);
    double width = (double)value * drawing->scale;
    unsigned y = TOP + depth * ROW;

    (void)fprintf(drawing->stream, "<g><title>");
    put_text(drawing->stream, name, SIZE_MAX);
    (void)fprintf(drawing->stream, ": %" PRIu64, value);
    if (tree->targets > 1) {
        (void)fprintf(drawing->stream, " (before: %" PRIu64 ")",
                      tree->nodes[node].value[0][drawing->metric]);
    }
    (void)fprintf(drawing->stream,
                  "</title><rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" "
                  "height=\"%d\" fill=\"",
                  x, y, width > 1 ? width - 0.5 : width, ROW - 1);
    put_color(drawing, node);
    (void)fputs("\"/>", drawing->stream);
    if (width > 4 * LETTER) {
        (void)fprintf(drawing->stream, "<text x=\"%.1f\" y=\"%u\">", x + 3,
                      y + ROW - 5);
        put_text(drawing->stream, name, (size_t)(width / LETTER));
        (void)fputs("</text>", drawing->stream);
    }
    (void)fputs("</g>\n", drawing->stream);
}

/* Where the next child of each open frame is. */
struct open_frame {
    uint32_t node;
    uint32_t next;
    double x;
};

/* Draws the frames, or only tells how deep they lie. */
static unsigned walk(const struct drawing *drawing, bool draw)
{
    static struct open_frame open[DEPTH_MAX];
    unsigned depth = 0;
    unsigned deepest = 0;

    open[0] = (struct open_frame){0, drawing->first[0], 0};
    if (draw)
        put_frame(drawing, 0, 0, 0);
    for (;;) {
        struct open_frame *at = &open[depth];
        if (at->next == drawing->first[at->node + 1] ||
            depth + 1 == DEPTH_MAX) {
            if (depth-- == 0)
                return deepest;
            continue;
        }
        uint32_t child = drawing->child[at->next++];
        double width = (double)value_of(drawing, child) * drawing->scale;
        double x = at->x;
        at->x += width;
        if (width < LEAST)
            continue;
        open[++depth] = (struct open_frame){child, drawing->first[child], x};
        deepest = depth > deepest ? depth : deepest;
        if (draw)
            put_frame(drawing, child, x, depth);
    }
}

bool tree_svg(const struct tree *tree, enum metric metric, const char *title,
              FILE *stream)
{
    struct drawing drawing = {tree, metric, stream, NULL, NULL, 0};
    uint64_t all = value_of(&drawing, 0);

    find_children(&drawing);
    drawing.scale = all > 0 ? (double)WIDTH / (double)all : 0;
    unsigned height = TOP + (walk(&drawing, false) + 1) * ROW + 10;
    (void)fprintf(stream,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
                  "height=\"%u\" viewBox=\"0 0 %d %u\">\n"
                  "<style>svg{background:#fcfcfa}text{font:12px "
                  "monospace;fill:#111418}.head{font:15px sans-serif}"
                  "@media(prefers-color-scheme:dark){svg{background:#15181c}"
                  ".head{fill:#e8e8e4}}</style>\n"
                  "<text class=\"head\" x=\"4\" y=\"18\">",
                  WIDTH, height, WIDTH, height);
    put_text(stream, title, SIZE_MAX);
    (void)fprintf(stream, "</text>\n<text class=\"head\" x=\"4\" y=\"36\">%s: ",
                  metric_names[metric]);
    put_text(stream, metric_meanings[metric], SIZE_MAX);
    (void)fputs("</text>\n", stream);
    (void)walk(&drawing, true);
    (void)fputs("</svg>\n", stream);
    free(drawing.first);
    free(drawing.child);
    return ferror(stream) == 0;
}
