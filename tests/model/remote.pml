/* SPDX-License-Identifier: MIT */
/*
 * Frees by other threads, as heap/remote.c and slab/slab.c have them: the
 * owner allocates the objects of two slabs, two freers free them.
 *
 *   freer   object -> CAS slab.remote; the first one: CAS owner.pending
 *   owner   takes all of pending, then of each slab; under the heap's lock,
 *           which the freers may take in its place ("help")
 *
 * An object is a bit of a mask; a mask stands for a linked list, whose order
 * is of no matter to what is lost or doubled.  The heap's lock is heap_lock.h
 * in a sequentially consistent world: with membarrier it is.
 *
 * Safety: the assertions, and no invalid end state.  Liveness: the formulas at
 * the end, under weak fairness.  MUTANT plants a bug, FOREVER makes the owner
 * go on for ever; `run` says with what each is checked.
 */
#ifndef MUTANT
#    define MUTANT 0
#endif
#ifndef FOREVER
#    define FOREVER 0
#endif

#define NSLABS   2
#define ALL      3 /* two objects a slab */
#define NOBODY   3
#define OWNER    0
#define none     NSLABS

/* The slabs: who has which objects.  Each bit is in one of these. */
byte listed[NSLABS]; /* free, in the slab: the owner's or its helper's */
byte remote[NSLABS]; /* freed by others, not yet taken */
byte used[NSLABS];   /* allocated, for a freer to free */
byte moving;         /* objects in the hands of a thread, for the sum */

/* The pending stack: the slab on top, and the one below each. */
byte pending = none;
byte pending_next[NSLABS] = none;

/* heap_lock.h */
bool odd;      /* epoch: the owner is inside */
bool helping;
byte lock = NOBODY;
byte inside;   /* ghost: threads in the critical section */

byte rounds;     /* times the owner hands out objects yet */
byte busy;       /* freers at work */
bool waiting[3]; /* a helper waits for the owner to leave */

#define COUNT(mask) (((mask) & 1) + ((mask) >> 1))
#define LISTED      (listed[0] + listed[1] != 0)
#define SUM                                                                  \
    (COUNT(listed[0]) + COUNT(listed[1]) + COUNT(remote[0]) +                \
     COUNT(remote[1]) + COUNT(used[0]) + COUNT(used[1]))

inline enter()
{
    inside++;
    assert(inside == 1)
}

inline leave()
{
    inside--
}

/* heap_lock_owner(), heap_lock_contended() */
inline owner_lock(by_lock)
{
    odd = true;
    by_lock = false;
    do
    :: !helping || MUTANT == 3 -> break
    :: helping && MUTANT != 3 && MUTANT != 7 ->
        odd = (MUTANT == 4);
        atomic { lock == NOBODY -> lock = OWNER };
        odd = true;
        by_lock = true;
        break
    :: helping && MUTANT == 7 -> /* out and in again */
        odd = false;
        odd = true
    od;
    enter()
}

inline owner_unlock(by_lock)
{
    leave();
    odd = false;
    if
    :: by_lock -> lock = NOBODY
    :: else
    fi
}

/* heap_lock_remote(): the lock is taken already. */
inline helper_enter(me)
{
    helping = true;
    waiting[me] = true;
    (!odd || MUTANT == 5);
    waiting[me] = false;
    enter()
}

inline helper_leave()
{
    leave();
    helping = false;
    lock = NOBODY
}

/* collect_slabs(): the lock is held. */
inline collect(slab, next, taken)
{
    atomic { slab = pending; pending = none };
    do
    :: slab == none -> break
    :: else ->
        next = pending_next[slab];
        atomic {
            taken = remote[slab];
            remote[slab] = 0;
            moving = moving + COUNT(taken)
        };
        if
        :: MUTANT == 2 -> next = pending_next[slab]
        :: else
        fi;
        atomic {
            assert((listed[slab] & taken) == 0);
            listed[slab] = listed[slab] | taken;
            moving = moving - COUNT(taken)
        };
        slab = next
    od;
    taken = 0
}

/* All that is free in one slab, if there is any. */
inline hand_out()
{
    atomic {
        if
        :: rounds > 0 && listed[0] != 0 ->
            used[0] = used[0] | listed[0];
            listed[0] = 0;
            rounds--
        :: rounds > 0 && listed[0] == 0 && listed[1] != 0 ->
            used[1] = used[1] | listed[1];
            listed[1] = 0;
            rounds--
        :: else
        fi
    }
}

proctype owner()
{
    byte slab = none;
    byte next = none;
    byte taken;
    bool by_lock;

    do
    :: FOREVER || pending != none || (rounds > 0 && LISTED) ->
        owner_lock(by_lock);
        collect(slab, next, taken);
        hand_out();
        owner_unlock(by_lock)
    :: !FOREVER && busy == 0 && pending == none -> break
    od
}

/* send_slab() of one object of `slab`. */
inline push(slab, it, old, old_top)
{
    do
    :: old = remote[slab];
        atomic {
            if
            :: remote[slab] == old || MUTANT == 1 ->
                assert((old & it) == 0);
                remote[slab] = old | it;
                moving--;
                break
            :: else
            fi
        }
    od;
    if
    :: (old == 0 || MUTANT == 6) && MUTANT != 8 ->
        do
        :: old_top = pending;
            pending_next[slab] = old_top;
            atomic {
                if
                :: pending == old_top -> pending = slab; break
                :: else
                fi
            }
        od
    :: else
    fi;
    old = 0;
    old_top = none
}

proctype freer(byte me; byte frees)
{
    byte slab = none;
    byte next = none;
    byte taken;
    byte it;
    byte old;
    byte old_top = none;

    do
    :: frees > 0 ->
        /* Any object that is in use: it is this thread's to free. */
        atomic {
            if
            :: used[0] & 1 -> slab = 0; it = 1
            :: used[0] & 2 -> slab = 0; it = 2
            :: used[1] & 1 -> slab = 1; it = 1
            :: used[1] & 2 -> slab = 1; it = 2
            fi;
            used[slab] = used[slab] & ~it;
            moving++;
            frees--
        };
        push(slab, it, old, old_top);
        slab = none;
        it = 0;
        /* account(): too much is pending, or not. */
        if
        :: atomic { lock == NOBODY -> lock = me };
            helper_enter(me);
            collect(slab, next, taken);
            helper_leave()
        :: skip
        fi
    :: frees == 0 -> break
    od;
    busy--
}

init {
    atomic {
        used[0] = ALL;
        used[1] = ALL;
        rounds = 2;
        busy = 2;
        run owner();
        run freer(1, FREES);
        run freer(2, FREES)
    };
    /* All have ended: nothing is lost, nothing is pending. */
    _nr_pr == 1 -> assert(SUM == 2 * COUNT(ALL) && moving == 0);
    assert(remote[0] == 0 && remote[1] == 0 && pending == none)
}

/* What was freed can be used again in the end. */
ltl reusable {
    [] ((remote[0] != 0 -> <> (remote[0] == 0)) &&
        (remote[1] != 0 -> <> (remote[1] == 0)))
}

/* A helper that waits for the owner is let in. */
ltl let_in {
    [] ((waiting[1] -> <> !waiting[1]) && (waiting[2] -> <> !waiting[2]))
}
