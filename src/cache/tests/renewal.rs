//! Renewal in the background, before a caller needs it.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_key_in_use_is_renewed_before_a_call_needs_it() {
    let world = World::with_an_hour().await;
    world.pass(World::USABLE).await;
    assert_eq!(world.requests(), 2);
    assert_eq!(world.timed().await, served("2"));
}

#[tokio::test(start_paused = true)]
async fn a_key_without_a_call_in_a_whole_token_life_is_dropped() {
    let world = World::with_an_hour().await;
    world.pass(5 * HOUR).await;
    // The first token had a caller, the second token had none.
    assert_eq!(world.requests(), 2);
    assert_eq!(world.keys().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_without_calls_is_not_renewed() {
    let world = World::with_an_hour().await;
    // No call was made for the second token.
    world.pass(World::USABLE).await;
    assert_eq!(world.requests(), 2);
    let before = world.clock.timers();
    world.pass(2 * HOUR).await;
    let timers = world.clock.timers() - before;
    assert!(timers < 10, "{timers}");
}

#[tokio::test(start_paused = true)]
async fn renewals_that_fail_are_tried_again_as_soon_as_the_back_off_allows() {
    let world = World::with_an_hour().await;
    world.then(outage());
    world.pass(World::USABLE).await;
    let failed = world.requests();
    assert!(failed > 2, "{failed}");
    world.then(Reply::Token(HOUR as i64));
    world.pass(61).await;
    assert_eq!(world.timed().await, served(&(failed + 1).to_string()));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_spawned_before_the_first_call_and_nothing_is_left_after_the_last_handle() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    assert_eq!(tasks(), 0);
    let world = World::new(Reply::Token(HOUR as i64));
    assert_eq!(tasks(), 0);
    // One task, however many keys there are.
    for key in 0..1000 {
        world.try_get_key(&key.to_string()).await.unwrap();
    }
    world.then(Reply::Never);
    assert!(world.try_get_key("in flight").now_or_never().is_none());
    world.settle().await;
    assert_eq!(tasks(), 1);
    let World { cache, source, .. } = world;
    drop(cache);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(tasks(), 0);
    assert_eq!(
        Arc::strong_count(&source),
        1,
        "no fetch holds on to what it fetched with"
    );
}

/// The behaviour of azure_core's bearer token policy: it caches a token until 5 minutes before
/// expiry. And of Event Hubs' authorizer (azure_messaging_eventhubs 0.15): until 6 minutes before
/// expiry, and up to 5 s more.
#[tokio::test(start_paused = true)]
async fn an_sdk_client_always_gets_a_later_expiry_and_never_waits() {
    for (margin, life) in [
        (5 * MINUTE, HOUR),
        (6 * MINUTE, HOUR),
        (5 * MINUTE, 24 * HOUR),
        (6 * MINUTE + 5, HOUR),
        (6 * MINUTE, 80 * MINUTE),
    ] {
        let world = World::new(slow(2, Reply::Token(life as i64)));
        let mut own = world.cache.get(world.key("key")).await.unwrap();
        for _ in 0..5 {
            let ask_on = own.expires_on - Duration::from_secs(margin);
            let wait = Duration::try_from(ask_on - world.clock.wall()).unwrap();
            world.clock.sleep(wait).await;
            let start = world.clock.true_time();
            let next = world.token("key").await.unwrap();
            assert_eq!(world.clock.true_time(), start, "it waits");
            assert!(next.expires_on > own.expires_on, "no later expiry");
            own = next;
        }
    }
}
