//! Pauses that the service asks for (`Retry-After`), or demands.

use super::*;

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
async fn a_pause_that_the_service_demands_is_kept_even_when_the_token_expires() {
    let world = World::new(Reply::Token(10 * MINUTE as i64));
    world.get().await;
    world.then(silence());
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
    let elsewhere = Limits {
        remembers: |_| false,
        ..limits()
    };
    let world = World::with(slow(1, silence()), elsewhere);
    let (result, ()) = futures::join!(world.try_get(), world.clear_meanwhile());
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

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_service_demands_stays_when_many_keys_are_used_once() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            tokens: 10,
            ..limits()
        },
    );
    world
        .source
        .script
        .lock()
        .unwrap()
        .insert("key".into(), [silence()].into());
    world.try_get().await.unwrap_err();
    for n in 0..1000 {
        world.try_get_key(&n.to_string()).await.unwrap();
    }
    assert!(world.try_get().await.unwrap_err().recalled.is_some());
    assert_eq!(world.requests(), 1001);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_service_demands_is_kept_although_everything_was_cleared_meanwhile() {
    let world = World::new(slow(1, silence()));
    let (result, ()) = futures::join!(world.try_get(), world.clear_meanwhile());
    result.unwrap_err();
    world.pass(298).await;
    world.try_get().await.unwrap_err();
    assert_eq!(world.requests(), 1);
    world.pass(3).await;
    world.try_get().await.unwrap_err();
    assert_eq!(world.requests(), 2);
}
