//! How long a failure is remembered, and when there is another try.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_serves_the_token_that_is_still_usable() {
    let world = World::with_an_hour().await;
    for reply in [outage(), misconfigured(), retry_after(3600), Reply::Panic] {
        world.then(reply);
        world.clock.suspend(Duration::from_secs(World::USABLE / 4));
        assert_eq!(world.get().await, "1");
        world.settle().await;
        assert_eq!(world.get().await, "1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_with_its_age_and_the_time_of_the_next_try() {
    let world = World::new(retry_after(20));
    assert!(world.try_get().await.unwrap_err().recalled.is_none());
    world.pass(5).await;
    let (result, waited) = world.timed().await;
    let (age, next) = result.unwrap_err().recalled.unwrap();
    assert_eq!((age.as_secs(), next.as_secs(), waited), (5, 15, 0));
    world.pass(15).await;
    assert!(world.try_get().await.unwrap_err().recalled.is_none());
    assert_eq!(world.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_of_an_hour_there_is_at_most_one_request_in_ten_seconds_and_its_end_is_noticed()
 {
    let world = World::with(
        outage(),
        Limits {
            requests: usize::MAX,
            ..limits()
        },
    );
    for _ in 0..HOUR {
        let (result, waited) = world.timed().await;
        assert!(result.is_err() && waited == 0);
        world.pass(1).await;
    }
    assert!(
        (HOUR as usize / 11..HOUR as usize / 7).contains(&world.requests()),
        "{}",
        world.requests()
    );
    world.then(Reply::Token(HOUR as i64));
    world.pass(10).await;
    assert!(world.try_get().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn after_a_misconfiguration_there_is_one_request_a_minute_and_a_fix_is_noticed() {
    let world = World::with(
        misconfigured(),
        Limits {
            requests: usize::MAX,
            ..limits()
        },
    );
    for _ in 0..HOUR {
        assert!(world.try_get().await.is_err());
        world.pass(1).await;
    }
    assert!((60..90).contains(&world.requests()), "{}", world.requests());
    world.then(Reply::Token(HOUR as i64));
    world.pass(MINUTE).await;
    assert!(world.try_get().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_obeyed_up_to_a_limit() {
    for (asked, tried_again) in [(0, 1), (20, 20), (3600, 30)] {
        let world = World::new(retry_after(asked));
        world.try_get().await.unwrap_err();
        let start = world.clock.true_time();
        while world.requests() == 1 {
            world.pass(1).await;
            world.try_get().await.unwrap_err();
        }
        assert_eq!(
            (world.clock.true_time() - start).as_secs(),
            tried_again,
            "{asked}"
        );
    }
    // While a token is served, the cache can wait longer: up to five minutes.
    let world = World::with_an_hour().await;
    world.then(retry_after(3600));
    world.pass(World::USABLE).await;
    assert_eq!(world.requests(), 2);
    world.pass(5 * MINUTE).await;
    assert_eq!(world.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_first_caller_after_expiry_gets_its_own_try() {
    let world = World::with_an_hour().await;
    world.then(outage());
    // Renewals have failed for ten minutes. Their back-off is up to a minute now.
    world.pass(HOUR - 31).await;
    world.then(slow(3, Reply::Token(HOUR as i64)));
    world.clock.suspend(Duration::from_secs(2));
    let (token, waited) = world.timed().await;
    assert!(token.is_ok(), "{token:?}");
    assert!(waited <= 3, "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_key_makes_at_most_ten_requests_in_five_minutes() {
    // Every token is unusable, so each call is a request.
    let world = World::new(Reply::Token(0));
    for _ in 0..10 {
        assert!(world.try_get().await.is_ok());
    }
    for _ in 0..299 {
        let (result, waited) = world.timed().await;
        assert_eq!(
            (result.unwrap_err().gave_up, waited),
            (Some("too many requests"), 0)
        );
        world.pass(1).await;
    }
    world.pass(1).await;
    assert!(world.try_get().await.is_ok());
    assert_eq!(world.requests(), 11);
}

#[tokio::test(start_paused = true)]
async fn an_outage_does_not_use_up_the_limit_and_a_later_call_succeeds_within_seconds() {
    let world = World::new(outage());
    for _ in 0..10 * MINUTE {
        assert_eq!(world.try_get().await.unwrap_err().gave_up, None);
        world.pass(1).await;
    }
    assert!(world.requests() > 50);
    world.then(Reply::Token(HOUR as i64));
    world.pass(10).await;
    assert!(world.try_get().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn refusals_do_not_use_up_the_limit_and_a_fix_is_noticed_within_thirty_seconds() {
    let world = World::with_an_hour().await;
    world.then(refusal());
    // Renewals are refused until the token expires. After that, requests of callers are refused.
    for _ in 0..HOUR + 10 * MINUTE {
        if let Err(error) = world.try_get().await {
            assert_eq!(error.gave_up, None);
        }
        world.pass(1).await;
    }
    // 20 requests at one per minute, 10 at two per minute.
    let requests = world.requests() - 1;
    assert!((36..=44).contains(&requests), "{requests}");
    world.then(Reply::Token(HOUR as i64));
    world.pass(30).await;
    assert!(world.try_get().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn clearing_allows_a_try_immediately_after_any_number_of_refusals() {
    let world = World::new(refusal());
    for _ in 0..10 * MINUTE {
        world.try_get().await.unwrap_err();
        world.pass(1).await;
    }
    world.then(Reply::Token(HOUR as i64));
    world.cache.clear();
    assert!(world.try_get().await.is_ok());
}

/// All tenants use one and the same service.
#[tokio::test(start_paused = true)]
async fn renewals_of_all_keys_wait_for_a_retry_after_and_callers_without_a_token_go_one_at_a_time()
{
    let world = World::new(Reply::Token(HOUR as i64));
    for key in ["a", "b", "c"] {
        world.try_get_key(key).await.unwrap();
    }
    world.then(slow(2, retry_after(120)));
    world.try_get_key("throttled").await.unwrap_err();
    world.clock.suspend(Duration::from_secs(World::USABLE));
    for key in ["a", "b", "c"] {
        world.try_get_key(key).await.unwrap();
    }
    world.pass(60).await;
    assert_eq!(world.requests(), 4, "no renewal");
    world.then(slow(2, Reply::Token(HOUR as i64)));
    let start = world.clock.true_time();
    let cold = ["d", "e", "f"].map(|key| world.try_get_key(key));
    assert!(join_all(cold).await.iter().all(Result::is_ok));
    assert_eq!((world.clock.true_time() - start).as_secs(), 6);
    world.pass(120).await;
    assert_eq!(world.requests(), 4 + 3 + 3);
}

#[tokio::test(start_paused = true)]
async fn after_the_limit_is_used_up_callers_get_the_error_of_the_last_request() {
    let world = World::new(Reply::Token(0));
    for _ in 0..9 {
        world.get().await;
    }
    world.then(refusal());
    world.try_get().await.unwrap_err();
    world.pass(100).await;
    let error = world.try_get().await.unwrap_err();
    assert_eq!(
        (error.gave_up, error.recalled),
        (
            None,
            Some((Duration::from_secs(100), Duration::from_secs(200)))
        )
    );
    assert_eq!(world.requests(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_service_demands_is_kept_even_when_the_token_expires() {
    let silence = Reply::Fail(Failed {
        silence: Some(Duration::from_secs(300)),
        ..Default::default()
    });
    let world = World::new(Reply::Token(10 * MINUTE as i64));
    world.get().await;
    world.then(silence);
    world.clock.suspend(Duration::from_secs(9 * MINUTE));
    assert_eq!(world.get().await, "1");
    world.settle().await;
    assert_eq!(world.requests(), 2);
    world.clock.suspend(Duration::from_secs(MINUTE));
    for _ in 0..29 {
        world.pass(10).await;
        assert!(world.try_get().await.is_err());
    }
    assert_eq!(world.requests(), 2);
    world.then(Reply::Token(HOUR as i64));
    world.pass(10).await;
    assert!(world.try_get().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_another_cache_remembers_is_requested_again_immediately() {
    let world = World::with(
        outage(),
        Limits {
            remembers: |_| false,
            ..limits()
        },
    );
    for _ in 0..5 {
        assert!(world.try_get().await.unwrap_err().recalled.is_none());
    }
    assert_eq!(world.requests(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_reported_once_then_once_a_minute_and_when_it_ends() {
    let world = World::with_an_hour().await;
    world.then(outage());
    world.pass(World::USABLE).await;
    let first = world.source.news.lock().unwrap()[0].clone();
    assert!(
        matches!(
            first,
            News::Fails {
                left: Some(1100..1400),
                next: 0..=1
            }
        ),
        "{first:?}"
    );
    world.source.news.lock().unwrap().clear();
    world.pass(10 * MINUTE).await;
    let news = std::mem::take(&mut *world.source.news.lock().unwrap());
    assert!((5..=10).contains(&news.len()), "{news:?}");
    world.then(Reply::Token(HOUR as i64));
    world.pass(MINUTE).await;
    let news = std::mem::take(&mut *world.source.news.lock().unwrap());
    assert!(
        matches!(news.last(), Some(News::Recovered(600..))),
        "{news:?}"
    );
    // And there is no report about successful renewals.
    world.pass(HOUR).await;
    assert!(world.source.news.lock().unwrap().is_empty());
}

/// A failure to get an assertion says nothing about the service that issues tokens.
#[tokio::test(start_paused = true)]
async fn a_retry_after_that_another_cache_remembers_delays_no_renewal() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            remembers: |_| false,
            ..limits()
        },
    );
    world.try_get_key("in use").await.unwrap();
    world.pass(39 * MINUTE - 300).await;
    world.try_get_key("in use").await.unwrap();
    let fails = [retry_after(3600)];
    world
        .source
        .script
        .lock()
        .unwrap()
        .insert("other".into(), fails.into());
    world.pass(200).await;
    world.try_get_key("other").await.unwrap_err();
    world.pass(5 * MINUTE).await;
    assert_eq!(world.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_waits_for_retry_after_begins_although_nothing_else_is_to_be_done() {
    let world = World::new(retry_after(195));
    for (key, refresh) in [("first", 900), ("second", 1000)] {
        let token = Reply::Refresh(HOUR as i64, refresh);
        let mut script = world.source.script.lock().unwrap();
        script.insert(key.into(), [token].into());
    }
    for key in ["first", "second"] {
        world.try_get_key(key).await.unwrap();
    }
    // The renewal of the first has failed, and that of the second waits.
    world.pass(1000).await;
    assert_eq!(world.requests(), 3);
    world.cache.clear();
    world.then(Reply::Token(HOUR as i64));
    world.pass(100).await;
    assert_eq!(world.requests(), 4);
}

/// The timer of tokio has a resolution of a millisecond.
#[tokio::test(start_paused = true)]
async fn renewals_begin_after_a_pause_also_if_the_owner_wakes_between_its_end_and_the_timer() {
    let world = World::with(
        Reply::Refresh(HOUR as i64, 60),
        Limits {
            fetch: Duration::from_secs(HOUR),
            ..limits()
        },
    );
    world.get().await;
    world.pass(100).await;
    tokio::time::advance(Duration::from_micros(400)).await;
    // For five minutes at most.
    let progress = Arc::new(Notify::new());
    let under_way = Reply::Progress(Arc::clone(&progress));
    world.script("throttled", [retry_after(HOUR), under_way]);
    world.try_get_key("throttled").await.unwrap_err();
    let end = world.clock.true_time() + Duration::from_secs(300);
    world.pass(40).await;
    let other = world.cache.get(world.key("throttled"));
    let mut other = std::pin::pin!(other);
    assert!(other.as_mut().now_or_never().is_none());
    world.pass(200).await;
    let before = world.requests();
    let left = end + Duration::from_micros(200) - world.clock.true_time();
    tokio::time::advance(left).await;
    progress.notify_one();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    world.pass(1).await;
    assert_eq!(world.requests(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_from_before_a_pause_does_not_keep_the_callers_of_others_waiting() {
    let world = World::new(Reply::Token(HOUR as i64));
    world.script("hangs", [Reply::Never]);
    world.script("throttled", [retry_after(300)]);
    let hangs = world.try_get_key("hangs");
    let mut hangs = std::pin::pin!(hangs);
    assert!(hangs.as_mut().now_or_never().is_none());
    world.settle().await;
    world.try_get_key("throttled").await.unwrap_err();
    assert_eq!(world.timed().await, served("3"));
}

#[tokio::test(start_paused = true)]
async fn a_request_from_an_earlier_pause_does_not_keep_callers_waiting_in_the_next() {
    let world = World::new(Reply::Token(HOUR as i64));
    world.script("first", [retry_after(10)]);
    world.script("second", [retry_after(300)]);
    world.script("hangs", [Reply::Never]);
    world.try_get_key("first").await.unwrap_err();
    let hangs = world.try_get_key("hangs");
    let mut hangs = std::pin::pin!(hangs);
    assert!(hangs.as_mut().now_or_never().is_none());
    world.pass(11).await;
    world.try_get_key("second").await.unwrap_err();
    assert_eq!(world.timed().await, served("4"));
}

#[tokio::test(start_paused = true)]
async fn in_a_pause_a_replacement_that_nobody_waits_for_makes_room_for_a_caller() {
    let world = World::new(Reply::Token(HOUR as i64));
    let token = world.token("rejected").await.unwrap();
    world.script("throttled", [retry_after(300)]);
    world.script("rejected", [Reply::Never]);
    world.try_get_key("throttled").await.unwrap_err();
    world.cache.reject(&world.key("rejected"), &token);
    world.settle().await;
    assert_eq!(world.timed().await, served("4"));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_another_cache_remembers_is_no_pause_here_after_clearing_either() {
    let silence = Reply::Fail(Failed {
        silence: Some(Duration::from_secs(300)),
        ..Default::default()
    });
    let elsewhere = Limits {
        remembers: |_| false,
        ..limits()
    };
    let world = World::with(slow(1, silence), elsewhere);
    let clear = async {
        world.settle().await;
        world.cache.clear();
    };
    let (result, ()) = futures::join!(world.try_get(), clear);
    result.unwrap_err();
    world.then(Reply::Token(HOUR as i64));
    assert_eq!(world.get().await, "2");
}

#[tokio::test(start_paused = true)]
async fn in_a_pause_replacements_that_nobody_waits_for_go_one_at_a_time() {
    let world = World::new(Reply::Token(HOUR as i64));
    let first = world.token("first").await.unwrap();
    let second = world.token("second").await.unwrap();
    world.script("throttled", [retry_after(300)]);
    world.try_get_key("throttled").await.unwrap_err();
    for key in ["first", "second"] {
        world.script(key, [slow(60, Reply::Token(HOUR as i64))]);
    }
    world.cache.reject(&world.key("first"), &first);
    world.settle().await;
    world.cache.reject(&world.key("second"), &second);
    world.pass(30).await;
    assert!(world.at_hand("first").is_none());
    assert_eq!(world.requests(), 4);
    world.pass(31).await;
    assert_eq!(world.requests(), 5);
    world.pass(61).await;
    assert_eq!(world.try_get_key("first").await.as_deref(), Ok("4"));
    assert_eq!(world.try_get_key("second").await.as_deref(), Ok("5"));
}

/// Everything is cleared while the fetch is under way that brings the demand.
#[tokio::test(start_paused = true)]
async fn a_demanded_pause_from_before_clearing_is_kept_beside_many_keys_and_for_queued_fetches() {
    let silence = || {
        Reply::Fail(Failed {
            is_refusal: true,
            silence: Some(Duration::from_secs(300)),
            ..Default::default()
        })
    };
    let world = |at_once| {
        let few = Limits {
            tokens: 2,
            at_once,
            ..limits()
        };
        let world = World::with(misconfigured(), few);
        world.script("key", [slow(2, silence())]);
        world
    };
    let clear = async |world: &World| {
        world.pass(1).await;
        world.cache.clear();
    };
    let crowded = world(64);
    let (result, ()) = futures::join!(crowded.try_get(), clear(&crowded));
    result.unwrap_err();
    for key in 0..10 {
        crowded.try_get_key(&key.to_string()).await.unwrap_err();
    }
    crowded.try_get().await.unwrap_err();
    assert_eq!(crowded.requests(), 11);

    let queued = world(1);
    let second = async {
        clear(&queued).await;
        queued.try_get().await
    };
    let (first, second) = futures::join!(queued.try_get(), second);
    first.unwrap_err();
    second.unwrap_err();
    assert_eq!(queued.requests(), 1);
}
