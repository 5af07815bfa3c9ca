/* SPDX-License-Identifier: MIT */
#ifndef CMD_TOP_H
#define CMD_TOP_H
/*
 * top: looks again and again; figures, what they change by, and three views:
 * threads, size classes, the page map.
 */
#include "cmd/view.h"
#include "picture/picture.h"
#include "render/tui.h"
#include "walk/usage.h"

enum figure {
    FIGURE_RSS,    /* of the process */
    FIGURE_HEAP,   /* of it, the heap's */
    FIGURE_LIVE,   /* bytes in the program's hands */
    FIGURE_CACHED, /* bytes in threads' caches */
    FIGURE_UNUSED, /* resident, not live */
    FIGURE_OBJECTS,
    FIGURE_SLABS,
    FIGURE_FAULTS, /* page faults so far */
    NFIGURES,
};

/* One look at the target. */
struct sample {
    double time_ms;
    size_t figures[NFIGURES];
    struct model *model;
    struct picture *picture;
    struct usage *usage;
};

/* False with *failure: the target is gone, or not readable. */
bool sample_take(struct target *target, struct sample *sample,
                 struct failure *failure);
void sample_free(struct sample *sample);

enum top_view { TOP_THREADS, TOP_CLASSES, TOP_MAP, TOP_HELP };

struct top {
    struct context *context;
    struct tui *tui;
    struct sample now;
    struct sample before; /* model NULL: there is none */
    enum top_view view;
    size_t sort[2]; /* column of threads and classes */
    bool ascending;
    bool frozen;
    double interval_ms;
};

/* Draws one frame. */
void top_draw(struct top *top);

/* Its views that are tables. */
void top_draw_threads(struct top *top);
void top_draw_classes(struct top *top);

enum { TOP_TEXT = 24 };

/* "17.5M", "175M": no blank, no "iB", three digits; the width is dear. */
const char *top_brief(const struct top *top, uint64_t bytes,
                      char text[TOP_TEXT]);

/* "+1.2M/s"; "" if it stands. */
const char *top_rate(const struct top *top, double change, bool is_bytes,
                     char text[TOP_TEXT]);

/* From a figure of the look before to that of now, a second. */
double top_change(const struct top *top, size_t now, size_t before);

/* The next column to sort by. */
void top_sort_next(struct top *top);

#endif
