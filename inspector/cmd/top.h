/* SPDX-License-Identifier: MIT */
#ifndef CMD_TOP_H
#define CMD_TOP_H
/*
 * top: looks again and again; figures, what they change by, and five views:
 * threads, size classes, the stacks of a profile, the page map, the time since
 * the first look.
 */
#include "cmd/view.h"
#include "picture/picture.h"
#include "prof/values.h"
#include "render/tui.h"
#include "symbol/symbols.h"
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
    struct profile *profile;     /* NULL: there is none */
    struct prof_figures *stacks; /* of the profile */
};

/* False with *failure: the target is gone, or not readable. */
bool sample_take(struct target *target, struct sample *sample,
                 struct failure *failure);
void sample_free(struct sample *sample);

enum top_view {
    TOP_THREADS,
    TOP_CLASSES,
    TOP_STACKS,
    TOP_MAP,
    TOP_TIME,
    TOP_HELP,
};

enum { TOP_LOOKS = 16, TOP_STACK_COLUMNS = 4 };

/* What each stack held at one time. */
struct top_look {
    double time_ms;
    size_t count;
    uint64_t *live; /* bytes, by stack */
};

/* What was resident of the heap, in bytes. */
struct top_moment {
    double time_ms;
    size_t used;
    size_t cached;
    size_t unused;
};

enum { TOP_MOMENTS = 1024 };

/* All looks so far; when there are too many, every second is dropped. */
struct top_history {
    struct top_moment moments[TOP_MOMENTS];
    unsigned count;
    unsigned every;   /* looks to a moment; 0: none was kept yet */
    unsigned skipped; /* looks so far */
};

struct top {
    struct context *context;
    struct tui *tui;
    struct sample now;
    struct sample before; /* model NULL: there is none */
    enum top_view view;
    size_t sort[3];                   /* column of threads, classes, stacks */
    struct top_look looks[TOP_LOOKS]; /* of the last minute, oldest first */
    unsigned nlooks;
    struct top_history history;
    struct symbols *symbols; /* NULL: no stack was shown yet */
    bool ascending;
    bool frozen;
    double interval_ms;
};

/* Draws one frame. */
void top_draw(struct top *top);

/* Its views that are tables. */
void top_draw_threads(struct top *top);
void top_draw_classes(struct top *top);
void top_draw_stacks(struct top *top);

/* Of the time since the first look; top_note() keeps what it draws. */
void top_draw_time(struct top *top);
void top_note(struct top *top);

/* Keeps what growth is measured from; drops it. */
void top_remember(struct top *top);
void top_forget(struct top *top);

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
