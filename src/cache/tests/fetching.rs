//! One fetch for all callers of a key, and the order of the fetches.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_share_one_fetch_in_every_state() {
    for (pass, reply) in [
        (0, Reply::Token(HOUR as i64)),
        (World::USABLE, slow(1, Reply::Token(HOUR as i64))),
        (World::DUE, slow(1, Reply::Token(HOUR as i64))),
        (2 * HOUR, slow(30, Reply::Token(HOUR as i64))),
        (0, slow(3, outage())),
    ] {
        let world = World::new(reply.clone());
        let mut before = 0;
        if pass > 0 {
            world.then(Reply::Token(HOUR as i64));
            world.get().await;
            world.then(reply.clone());
            // After a suspend, neither a caller nor the driver starts a renewal until a call comes.
            world.clock.suspend(Duration::from_secs(pass));
            before = 1;
        }
        let results = join_all((0..1000).map(|_| world.try_get())).await;
        let first = &results[0];
        assert!(results.iter().all(|result| result == first), "{reply:?}");
        world.settle().await;
        assert_eq!(world.requests() - before, 1, "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_when_the_first_caller_is_cancelled() {
    let world = World::new(slow(5, Reply::Token(HOUR as i64)));
    let mut first = Box::pin(world.try_get());
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = Box::pin(world.try_get());
    assert!(second.as_mut().now_or_never().is_none());
    drop(first);
    assert_eq!(second.await.as_deref(), Ok("1"));
    assert_eq!(world.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_when_all_callers_are_cancelled() {
    let world = World::new(slow(5, Reply::Token(HOUR as i64)));
    let mut first = Box::pin(world.try_get());
    assert!(first.as_mut().now_or_never().is_none());
    world.settle().await;
    drop(first);
    for _ in 0..1000 {
        assert!(world.try_get().now_or_never().is_none());
    }
    world.pass(6).await;
    assert_eq!(world.timed().await, served("1"));
    assert_eq!(world.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_of_one_key_does_not_affect_other_keys() {
    let world = World::new(Reply::Token(HOUR as i64));
    world
        .source
        .script
        .lock()
        .unwrap()
        .insert("stuck".into(), [Reply::Never].into());
    let stuck = world.try_get_key("stuck");
    let mut stuck = Box::pin(stuck);
    assert!(stuck.as_mut().now_or_never().is_none());
    let start = world.clock.true_time();
    let keys: Vec<_> = (0..100).map(|n| format!("key {n}")).collect();
    let results = join_all(keys.iter().map(|key| world.try_get_key(key))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(world.clock.true_time(), start);
    assert_eq!(world.requests(), 101);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_never_ends_is_stopped() {
    let world = World::new(Reply::Never);
    let (result, waited) = world.timed().await;
    assert_eq!(result.unwrap_err().gave_up, Some("took too long"));
    assert_eq!(waited, 140);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_panics_is_an_error_for_its_callers_and_the_next_call_fetches_again() {
    let world = World::new(Reply::Panic);
    let results = join_all((0..10).map(|_| world.try_get())).await;
    assert!(
        results
            .iter()
            .all(|result| result.as_ref().unwrap_err().gave_up == Some("panicked"))
    );
    world.then(Reply::Token(HOUR as i64));
    world.pass(2).await;
    assert_eq!(world.get().await, "2");
}

#[tokio::test(start_paused = true)]
async fn no_more_fetches_than_allowed_run_and_callers_have_priority_over_renewals() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            at_once: 2,
            ..limits()
        },
    );
    for key in ["a", "b", "c", "d"] {
        world.try_get_key(key).await.unwrap();
    }
    world.then(slow(10, Reply::Token(HOUR as i64)));
    world.clock.suspend(Duration::from_secs(World::USABLE));
    for key in ["a", "b", "c", "d"] {
        world.try_get_key(key).await.unwrap();
    }
    world.settle().await;
    assert_eq!(world.requests(), 6, "two of four renewals");
    // A caller without a token is next, although it comes last.
    let start = world.clock.true_time();
    world.try_get_key("cold").await.unwrap();
    assert_eq!((world.clock.true_time() - start).as_secs(), 19);
    world.pass(30).await;
    assert_eq!(world.requests(), 9);
}

/// More keys than parallel fetches, and a slow source: all keys are served in order, each once.
#[tokio::test(start_paused = true)]
async fn a_queue_longer_than_every_deadline_is_served_to_its_end() {
    let world = World::with(
        slow(10, Reply::Token(HOUR as i64)),
        Limits {
            tokens: 10_000,
            ..limits()
        },
    );
    let keys: Vec<_> = (0..5000).map(|n| n.to_string()).collect();
    let results = join_all(keys.iter().map(|key| world.try_get_key(key))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(world.requests(), 5000);
    assert_eq!(
        world.clock.true_time().as_secs(),
        5000_u64.div_ceil(64) * 10
    );
}

#[tokio::test(start_paused = true)]
async fn callers_in_a_blocked_queue_get_an_error_after_five_minutes() {
    let world = World::with(
        Reply::Never,
        Limits {
            at_once: 1,
            ..limits()
        },
    );
    let keys: Vec<_> = (0..10).map(|n| n.to_string()).collect();
    let results = join_all(keys.iter().map(|key| world.try_get_key(key))).await;
    let gave_up = |why| {
        results
            .iter()
            .filter(|it| it.as_ref().unwrap_err().gave_up == why)
            .count()
    };
    assert_eq!(
        (
            gave_up(Some("took too long")),
            gave_up(Some("queue stood still"))
        ),
        (3, 7)
    );
    assert!(world.clock.true_time() <= Duration::from_secs(3 * 140));
}

/// The renewal of its token is already in the queue, behind others, when the token expires.
#[tokio::test(start_paused = true)]
async fn a_caller_whose_renewal_is_queued_has_priority_over_the_renewals_of_others() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            at_once: 1,
            ..limits()
        },
    );
    let keys: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    for key in &keys {
        world.try_get_key(key).await.unwrap();
    }
    world.then(slow(10, Reply::Token(HOUR as i64)));
    world.clock.suspend(Duration::from_secs(World::USABLE));
    for key in &keys {
        world.try_get_key(key).await.unwrap();
    }
    world.settle().await;
    world.clock.suspend(Duration::from_secs(HOUR));
    let start = world.clock.true_time();
    world.try_get_key("19").await.unwrap();
    assert!((world.clock.true_time() - start).as_secs() <= 20);
}

#[tokio::test(start_paused = true)]
async fn a_queued_renewal_that_becomes_urgent_comes_before_the_other_renewals() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            at_once: 1,
            ..limits()
        },
    );
    let keys = ["first", "second", "third"];
    for key in keys {
        world.try_get_key(key).await.unwrap();
    }
    world.clock.suspend(Duration::from_secs(World::USABLE));
    let slow = [slow(2, Reply::Token(HOUR as i64))];
    let script = &world.source.script;
    script.lock().unwrap().insert("slow".into(), slow.into());
    let mut slow = Box::pin(world.try_get_key("slow"));
    assert!(slow.as_mut().now_or_never().is_none());
    for key in keys {
        world.try_get_key(key).await.unwrap();
    }
    let rejected = world.token("third").await.unwrap();
    world.cache.reject(&world.key("third"), &rejected);
    slow.await.unwrap();
    world.settle().await;
    let mut tokens = Vec::new();
    for key in ["slow", "third", "first", "second"] {
        tokens.push(world.try_get_key(key).await.unwrap());
    }
    assert_eq!(tokens, ["4", "5", "6", "7"]);
}

#[tokio::test(start_paused = true)]
async fn a_queued_renewal_that_becomes_urgent_runs_after_callers_that_waited_before() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            at_once: 1,
            fetch: Duration::from_secs(10 * MINUTE),
            ..limits()
        },
    );
    world.try_get_key("renewed").await.unwrap();
    world.pass(37 * MINUTE).await;
    let blocks = [slow(5 * MINUTE, Reply::Token(HOUR as i64))];
    let script = &world.source.script;
    script
        .lock()
        .unwrap()
        .insert("blocks".into(), blocks.into());
    let mut blocks = Box::pin(world.try_get_key("blocks"));
    assert!(blocks.as_mut().now_or_never().is_none());
    world.pass(4 * MINUTE).await;
    // The renewal is in the queue now.
    let mut waits = Box::pin(world.try_get_key("waits"));
    assert!(waits.as_mut().now_or_never().is_none());
    let rejected = world.token("renewed").await.unwrap();
    world.cache.reject(&world.key("renewed"), &rejected);
    blocks.await.unwrap();
    assert_eq!(waits.await.as_deref(), Ok("3"));
    assert_eq!(world.try_get_key("renewed").await.as_deref(), Ok("4"));
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_queued_callers_were_cancelled_is_fetched_for_the_next_caller() {
    let world = World::with(
        slow(10, Reply::Token(HOUR as i64)),
        Limits {
            at_once: 1,
            ..limits()
        },
    );
    let mut blocks = Box::pin(world.try_get_key("blocks"));
    assert!(blocks.as_mut().now_or_never().is_none());
    let mut cancelled = Box::pin(world.try_get_key("key"));
    assert!(cancelled.as_mut().now_or_never().is_none());
    drop(cancelled);
    blocks.await.unwrap();
    world.pass(1).await;
    assert_eq!(world.requests(), 1);
    assert_eq!(world.timed().await, (Ok("2".to_owned()), 10));
}

#[tokio::test(start_paused = true)]
async fn cancelled_callers_leave_nothing_in_memory() {
    let world = World::new(slow(60, Reply::Token(HOUR as i64)));
    let mut first = Box::pin(world.try_get());
    assert!(first.as_mut().now_or_never().is_none());
    for _ in 0..10_000 {
        let mut call = Box::pin(world.try_get());
        assert!(call.as_mut().now_or_never().is_none());
        drop(call);
        // The owner learns that the caller was cancelled.
        world.settle().await;
    }
    let waiters = world.cache.look(|owner| owner.waiters()).await;
    assert!(waiters.unwrap() <= 200, "{waiters:?}");
    first.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_while_many_calls_are_answered_at_once() {
    let world = World::new(Reply::Token(HOUR as i64));
    world.script("refused", [silence()]);
    world.try_get_key("refused").await.unwrap_err();
    let calls = AtomicUsize::new(0);
    let callers = join_all((0..500).map(|_| async {
        for _ in 0..100 {
            world.try_get_key("refused").await.unwrap_err();
            calls.fetch_add(1, Ordering::Relaxed);
        }
    }));
    // Each of these waits is one that tokio ends only for a task that has not done too much already.
    let waits = (0..20).fold(Reply::Token(HOUR as i64), |reply, _| slow(0, reply));
    world.script("key", [waits]);
    let fetched = async {
        world.pass(0).await;
        world.get().await;
        calls.load(Ordering::Relaxed)
    };
    let (_, calls_before) = futures::join!(callers, fetched);
    assert!(calls_before < 5_000, "{calls_before}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_from_before_clearing_makes_room_for_a_caller() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            at_once: 1,
            ..limits()
        },
    );
    world.get().await;
    world.script("key", [Reply::Never]);
    while world.requests() == 1 {
        world.pass(MINUTE).await;
    }
    world.cache.clear();
    assert_eq!(world.timed().await, served("3"));
}
