/* SPDX-License-Identifier: MIT */
/*
 * The policy as arithmetic: marks, windows, regret.
 */
#include "unit.h"

#include "base/tunables.h"
#include "page/reclaim.h"

enum { HIGH = 1000, START = 100000 };

/* A policy whose window and judgement began at START, with `dirty` free. */
static struct reclaim_policy policy_at(size_t dirty)
{
    return (struct reclaim_policy){
        .min_dirty = dirty, .tick_ms = START, .judged_ms = START};
}

/* By a base of HIGH, with nothing live. */
static size_t target(struct reclaim_policy *policy, size_t dirty, uint64_t now)
{
    reclaim_judge(policy, now);
    return reclaim_target(policy, dirty, 0, reclaim_marks(*policy, 0, HIGH, 0),
                          now);
}

TEST(reclaim_policy, between_the_marks_all_stays)
{
    struct reclaim_policy policy = policy_at(0);

    CHECK(target(&policy, 0, START) == RECLAIM_NOTHING);
    CHECK(target(&policy, HIGH, START) == RECLAIM_NOTHING);
}

TEST(reclaim_policy, above_high_the_surplus_and_half_of_base_goes_at_once)
{
    struct reclaim_policy policy = policy_at(0);

    CHECK_EQ(target(&policy, HIGH + 1, START), HIGH / 2);
    CHECK_EQ(target(&policy, 50 * HIGH, START), HIGH / 2);
}

TEST(reclaim_policy, what_stayed_free_for_a_whole_window_goes_down_to_low)
{
    struct reclaim_policy policy = policy_at(900);
    uint64_t end = START + tunables.purge_delay;

    CHECK(target(&policy, 900, end - 1) == RECLAIM_NOTHING);
    reclaim_note_use(&policy, 800, 0);
    /* 800 were never needed: 550 of these are above low. */
    CHECK_EQ(target(&policy, 950, end), 950 - 550);
}

TEST(reclaim_policy, what_was_needed_within_the_window_stays)
{
    struct reclaim_policy policy = policy_at(900);
    uint64_t end = START + tunables.purge_delay;

    reclaim_note_use(&policy, HIGH / 4, 0);
    CHECK(target(&policy, 1000, end) == RECLAIM_NOTHING);
}

TEST(reclaim_policy, what_was_live_at_the_peak_may_stay_for_two_windows)
{
    struct reclaim_policy policy = policy_at(0);
    uint64_t end = START + tunables.purge_delay;

    reclaim_note_live(&policy, 5000);
    CHECK(target(&policy, 5000 + HIGH, START) == RECLAIM_NOTHING);
    CHECK_EQ(target(&policy, 5001 + HIGH, START), 5000 + HIGH / 2);
    reclaim_note_use(&policy, 0, 0); /* none of it lies idle */
    CHECK(target(&policy, 5000, end) == RECLAIM_NOTHING);
    reclaim_note_use(&policy, 0, 0);
    CHECK(target(&policy, 5000, end + tunables.purge_delay - 1) ==
          RECLAIM_NOTHING);
    CHECK(target(&policy, 5000, end + tunables.purge_delay) == RECLAIM_NOTHING);
    CHECK_EQ(target(&policy, 5000, end + tunables.purge_delay), HIGH / 2);
}

TEST(reclaim_policy, what_is_resident_elsewhere_counts_towards_the_peak)
{
    struct reclaim_policy policy = policy_at(0);

    reclaim_note_live(&policy, 5000);
    policy.outside = 4000;
    CHECK(target(&policy, 1000 + HIGH, START) == RECLAIM_NOTHING);
    CHECK_EQ(target(&policy, 1001 + HIGH, START), 1000 + HIGH / 2);
}

TEST(reclaim_policy, the_next_window_begins_where_one_ends)
{
    struct reclaim_policy policy = policy_at(0);
    uint64_t end = START + tunables.purge_delay;

    target(&policy, 700, end);
    CHECK_EQ(policy.tick_ms, end);
    CHECK_EQ(policy.min_dirty, 700);
    CHECK(target(&policy, 700, end + 1) == RECLAIM_NOTHING);
    CHECK_EQ(policy.tick_ms, end);
    CHECK_EQ(target(&policy, 700, end + tunables.purge_delay), HIGH / 4);
}

TEST(reclaim_policy, regret_counts_only_after_a_purge)
{
    struct reclaim_policy policy = policy_at(0);

    reclaim_note_use(&policy, 0, 100);
    CHECK_EQ(policy.regret, 0);
    policy.purged = 1000;
    reclaim_note_use(&policy, 0, 100);
    CHECK_EQ(policy.regret, 100);
}

TEST(reclaim_policy, regret_raises_high_by_twice_as_much)
{
    struct reclaim_policy policy = policy_at(0);

    policy.purged = 1000;
    reclaim_note_use(&policy, 0, 400);
    CHECK(target(&policy, HIGH + 800, START) == RECLAIM_NOTHING);
    CHECK_EQ(policy.slack, 800);
    CHECK_EQ(policy.purged, 0);
    CHECK_EQ(policy.regret, 0);
    CHECK_EQ(target(&policy, HIGH + 801, START), HIGH / 2 + 800);
}

/* What becomes of `slack` when of `purged` so much is wanted again. */
static size_t slack_learnt(size_t slack, size_t purged, size_t wanted)
{
    struct reclaim_policy policy = policy_at(0);

    policy.slack = slack;
    policy.purged = purged;
    reclaim_note_use(&policy, 0, wanted);
    target(&policy, 0, START);
    return policy.slack;
}

TEST(reclaim_policy, a_little_regret_is_none)
{
    CHECK_EQ(slack_learnt(0, 1000, 250), 0);
}

TEST(reclaim_policy, slack_grows_with_each_regret)
{
    CHECK_EQ(slack_learnt(5000, 100, 100), 5200);
}

TEST(reclaim_policy, more_than_was_given_back_is_not_regretted)
{
    CHECK_EQ(slack_learnt(0, 100, 1000), 200);
}

TEST(reclaim_policy, slack_decays_by_a_quarter_a_second)
{
    struct reclaim_policy policy = policy_at(0);

    policy.slack = 1600;
    target(&policy, 0, START + 999);
    CHECK_EQ(policy.slack, 1600);
    target(&policy, 0, START + 1000);
    CHECK_EQ(policy.slack, 1200);
    target(&policy, 0, START + 1001);
    CHECK_EQ(policy.slack, 1200);
    target(&policy, 0, START + 2000);
    CHECK_EQ(policy.slack, 900);
}
