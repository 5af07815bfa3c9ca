/* SPDX-License-Identifier: MIT */
#ifndef CMD_PROF_H
#define CMD_PROF_H
/* The parts of `prof`: its views, its switch, its exports. */
#include "cmd/profiled.h"

enum prof_view {
    VIEW_LIVE,
    VIEW_CUMULATIVE,
    VIEW_PEAK,
    VIEW_RESIDENT,
    VIEW_WASTE,
    VIEW_PINNED,
    VIEW_LIFETIME,
    NVIEWS,
};
extern const char *const prof_view_names[NVIEWS];

/* The metric that a view is about, and sorts by. */
enum metric prof_view_metric(enum prof_view view);

/* Rows by what they have in common. */
enum prof_by { BY_STACK, BY_FUNCTION, BY_MODULE, NBYS };
extern const char *const prof_by_names[NBYS];

struct prof_row {
    const char *name;  /* function or module; the innermost of a stack */
    const char *text;  /* the stack, innermost first; NULL: not by stack */
    const char *brief; /* the first of its functions; NULL likewise */
    const char *file;  /* source of the innermost; NULL: not known */
    uint32_t line;
    struct prof_figures figures;
};

struct prof_rows {
    struct prof_row *all; /* the largest of the view's metric first */
    size_t count;
};
void prof_rows_take(struct profiled *profiled, enum prof_by by,
                    enum metric sort, struct prof_rows *rows);
void prof_rows_free(struct prof_rows *rows);

/* The rows of a view, sums, advice. */
enum status prof_show(struct context *context, struct profiled *profiled,
                      enum prof_view view, enum prof_by by);

/* `prof PID on|off [PERIOD]`. */
enum status prof_switch(struct context *context);

#endif
