//! The table of the rules. That they hold in the running machine is tested beside the cache.

mod bench;

use super::*;
use crate::cache::{Fetched, Limits};
use azure_core::time::OffsetDateTime;
use bench::{Bench, Failed, told};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

const STAGES: [(&str, Duration); 4] = [
    ("fresh", MINUTE),
    ("usable", Duration::from_secs(41 * 60)),
    ("due", Duration::from_secs(54 * 60)),
    ("expired", Duration::from_secs(3570)),
];

#[test]
fn a_call_is_told_by_the_stage_of_the_token() {
    let expected = [
        ("token 1", false),
        ("token 1", true),
        ("wait a while", true),
        ("wait", true),
    ];
    for ((stage, age), (answer, begins)) in STAGES.into_iter().zip(expected) {
        let mut bench = Bench::with_token_of(age);
        let decision = bench.on(Event::Asked);
        assert_eq!(
            (&*told(&decision), decision.begins),
            (answer, begins),
            "{stage}"
        );
        // Of all who come meanwhile none begins another.
        let decision = bench.on(Event::Asked);
        assert_eq!(
            (&*told(&decision), decision.begins),
            (answer, false),
            "{stage}"
        );
    }
}

#[test]
fn a_fetch_that_fails_leaves_the_token_at_hand_until_it_expires() {
    for ((stage, age), answer) in STAGES[1..].iter().zip(["token 1", "token 1", "error"]) {
        let mut bench = Bench::with_token_of(*age);
        bench.on(Event::Asked);
        assert_eq!(told(&bench.ends(Err(Failed::default()))), answer, "{stage}");
        // The pace forbids another at once.
        let next = bench.on(Event::Asked);
        let expected = answer.replace("error", "remembered");
        assert_eq!((told(&next), next.begins), (expected, false), "{stage}");
    }
}

#[test]
fn callers_of_a_due_token_wait_three_seconds_counted_from_when_it_was_asked_for() {
    let mut bench = Bench::with_token_of(54 * MINUTE);
    let start = bench.now.monotonic;
    for (seconds, expected) in [(0, "wait a while"), (2, "wait a while"), (1, "token 1")] {
        bench.pass(seconds * SECOND);
        let decision = bench.on(Event::Asked);
        assert_eq!(told(&decision), expected);
        let ends = (expected == "wait a while").then_some(start + 3 * SECOND);
        assert_eq!(decision.wake_at, ends, "then they ask again");
    }
}

#[test]
fn callers_who_wait_for_three_seconds_ask_again_when_the_token_expires_before() {
    let expired = Duration::from_secs(3570);
    let mut bench = Bench::with_token_of(expired - 2 * SECOND);
    let start = bench.now.monotonic;
    let decision = bench.on(Event::Asked);
    assert_eq!(told(&decision), "wait a while");
    assert_eq!(decision.wake_at, Some(start + 2 * SECOND));
    bench.pass(2 * SECOND);
    assert_eq!(bench.on(Event::Woken).wake_at, None);
    assert_eq!(told(&bench.on(Event::Asked)), "wait");
    assert_eq!(bench.state.fetch().unwrap().need, Need::Token);
}

#[test]
fn who_wants_no_unchanged_due_token_gets_an_error() {
    let due = || {
        let mut bench = Bench::with_token_of(54 * MINUTE);
        bench.limits.fails_unchanged = true;
        assert_eq!(told(&bench.on(Event::Asked)), "wait a while");
        bench
    };
    let mut bench = due();
    bench.pass(3 * SECOND);
    assert!(told(&bench.on(Event::Asked)).starts_with("NotRenewed"));
    let mut bench = due();
    assert_eq!(told(&bench.ends(Err(Failed::default()))), "remembered");
    assert_eq!(told(&bench.on(Event::Asked)), "remembered");
    // A later expiry is a renewal, another is none.
    assert_eq!(told(&due().ends(Ok(HOUR))), "token 2");
    assert!(told(&due().ends(Ok(MINUTE))).starts_with("NotRenewed"));
    // It is about due tokens alone.
    let mut usable = Bench::with_token_of(41 * MINUTE);
    usable.limits.fails_unchanged = true;
    assert_eq!(told(&usable.on(Event::Asked)), "token 1");
}

#[test]
fn a_caller_without_a_token_makes_a_queued_renewal_urgent() {
    let mut bench = Bench::with_token_of(54 * MINUTE);
    bench.on(Event::Asked);
    assert_eq!(bench.state.fetch().unwrap().need, Need::Renewal);
    bench.pass(6 * MINUTE);
    bench.on(Event::Asked);
    assert_eq!(bench.state.fetch().unwrap().need, Need::Token);
}

#[test]
fn a_rejected_token_is_replaced_by_another_whatever_its_expiry() {
    let mut bench = Bench::with_token_of(MINUTE);
    let decision = bench.rejects(false);
    assert!(decision.begins);
    // Others wait for a while; then they get the one that may be good for them.
    assert_eq!(told(&bench.on(Event::Asked)), "wait a while");
    bench.pass(3 * SECOND);
    assert_eq!(told(&bench.on(Event::Asked)), "token 1");
    let rejected = Arc::clone(bench.state.held().unwrap());
    assert_eq!(told(&bench.ends(Ok(30 * MINUTE))), "token 2");
    // A call that has just looked it up does not take it for a good one.
    assert!(rejected.is_rejected());
    assert_eq!(told(&bench.on(Event::Asked)), "token 2");
    // By force once a minute.
    let again = bench.rejects(true);
    assert_eq!((&*told(&again), again.begins), ("token 2", false));
    assert!(!bench.state.held().unwrap().is_rejected());
    bench.pass(MINUTE);
    let again = bench.rejects(true);
    assert_eq!((&*told(&again), again.begins), ("wait", true));
}

#[test]
fn a_rejected_token_that_is_not_replaced_is_served_again() {
    for result in [Err(Failed::default()), Ok(0)] {
        let mut bench = Bench::with_token_of(MINUTE);
        bench.rejects(true);
        // The same bytes come back, or nothing does.
        bench.secret = Some(1);
        let result = result.map(|_: u32| 59 * MINUTE);
        assert_eq!(told(&bench.ends(result)), "token 1");
        assert!(!bench.state.held().unwrap().is_rejected());
        assert_eq!(told(&bench.on(Event::Asked)), "token 1");
    }
}

#[test]
fn a_token_that_is_not_at_hand_any_more_cannot_be_rejected() {
    let mut bench = Bench::with_token_of(41 * MINUTE);
    let old = bench.state.held().unwrap().token.clone();
    bench.on(Event::Asked);
    bench.ends(Ok(HOUR));
    let decision = bench.on(Event::Rejected {
        token: old,
        is_waited_for: true,
    });
    assert_eq!((&*told(&decision), decision.begins), ("token 2", false));
}

#[test]
fn a_renewal_that_does_not_live_longer_is_not_kept() {
    for (life, kept) in [(HOUR, "2"), (18 * MINUTE, "1")] {
        let mut bench = Bench::with_token_of(41 * MINUTE);
        bench.on(Event::Asked);
        let decision = bench.ends(Ok(life));
        assert_eq!(told(&decision), format!("token {kept}"));
        assert_eq!(bench.state.held().unwrap().token.token.secret(), kept);
    }
}

#[test]
fn a_renewal_after_the_wall_clock_was_set_back_is_kept() {
    let mut bench = Bench::with_token_of(41 * MINUTE);
    bench.now.wall -= HOUR;
    bench.on(Event::Asked);
    // It lives for another hour, and states an earlier expiry than the one at hand.
    assert_eq!(told(&bench.ends(Ok(HOUR))), "token 2");
}

#[test]
fn a_key_in_use_is_renewed_and_one_that_nobody_asks_for_is_let_go() {
    let mut bench = Bench::with_token_of(Duration::ZERO);
    let renewal = bench.now.monotonic + 40 * MINUTE;
    assert_eq!(bench.on(Event::Woken).wake_at, Some(renewal));
    bench.pass(40 * MINUTE);
    assert!(bench.on(Event::Woken).begins);

    let mut bench = Bench::new();
    bench.on(Event::Asked);
    bench.on(Event::Admitted);
    let token = bench.token(HOUR);
    let ended = bench.on(Event::Ended {
        id: bench.last_id,
        result: Ok(token),
        answered: 1,
        was_waited_for: false,
        jitter: 0.0,
    });
    assert_eq!(ended.wake_at, Some(bench.now.monotonic + 40 * MINUTE));
    bench.pass(40 * MINUTE);
    let woken = bench.on(Event::Woken);
    assert!(!woken.begins);
    assert_eq!(woken.wake_at, Some(bench.now.monotonic + 1170 * SECOND));
    bench.pass(1170 * SECOND);
    assert!(bench.on(Event::Woken).is_over);
}

#[test]
fn what_was_asked_for_before_it_was_cleared_is_not_found_after() {
    let mut bench = Bench::with_token_of(MINUTE);
    bench.epoch = 1;
    let asked = bench.on(Event::Asked);
    assert_eq!((&*told(&asked), asked.begins), ("wait", true));
    // One that is queued is the new one's; one that is under way is not.
    bench.epoch = 2;
    assert!(!bench.on(Event::Asked).begins);
    bench.on(Event::Admitted);
    bench.epoch = 3;
    let before = bench.last_id;
    assert!(bench.on(Event::Asked).begins);
    let token = bench.token(HOUR);
    for result in [Ok(token), Err(Failed::default())] {
        let is_token = result.is_ok();
        let ended = bench.on(Event::Ended {
            id: before,
            result,
            answered: 1,
            was_waited_for: true,
            jitter: 0.0,
        });
        // Its callers get what it has brought, and nothing of it is kept.
        assert_eq!(told(&ended).starts_with("token"), is_token);
        assert!(bench.state.held().is_none() && ended.report.is_none());
        assert_eq!(told(&bench.on(Event::Asked)), "wait");
    }
}

#[test]
fn an_evicted_token_leaves_what_was_asked_of_the_service() {
    let mut bench = Bench::with_token_of(MINUTE);
    let evicted = bench.on(Event::Crowded);
    assert!(bench.state.held().is_none() && !evicted.is_over);
    let expired = Duration::from_secs(3570);
    match &evicted.report {
        Some(Report::Evicted { left }) => assert_eq!(*left, expired - MINUTE),
        other => panic!("{other:?}"),
    }
    bench.pass(5 * MINUTE);
    assert!(bench.on(Event::Woken).is_over);
}

#[test]
fn a_token_that_was_used_is_passed_over_once() {
    let mut bench = Bench::with_token_of(MINUTE);
    bench.on(Event::Asked);
    bench.on(Event::Crowded);
    assert!(bench.state.held().is_some());
    bench.on(Event::Crowded);
    assert!(bench.state.held().is_none());
    // What is left of it is dropped the next time.
    assert!(bench.on(Event::Crowded).is_over);
}

#[test]
fn a_key_whose_fetch_is_given_up_before_anything_was_asked_is_over() {
    let mut bench = Bench::new();
    bench.on(Event::Asked);
    assert!(bench.is_given_up().is_over);
    // And a token that was to be replaced is served again.
    let mut bench = Bench::with_token_of(MINUTE);
    bench.rejects(true);
    assert_eq!(told(&bench.is_given_up()), "token 1");
    assert!(!bench.state.held().unwrap().is_rejected());
}

#[test]
fn a_failure_that_is_remembered_elsewhere_is_asked_about_at_once() {
    let mut bench = Bench::new();
    bench.limits.remembers = |_| false;
    for _ in 0..3 {
        assert!(bench.on(Event::Asked).begins);
        assert_eq!(told(&bench.ends(Err(Failed::default()))), "error");
    }
}

#[test]
fn once_the_share_is_used_up_callers_hear_when_there_is_another() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        bench.on(Event::Asked);
        assert!(told(&bench.ends(Ok(Duration::ZERO))).starts_with("token"));
    }
    assert_eq!(told(&bench.on(Event::Asked)), "TooManyRequests(300s)");
}

#[test]
fn a_fetch_may_make_the_requests_that_are_left() {
    let mut bench = Bench::new();
    assert_eq!(bench.state.stays_until(), Duration::ZERO);
    for left in [10, 9] {
        assert!(bench.on(Event::Asked).admits.is_none());
        assert_eq!(bench.admitted().requests, left);
        bench.ends(Ok(Duration::ZERO));
    }
}

#[test]
fn a_call_for_a_token_that_is_not_fresh_keeps_it_in_use() {
    let mut bench = Bench::with_token_of(50 * MINUTE);
    bench.on(Event::Asked);
    let held = bench.state.held().unwrap();
    assert!(held.is_asked_for());
    assert!(held.take_used());
}

#[test]
fn a_fetch_names_the_rejected_token_also_if_a_call_sees_its_mark_first() {
    let mut bench = Bench::with_token_of(MINUTE);
    bench.state.held().unwrap().reject();
    assert!(bench.on(Event::Asked).begins);
    let rejected = bench.admitted().rejected.unwrap();
    assert_eq!(rejected.token.secret(), "1");
}

#[test]
fn no_later_fetch_names_a_token_that_was_rejected_before() {
    let named = |bench: &mut Bench| {
        bench.pass(2 * HOUR);
        assert!(bench.on(Event::Asked).begins);
        bench.admitted().rejected.is_some()
    };
    let rejected_under_way = || {
        let mut bench = Bench::with_token_of(41 * MINUTE);
        bench.on(Event::Asked);
        bench.on(Event::Admitted);
        bench.rejects(false);
        bench
    };
    let mut replaced = rejected_under_way();
    replaced.ends_now(Ok(HOUR));
    assert!(!named(&mut replaced));
    let mut failed = rejected_under_way();
    failed.ends_now(Err(Failed::default()));
    assert!(!named(&mut failed));
    let mut cleared = Bench::with_token_of(MINUTE);
    cleared.rejects(false);
    cleared.epoch += 1;
    assert!(!cleared.on(Event::Asked).begins, "it is still queued");
    assert!(cleared.admitted().rejected.is_none());
}

#[test]
fn who_wants_no_unchanged_due_token_gets_an_error_when_the_queue_stands_still() {
    let mut bench = Bench::with_token_of(54 * MINUTE);
    bench.limits.fails_unchanged = true;
    bench.rejects(true);
    assert!(told(&bench.is_given_up()).starts_with("NotRenewed"));
}

#[test]
fn a_failure_that_is_remembered_elsewhere_ends_the_memory_of_earlier_ones() {
    let mut bench = Bench::new();
    bench.on(Event::Asked);
    bench.ends(Err(Failed::default()));
    bench.pass(MINUTE);
    bench.limits.remembers = |_| false;
    assert!(bench.on(Event::Asked).begins);
    bench.ends(Err(Failed::default()));
    assert!(bench.on(Event::Asked).begins);
}

#[test]
fn a_report_says_how_long_the_token_can_be_used_and_when_the_next_try_is() {
    let expired = Duration::from_secs(3570);
    let age = 41 * MINUTE;
    for (mut bench, left) in [
        (Bench::new(), None),
        (Bench::with_token_of(age), Some(expired - age)),
    ] {
        bench.on(Event::Asked);
        let failed = bench.ends(Err(Failed::default()));
        match &failed.report {
            Some(Report::Fails {
                left: told, next, ..
            }) => {
                assert_eq!((*told, *next), (left, SECOND));
            }
            other => panic!("{other:?}"),
        }
    }
}
