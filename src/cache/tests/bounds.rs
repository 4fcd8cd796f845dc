//! How many tokens are kept, and which are dropped.

use super::*;

#[tokio::test(start_paused = true)]
async fn many_keys_used_once_stay_within_the_limit_and_do_not_drop_a_fetch_in_flight() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            tokens: 100,
            ..limits()
        },
    );
    world.source.script.lock().unwrap().insert(
        "in flight".into(),
        [slow(MINUTE, Reply::Token(HOUR as i64))].into(),
    );
    let mut in_flight = Box::pin(world.try_get_key("in flight"));
    assert!(in_flight.as_mut().now_or_never().is_none());
    for n in 0..100_000 {
        world.try_get_key(&n.to_string()).await.unwrap();
        if n % 10_000 == 0 {
            // The tokens, and the records of requests.
            assert!(world.keys().await <= 201, "{}", world.keys().await);
            assert!(world.tokens.all().len() <= 100);
        }
    }
    world.pass(MINUTE).await;
    let before = world.requests();
    world.try_get_key("in flight").await.unwrap();
    assert_eq!(world.requests(), before);
}

#[tokio::test(start_paused = true)]
async fn tokens_in_use_stay_when_many_tokens_are_used_once() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            tokens: 100,
            ..limits()
        },
    );
    let hot: Vec<_> = (0..20).map(|n| format!("hot {n}")).collect();
    for key in &hot {
        world.try_get_key(key).await.unwrap();
    }
    for n in 0..20_000 {
        world.try_get_key(&n.to_string()).await.unwrap();
        for key in &hot {
            assert!(
                n % 10 != 0 || world.at_hand(key).is_some(),
                "{key} after {n}"
            );
        }
    }
    assert_eq!(world.requests(), 20 + 20_000);
}

/// With more keys than the cache keeps, it still requests no key often enough to be treated as a
/// loop.
#[tokio::test(start_paused = true)]
async fn the_count_of_requests_stays_when_the_token_is_dropped() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            tokens: 10,
            ..limits()
        },
    );
    for _ in 0..300 {
        for key in 0..11 {
            let _ = world.try_get_key(&key.to_string()).await;
        }
        world.pass(1).await;
    }
    assert!(world.requests() <= 11 * 13, "{}", world.requests());
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_replaced_and_the_new_one_stays() {
    let world = World::with_an_hour().await;
    let rejected = world.at_hand("key").unwrap();
    world.cache.reject(&world.key("key"), &rejected);
    assert_eq!(world.get().await, "2");
    world.cache.reject(&world.key("key"), &rejected);
    assert_eq!(world.timed().await, served("2"));
}

#[tokio::test(start_paused = true)]
async fn clearing_drops_everything_including_fetches_in_flight() {
    let world = World::new(slow(5, Reply::Token(HOUR as i64)));
    let mut waiting = Box::pin(world.try_get());
    assert!(waiting.as_mut().now_or_never().is_none());
    world.settle().await;
    world.cache.clear();
    assert_eq!(waiting.await.as_deref(), Ok("1"));
    assert_eq!(world.get().await, "2");
}

#[tokio::test(start_paused = true)]
async fn clearing_ends_a_back_off_but_not_a_pause_that_the_service_demands() {
    for (silence, requests) in [(None, 2), (Some(Duration::from_secs(300)), 1)] {
        let world = World::new(Reply::Fail(Failed {
            silence,
            ..Default::default()
        }));
        assert!(world.try_get().await.is_err());
        world.cache.clear();
        assert!(world.try_get().await.is_err());
        assert_eq!(world.requests(), requests, "{silence:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn clearing_repeatedly_does_not_avoid_the_limit_of_requests() {
    let world = World::new(Reply::Token(HOUR as i64));
    // Ten requests, and three more for users who have fixed the cause.
    for _ in 0..13 {
        world.get().await;
        world.cache.clear();
    }
    let error = world.try_get().await.unwrap_err();
    assert_eq!(error.gave_up, Some("too many requests"));
    assert_eq!(world.requests(), 13);
}

#[tokio::test(start_paused = true)]
async fn keys_that_failed_before_they_had_a_token_are_bounded_as_the_others() {
    let world = World::with(
        outage(),
        Limits {
            tokens: 10,
            ..limits()
        },
    );
    for number in 0..10 {
        world.try_get_key(&number.to_string()).await.unwrap_err();
    }
    world.then(Reply::Token(HOUR as i64));
    world.pass(11).await;
    for number in 0..20 {
        world.try_get_key(&number.to_string()).await.unwrap();
    }
    world.settle().await;
    assert_eq!(world.tokens.all().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_token_in_use_that_was_just_renewed_is_not_the_first_to_be_dropped() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            tokens: 10,
            ..limits()
        },
    );
    world.try_get_key("in use").await.unwrap();
    world.at_hand("in use").unwrap();
    world.pass(World::USABLE).await;
    assert_eq!(world.requests(), 2);
    for number in 0..10 {
        world.try_get_key(&number.to_string()).await.unwrap();
    }
    world.settle().await;
    assert!(world.at_hand("in use").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_token_was_cleared_takes_no_place_of_a_token() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            tokens: 10,
            ..limits()
        },
    );
    for _ in 0..13 {
        world.get().await;
        world.cache.clear();
    }
    for number in 0..5 {
        world.try_get_key(&number.to_string()).await.unwrap();
    }
    // There is room for both, so its requests are not forgotten.
    let error = world.try_get().await.unwrap_err();
    assert_eq!(error.gave_up, Some("too many requests"));
}

#[tokio::test(start_paused = true)]
async fn clearing_during_each_fetch_does_not_avoid_the_limit_of_requests() {
    let world = World::new(slow(1, Reply::Token(HOUR as i64)));
    for _ in 0..60 {
        // The last ones get an error at once.
        let (_, ()) = futures::join!(world.try_get(), world.clear_meanwhile());
    }
    assert_eq!(world.requests(), 13);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_from_before_clearing_does_not_use_up_the_try_that_clearing_grants() {
    let world = World::new(Reply::Token(0));
    for _ in 0..9 {
        world.get().await;
    }
    world.then(slow(5, Reply::Token(0)));
    let (tenth, ()) = futures::join!(world.try_get(), world.clear_meanwhile());
    assert_eq!(tenth.as_deref(), Ok("10"));
    assert_eq!(world.get().await, "11");
}

#[tokio::test(start_paused = true)]
async fn clearing_while_fetches_are_slow_does_not_avoid_the_limit_of_requests() {
    let world = World::new(slow(30, Reply::Token(HOUR as i64)));
    for _ in 0..60 {
        let second = Duration::from_secs(1);
        // Cancelled, or an error at once.
        drop(crate::time::timeout(world.clock.as_ref(), second, world.try_get()).await);
        world.cache.clear();
    }
    world.pass(60).await;
    assert_eq!(world.requests(), 13);
}

#[tokio::test(start_paused = true)]
async fn a_caller_from_before_clearing_gets_the_token_of_a_later_fetch_that_was_faster() {
    for slower in [outage(), Reply::Token(-5)] {
        let world = World::new(Reply::Token(HOUR as i64));
        world.script("key", [slow(4, slower)]);
        let later = async {
            world.pass(1).await;
            world.cache.clear();
            world.get().await
        };
        let (earlier, later) = futures::join!(world.try_get(), later);
        assert_eq!((earlier.as_deref(), later.as_str()), (Ok("2"), "2"));
    }
}
