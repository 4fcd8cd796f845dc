//! What a caller gets of a token in each stage of its life.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_fresh_token_is_served_without_a_request() {
    let world = World::with_an_hour().await;
    for _ in 0..37 {
        world.pass(MINUTE).await;
        assert_eq!(world.timed().await, served("1"));
    }
    assert_eq!(world.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_usable_token_is_served_at_once_while_it_is_renewed() {
    let world = World::with_an_hour().await;
    world.then(slow(20, Reply::Token(HOUR as i64)));
    // A suspend: the driver has not noticed yet when the call comes.
    world.clock.suspend(Duration::from_secs(World::USABLE));
    for _ in 0..100 {
        assert_eq!(world.timed().await, served("1"));
    }
    world.pass(25).await;
    assert_eq!(world.timed().await, served("2"));
    assert_eq!(world.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_due_token_gives_way_to_a_new_one_that_comes_within_three_seconds() {
    let world = World::with_an_hour().await;
    world.then(outage());
    world.pass(World::DUE).await;
    world.pass(70).await;
    world.then(slow(2, Reply::Token(HOUR as i64)));
    // The back-off of the renewals that failed meanwhile is at most a minute.
    let mut waits = Vec::new();
    loop {
        let (token, wait) = world.timed().await;
        waits.push(wait);
        if token.unwrap() != "1" {
            break;
        }
        world.pass(1).await;
    }
    assert!(waits.iter().all(|wait| *wait <= 3), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_due_token_is_served_when_the_new_one_takes_longer() {
    let world = World::with_an_hour().await;
    world.then(slow(9 * MINUTE, Reply::Token(HOUR as i64)));
    // A suspend: nobody has begun to renew.
    world.clock.suspend(Duration::from_secs(World::DUE));
    let (token, waited) = world.timed().await;
    assert_eq!((token.as_deref(), waited), (Ok("1"), 3));
    // It is known by now to linger: nobody waits for it again.
    for _ in 0..100 {
        assert_eq!(world.timed().await, served("1"));
    }
    assert_eq!(world.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_due_token_is_served_at_once_while_backing_off() {
    let world = World::with_an_hour().await;
    world.then(retry_after(3600));
    world.pass(World::DUE).await;
    assert_eq!(world.timed().await, served("1"));
    assert_eq!(world.timed().await, served("1"));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_the_life_of_the_token_at_hand() {
    let world = World::new(Reply::Token(10));
    assert_eq!(world.get().await, "1");
    world.then(Reply::Never);
    world.pass(8).await;
    let (token, waited) = world.timed().await;
    assert_eq!(token.as_deref(), Ok("1"));
    assert!(waited <= 1, "{waited}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_not_served_and_its_callers_wait_for_the_next() {
    let world = World::with_an_hour().await;
    world.then(slow(7, Reply::Token(HOUR as i64)));
    world.clock.suspend(Duration::from_secs(2 * HOUR));
    let (token, waited) = world.timed().await;
    assert_eq!((token.as_deref(), waited), (Ok("2"), 7));
}

#[tokio::test(start_paused = true)]
async fn a_life_of_any_length_is_renewed_before_it_ends() {
    for life in [60, 90, 300, 1200, 3600, 7200, 86_400] {
        let world = World::new(Reply::Token(life));
        assert_eq!(world.get().await, "1");
        for _ in 0..40 {
            world.pass(life as u64 / 20).await;
            let (token, waited) = world.timed().await;
            assert!(token.is_ok() && waited == 0, "{life}");
        }
        assert!(
            (2..=6).contains(&world.requests()),
            "{life}: {}",
            world.requests()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_in_is_followed_and_never_a_storm() {
    for (refresh_in, at_least, at_most) in [
        (0, 1, 2),
        (-5, 1, 2),
        (1, 5, 12),
        (1800, 2, 3),
        (999_999, 1, 2),
    ] {
        let world = World::new(Reply::Refresh(HOUR as i64, refresh_in));
        for _ in 0..55 {
            assert_eq!(world.timed().await.1, 0);
            world.pass(MINUTE).await;
        }
        assert!(
            (at_least..=at_most).contains(&world.requests()),
            "{refresh_in}: {}",
            world.requests()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_arrives_expired_serves_those_who_waited_and_no_one_else() {
    for life in [0, -5] {
        let world = World::new(slow(1, Reply::Token(life)));
        let tokens = join_all((0..10).map(|_| world.try_get())).await;
        assert!(
            tokens.iter().all(|token| token.as_deref() == Ok("1")),
            "{tokens:?}"
        );
        assert_eq!(world.get().await, "2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_brings_the_same_expiry_keeps_the_token_and_asks_no_storm() {
    // IMDS: one token for a day, whatever is asked.
    let day = 24 * HOUR;
    let world = World::new(Reply::Until(day as i64));
    assert_eq!(world.get().await, "1");
    for _ in 0..(day - HOUR) / 600 {
        world.pass(600).await;
        assert_eq!(world.timed().await, served("1"));
    }
    let requests = world.requests();
    assert!((8..=20).contains(&requests), "{requests}");
    // And as soon as there is another, it is had.
    world.then(Reply::Until(2 * day as i64));
    world.pass(HOUR - 600).await;
    assert_ne!(world.get().await, "1");
}
