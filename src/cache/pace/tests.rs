use super::*;

#[derive(Clone, Default)]
struct Refused {
    is_transient: bool,
    is_refusal: bool,
    retry_after: Option<Duration>,
    silence: Option<Duration>,
}

impl Failure for Refused {
    fn is_transient(&self) -> bool {
        self.is_transient
    }
    fn is_refusal(&self) -> bool {
        self.is_refusal
    }
    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
    fn silence(&self) -> Option<Duration> {
        self.silence
    }
    fn recalled(&self, _: Duration, _: Duration) -> Self {
        self.clone()
    }
}

const NOW: Duration = Duration::from_secs(1000);
const SHARE: usize = 10;

fn at(seconds: u64) -> Duration {
    NOW + Duration::from_secs(seconds)
}

fn outage() -> Refused {
    Refused {
        is_transient: true,
        ..Default::default()
    }
}

fn refusal() -> Refused {
    Refused {
        is_refusal: true,
        ..Default::default()
    }
}

fn asked(seconds: u64) -> Refused {
    Refused {
        retry_after: Some(Duration::from_secs(seconds)),
        ..outage()
    }
}

/// The pauses, in seconds, after failures one after the other.
fn pauses(is_usable: bool, error: &Refused) -> Vec<u64> {
    let mut pace = Pace::new();
    let need = match is_usable {
        true => Need::Renewal,
        false => Need::Token,
    };
    let mut next = || {
        pace.failed(error.clone(), is_usable, NOW, 0.0);
        (pace.next(need, SHARE, NOW) - NOW).as_secs()
    };
    (0..8).map(|_| next()).collect()
}

#[test]
fn pauses_double_up_to_what_the_callers_can_bear() {
    let double_to_sixty = [1, 2, 4, 8, 16, 32, 60, 60];
    assert_eq!(pauses(true, &outage()), double_to_sixty);
    assert_eq!(pauses(true, &Refused::default()), double_to_sixty);
    assert_eq!(pauses(false, &outage()), [1, 2, 4, 8, 10, 10, 10, 10]);
    assert_eq!(pauses(false, &Refused::default()), double_to_sixty);
}

#[test]
fn after_a_refusal_ten_pauses_fill_the_window() {
    assert_eq!(pauses(true, &refusal()), [60; 8]);
    assert_eq!(pauses(false, &refusal()), [30; 8]);
    assert_eq!(AFTER_REFUSAL * 10, WINDOW);
    let transient = Refused {
        is_transient: true,
        ..refusal()
    };
    assert_eq!(pauses(false, &transient), [30; 8]);
}

#[test]
fn a_retry_after_lengthens_a_pause_within_bounds_and_never_shortens_it() {
    assert_eq!(pauses(true, &asked(3600))[..2], [300, 300]);
    assert_eq!(pauses(false, &asked(3600))[..2], [30, 30]);
    assert_eq!(pauses(true, &asked(3))[..4], [3, 3, 4, 8]);
    assert_eq!(pauses(false, &asked(0))[..3], [1, 2, 4]);
}

#[test]
fn a_retry_after_holds_for_replacements_and_a_plain_pause_does_not() {
    let mut pace = Pace::new();
    pace.failed(outage(), true, NOW, 0.0);
    assert!(pace.next(Need::Replacement, SHARE, NOW) <= NOW);
    pace.failed(asked(100), true, NOW, 0.0);
    assert_eq!(pace.next(Need::Replacement, SHARE, NOW), at(100));
}

#[test]
fn callers_who_lose_their_token_get_a_try_at_once_and_pauses_begin_anew() {
    let mut pace = Pace::new();
    for _ in 0..6 {
        pace.failed(outage(), true, NOW, 0.0);
    }
    assert_eq!(pace.next(Need::Renewal, SHARE, NOW), at(32));
    assert!(pace.next(Need::Token, SHARE, NOW) <= NOW);
    pace.failed(outage(), false, NOW, 0.0);
    assert_eq!(pace.next(Need::Token, SHARE, NOW), at(1));
}

#[test]
fn jitter_shortens_a_pause_by_at_most_a_quarter_and_none_after_a_refusal() {
    let pause = |error: Refused, jitter| {
        let mut pace = Pace::new();
        pace.failed(error, false, NOW, jitter);
        pace.next(Need::Token, SHARE, NOW) - NOW
    };
    assert_eq!(pause(outage(), 0.5), Duration::from_millis(875));
    assert_eq!(pause(refusal(), 0.9), AFTER_REFUSAL);
}

#[test]
fn silence_holds_for_every_need_and_is_not_cleared() {
    let mut pace = Pace::new();
    let silence = Refused {
        silence: Some(WINDOW),
        ..refusal()
    };
    pace.failed(silence, true, NOW, 0.0);
    pace.clear(NOW);
    for need in [Need::Renewal, Need::Replacement, Need::Token] {
        assert_eq!(pace.next(need, SHARE, NOW), at(300), "{need:?}");
    }
    assert_eq!(pace.silent_until(), at(300));
    assert!(pace.remembered(NOW, at(300)).is_some());
}

#[test]
fn a_key_has_its_share_and_no_more_until_the_window_has_moved_on() {
    let mut pace = Pace::<Refused>::new();
    let next = |pace: &Pace<_>, now| pace.next(Need::Token, 2, at(now));
    pace.count(1, at(0));
    assert!(next(&pace, 0) <= at(0));
    assert_eq!(pace.budget(2, at(0)), 1);
    pace.count(1, at(100));
    assert_eq!(pace.budget(2, at(100)), 0);
    assert_eq!(next(&pace, 200), at(300));
    assert!(next(&pace, 300) <= at(300));
    pace.count(1, at(300));
    assert_eq!(next(&pace, 301), at(400));
    // One beyond: two have to go.
    pace.count(1, at(302));
    assert_eq!(next(&pace, 303), at(600));
}

#[test]
fn whoever_clears_has_three_more_and_only_that_many() {
    let mut pace = Pace::<Refused>::new();
    pace.count(2, NOW);
    for more in (1..=3).rev() {
        assert!(pace.next(Need::Token, 2, NOW) > NOW);
        pace.clear(NOW);
        assert!(pace.next(Need::Token, 2, NOW) <= NOW);
        assert_eq!(pace.budget(2, NOW), more);
        pace.count(1, NOW);
    }
    pace.clear(NOW);
    assert!(pace.next(Need::Token, 2, NOW) > NOW);
}

#[test]
fn a_refused_token_is_replaced_once_a_minute() {
    let mut pace = Pace::<Refused>::new();
    pace.begun(Need::Renewal, NOW);
    assert!(pace.next(Need::Replacement, SHARE, NOW) <= NOW);
    pace.begun(Need::Replacement, NOW);
    assert_eq!(pace.next(Need::Replacement, SHARE, NOW), at(60));
    assert!(pace.next(Need::Token, SHARE, NOW) <= NOW);
}

#[test]
fn the_same_token_again_is_asked_about_the_sooner_the_less_remains_of_it() {
    for (remaining, pause) in [
        (10, 60),
        (240, 60),
        (4000, 1000),
        (14_400, 3600),
        (86_400, 3600),
    ] {
        let mut pace = Pace::<Refused>::new();
        pace.unchanged(Duration::from_secs(remaining), NOW);
        assert_eq!(pace.next(Need::Renewal, SHARE, NOW), at(pause));
        assert!(pace.next(Need::Token, SHARE, NOW) <= NOW);
        assert!(pace.remembered(NOW, at(pause)).is_none());
    }
}

#[test]
fn there_is_nothing_left_to_remember_once_all_has_passed() {
    let mut pace = Pace::new();
    assert_eq!(pace.idle_from(at(3)), Duration::ZERO);
    pace.begun(Need::Replacement, NOW);
    assert_eq!(pace.idle_from(at(3)), at(60));
    pace.count(1, at(1));
    assert_eq!(pace.idle_from(at(3)), at(301));
    pace.failed(outage(), false, at(2), 0.0);
    assert_eq!(pace.idle_from(at(3)), at(302));
}

#[test]
fn after_a_success_the_back_off_begins_anew() {
    let mut pace = Pace::new();
    for _ in 0..6 {
        pace.failed(outage(), false, NOW, 0.0);
    }
    pace.succeeded();
    assert!(pace.next(Need::Token, SHARE, NOW) <= NOW);
    assert!(pace.remembered(NOW, NOW).is_none());
    pace.failed(outage(), false, NOW, 0.0);
    assert_eq!(pace.next(Need::Token, SHARE, NOW), at(1));
}

#[test]
fn a_demanded_pause_is_not_shortened_by_another() {
    let mut pace = Pace::new();
    for seconds in [300, 10] {
        let silence = Refused {
            silence: Some(Duration::from_secs(seconds)),
            ..refusal()
        };
        pace.heed(&silence, NOW);
    }
    assert_eq!(pace.next(Need::Token, SHARE, NOW), at(300));
}

#[test]
fn fetches_from_before_clearing_count_until_they_end() {
    let mut pace = Pace::<Refused>::new();
    for _ in 0..SHARE {
        pace.count(1, NOW);
    }
    pace.clear(NOW);
    for _ in 0..FRESH_TRIES {
        assert!(pace.next(Need::Token, SHARE, NOW) <= NOW);
        pace.mark_earlier();
    }
    assert_eq!(pace.budget(SHARE, NOW), 0);
    assert_eq!(pace.next(Need::Token, SHARE, at(1)), at(300));
    assert_eq!(pace.idle_from(at(1)), at(301));
    // One was not answered.
    pace.count_earlier(0, at(2));
    assert!(pace.next(Need::Token, SHARE, at(2)) <= at(2));
    assert_eq!(pace.budget(SHARE, at(2)), 1);
    pace.count_earlier(1, at(3));
    pace.count_earlier(1, at(3));
    assert_eq!(pace.idle_from(at(3)), at(303));
}

#[test]
fn what_is_forgotten_does_not_include_fetches_under_way() {
    let mut pace = Pace::new();
    pace.failed(refusal(), false, NOW, 0.0);
    pace.count(3, NOW);
    pace.mark_earlier();
    pace.forget();
    assert!(pace.remembered(NOW, NOW).is_none());
    assert_eq!(pace.budget(SHARE, NOW), 9);
}

#[test]
fn in_a_demanded_pause_a_fetch_may_make_no_request() {
    let mut pace = Pace::new();
    let silence = Refused {
        silence: Some(Duration::from_secs(300)),
        ..refusal()
    };
    pace.heed(&silence, NOW);
    assert_eq!(pace.budget(SHARE, at(299)), 0);
    assert_eq!(pace.budget(SHARE, at(300)), 10);
}
