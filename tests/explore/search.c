/* SPDX-License-Identifier: MIT */
#include "search.h"

#include "points.h"
#include "scenario.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    MOST_DEPTH = 1 << 16,
    FIRST_TABLE = 1 << 14, /* slots; doubled when 3/4 are taken */
    MOST_TABLE = 1 << 28,
    NCHOICES = 2 * NTHREADS, /* run thread i, or flush a store of thread i */
    NOBODY = NTHREADS,
    TEXT_BYTES = 1 << 14,
};

/*
 * Source: Holzmann, The Model Checker SPIN (1997), for the hash-compacted
 * table of states; Musuvathi and Qadeer, Iterative Context Bounding (PLDI
 * 2007), for preemptions as the measure.
 */
struct visit {
    uint64_t key;
    double schedules;
    uint32_t search;      /* the search that put it there; others' are free */
    uint16_t preemptions; /* fewest it was reached with */
    bool is_open;         /* on the way to the current state */
};

/* A state on the way to the current one. */
struct level {
    size_t mark;
    uint64_t key;
    double schedules;
    unsigned points;      /* of the step that led here */
    uint16_t preemptions; /* so far */
    uint8_t choice;       /* that led here */
    uint8_t last;         /* thread that ran */
    uint8_t next;         /* choice to try */
};

struct search {
    struct visit *table;
    size_t slots; /* of the table; a power of two */
    struct level *levels;
    size_t depth;
    uint32_t number; /* of searches begun */
    const struct search_limits *limits;
    struct search_figures *figures;
    bool was_cut; /* by the bound */
    char failure[1024];
    char schedule[TEXT_BYTES];
    double started;
};

static struct search *state;

void search_init(void)
{
    state = world_private(sizeof *state);
    state->slots = FIRST_TABLE;
    state->table = world_private(state->slots * sizeof *state->table);
    state->levels = world_private(MOST_DEPTH * sizeof *state->levels);
}

/* The explorer's own clock: clock_gettime() is the scenario's. */
static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static bool is_choice(unsigned choice)
{
    if (choice >= NTHREADS)
        return threads->of[choice - NTHREADS].nstores > 0;
    return thread_is_enabled((int)choice);
}

static bool all_done(void)
{
    for (unsigned i = 0; i < NTHREADS; i++) {
        if (!threads->of[i].done || threads->of[i].nstores > 0)
            return false;
    }
    return true;
}

/* To take the turn from a thread that could go on, and wants to. */
static bool is_preemption(unsigned choice, unsigned last)
{
    return choice < NTHREADS && last != NOBODY && choice != last &&
           thread_is_enabled((int)last) && !thread_is_voluntary((int)last);
}

static bool take(unsigned choice, unsigned points)
{
    if (choice < NTHREADS)
        return thread_step((int)choice, points);
    thread_flush_store((int)choice - NTHREADS);
    return true;
}

/* The points that a replay must let the thread go through. */
static unsigned points_of_step(unsigned choice, bool failed)
{
    if (choice >= NTHREADS)
        return 1;
    return thread_points() + (failed || threads->of[choice].done);
}

static size_t put(size_t at, unsigned choice, unsigned points)
{
    char letter =
        (char)(choice < NTHREADS ? 'a' + choice : 'A' + choice - NTHREADS);

    return at + (size_t)snprintf(state->schedule + at, TEXT_BYTES - at, "%c%u",
                                 letter, points);
}

/* The way to the current state, and one more step. */
static void schedule_print(unsigned choice, unsigned points)
{
    unsigned run = 0;
    unsigned sum = 0;
    size_t at = 0;

    for (size_t i = 1; i <= state->depth + 1; i++) {
        bool is_last = i > state->depth;
        unsigned now = is_last ? choice : state->levels[i].choice;
        if (i > 1 && now != run) {
            at = put(at, run, sum);
            sum = 0;
        }
        run = now;
        sum += is_last ? points : state->levels[i].points;
    }
    if (sum > 0)
        put(at, run, sum);
}

static enum verdict fail(unsigned choice, unsigned points, const char *why)
{
    snprintf(state->failure, sizeof state->failure, "%s", why);
    schedule_print(choice, points);
    return SEARCH_FAILED;
}

/* The slot of the state, or the one to put it in. */
static struct visit *slot_of(uint64_t key)
{
    for (size_t i = key * 0x9e3779b97f4a7c15u >> 20;; i++) {
        struct visit *visit = &state->table[i & (state->slots - 1)];
        if (visit->search != state->number || visit->key == key)
            return visit;
    }
}

static void table_grow(void)
{
    struct visit *old = state->table;
    size_t slots = state->slots;

    state->slots = 2 * slots;
    state->table = world_private(state->slots * sizeof *old);
    for (size_t i = 0; i < slots; i++) {
        if (old[i].search == state->number)
            *slot_of(old[i].key) = old[i];
    }
    munmap(old, slots * sizeof *old);
}

static struct visit *visit_of(uint64_t key)
{
    if (state->figures->states >= state->slots / 4 * 3)
        table_grow();
    struct visit *visit = slot_of(key);
    if (visit->search == state->number)
        return visit;
    *visit = (struct visit){
        .key = key, .search = state->number, .preemptions = UINT16_MAX};
    state->figures->states++;
    return visit;
}

/* With a bound, what may follow depends on who is at work. */
static uint64_t key_of_state(unsigned last)
{
    uint64_t key = world_hash();

    if (state->limits->bound >= 0)
        key = (key ^ (last + 1)) * 0xd6e8feb86659fd93u;
    return key;
}

/*
 * Enters the current state.  True: it is new, or was reached with more
 * preemptions before; else its schedules are the ones counted then.
 */
static bool enter(unsigned choice, unsigned points, unsigned preemptions,
                  unsigned last)
{
    struct level *up = &state->levels[state->depth];
    uint64_t key = key_of_state(last);
    struct visit *visit = visit_of(key);
    bool bounded = state->limits->bound >= 0;

    if (visit->preemptions != UINT16_MAX &&
        (!bounded || visit->preemptions <= preemptions)) {
        up->schedules += visit->schedules;
        state->figures->cycles += visit->is_open;
        return false;
    }
    visit->preemptions = (uint16_t)preemptions;
    visit->is_open = true;
    state->depth++;
    if (state->depth > state->figures->depth)
        state->figures->depth = state->depth;
    state->levels[state->depth] = (struct level){
        .mark = world_mark(),
        .key = key,
        .points = points,
        .preemptions = (uint16_t)preemptions,
        .choice = (uint8_t)choice,
        .last = (uint8_t)last,
    };
    return true;
}

/* Back to the state before. */
static void leave(void)
{
    struct level *level = &state->levels[state->depth--];

    struct visit *visit = visit_of(level->key);
    visit->schedules = level->schedules;
    visit->is_open = false;
    state->levels[state->depth].schedules += level->schedules;
    world_undo(state->levels[state->depth].mark);
}

/* All threads are done: what must hold then, is looked at and undone. */
static bool end_holds(void)
{
    struct level *level = &state->levels[state->depth];

    state->figures->ends++;
    level->schedules = 1;
    level->next = NCHOICES;
    points_mode->on = false;
    bool held = thread_run_check(scenario_check);
    points_mode->on = true;
    world_note();
    world_undo(level->mark);
    return held;
}

/* The next choice at the current state; NCHOICES = there is none left. */
static unsigned next_choice(struct level *level)
{
    while (level->next < NCHOICES) {
        /* The thread at work first: schedules without preemption come first */
        unsigned turn = level->next++;
        unsigned choice = turn;
        if (turn < NTHREADS && level->last != NOBODY)
            choice = (turn + level->last) % NTHREADS;
        if (!is_choice(choice))
            continue;
        int preemptions =
            level->preemptions + is_preemption(choice, level->last);
        if (state->limits->bound < 0 || preemptions <= state->limits->bound)
            return choice;
        state->was_cut = true;
    }
    return NCHOICES;
}

static bool is_deadlock(void)
{
    for (unsigned choice = 0; choice < NCHOICES; choice++) {
        if (is_choice(choice))
            return false;
    }
    return true;
}

/* One step, into a new state or back from a known one. */
static enum verdict advance(struct level *level, unsigned choice)
{
    unsigned preemptions =
        level->preemptions + is_preemption(choice, level->last);
    unsigned last = choice < NTHREADS ? choice : level->last;

    state->figures->transitions++;
    bool done = take(choice, 0);
    unsigned points = points_of_step(choice, !done);
    if (!done)
        return fail(choice, points, failure());
    world_note();
    if (!enter(choice, points, preemptions, last)) {
        world_undo(level->mark);
        return SEARCH_EXHAUSTED;
    }
    if (all_done())
        return end_holds() ? SEARCH_EXHAUSTED : fail(0, 0, failure());
    return is_deadlock() ? fail(0, 0, "deadlock") : SEARCH_EXHAUSTED;
}

static bool is_over_limit(void)
{
    const struct search_figures *figures = state->figures;

    if (figures->states >= state->limits->states ||
        figures->states >= MOST_TABLE / 4 * 3 || state->depth + 2 >= MOST_DEPTH)
        return true;
    return (figures->transitions & 0xfff) == 0 &&
           seconds() - state->started > state->limits->seconds;
}

/* SEARCH_EXHAUSTED, or why it ended before; a new shared word ends it, too. */
static enum verdict run(bool *grew)
{
    points_mode->on = true;
    for (;;) {
        struct level *level = &state->levels[state->depth];
        unsigned choice = next_choice(level);
        if (choice == NCHOICES) {
            if (state->depth == 1)
                return SEARCH_EXHAUSTED;
            leave();
            continue;
        }
        enum verdict verdict = advance(level, choice);
        *grew = points_grew();
        if (verdict != SEARCH_EXHAUSTED || *grew)
            return verdict;
        if (is_over_limit())
            return SEARCH_LIMIT;
    }
}

static void begin(void)
{
    unsigned restarts = state->figures->restarts;

    world_undo(0);
    state->number++;
    *state->figures = (struct search_figures){.restarts = restarts};
    state->was_cut = false;
    state->depth = 0;
    enter(0, 0, 0, NOBODY);
}

enum verdict search(const struct search_limits *limits,
                    struct search_figures *figures)
{
    enum verdict verdict;
    bool grew;

    *figures = (struct search_figures){0};
    state->limits = limits;
    state->figures = figures;
    state->started = seconds();
    for (;;) {
        begin();
        grew = false;
        verdict = run(&grew);
        if (!grew || verdict == SEARCH_FAILED)
            break;
        figures->restarts++;
    }
    points_mode->on = false;
    figures->schedules = state->levels[1].schedules;
    figures->seconds = seconds() - state->started;
    world_note();
    world_undo(0);
    return verdict == SEARCH_EXHAUSTED && state->was_cut ? SEARCH_BOUNDED
                                                         : verdict;
}

const char *search_schedule(void)
{
    return state->schedule;
}

const char *search_failure(void)
{
    return state->failure;
}

static const char *const point_names[NPOINTS] = {
    "starts", "reads", "writes", "changes", "goes on behind", "fences",
    "spins",  "waits", "futex",  "sleeps",  "membarrier",
};

/* Lets one thread run through `points` points, printing each. */
static bool replay_run(unsigned choice, unsigned points)
{
    if (choice >= NTHREADS) {
        printf("  %c's store of %s reaches memory\n",
               (int)('a' + choice - NTHREADS),
               scenario_name_of(threads->of[choice - NTHREADS].stores[0].at));
        thread_flush_store((int)choice - NTHREADS);
        return true;
    }
    struct thread *thread = &threads->of[choice];
    while (points > 0 && !thread->done && thread_is_enabled((int)choice)) {
        printf("  %c %s %s\n", (int)('a' + choice), point_names[thread->point],
               scenario_name_of(thread->at));
        fflush(stdout);
        if (!thread_step((int)choice, 1))
            return false;
        unsigned gone = thread_points();
        points -= gone < points ? gone : points;
    }
    return true;
}

bool search_replay(const char *schedule)
{
    bool held = true;

    points_mode->on = true;
    points_mode->replay = true;
    while (held && *schedule != '\0') {
        char *end;
        char letter = *schedule;
        unsigned long points = strtoul(schedule + 1, &end, 10);
        unsigned choice =
            (unsigned)(letter >= 'a' ? letter - 'a' : letter - 'A' + NTHREADS);
        if (choice >= NCHOICES || end == schedule + 1)
            return false;
        held = replay_run(choice, (unsigned)points);
        schedule = end;
    }
    points_mode->on = false;
    const char *why = failure();
    if (held && all_done())
        held = thread_run_check(scenario_check);
    if (held && !all_done() && is_deadlock()) {
        why = "deadlock";
        held = false;
    }
    if (!held)
        printf("  %s\n", why);
    return held;
}
