//! What a call returns in each stage of a token's life.

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
    // After a suspend, the driver has not started a renewal when the call comes.
    world.clock.suspend(Duration::from_secs(World::USABLE));
    for _ in 0..100 {
        assert_eq!(world.timed().await, served("1"));
    }
    world.pass(25).await;
    assert_eq!(world.timed().await, served("2"));
    assert_eq!(world.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_due_token_is_replaced_by_a_new_one_that_arrives_within_three_seconds() {
    let world = World::with_an_hour().await;
    world.then(outage());
    world.pass(World::DUE).await;
    world.pass(70).await;
    world.then(slow(2, Reply::Token(HOUR as i64)));
    // The renewals failed meanwhile, and their back-off is at most a minute.
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
    // After a suspend, no renewal has started.
    world.clock.suspend(Duration::from_secs(World::DUE));
    let (token, waited) = world.timed().await;
    assert_eq!((token.as_deref(), waited), (Ok("1"), 3));
    // This fetch is already known to be slow: no caller waits for it again.
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
async fn no_caller_waits_longer_than_the_current_token_is_valid() {
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
async fn a_token_with_a_life_of_any_length_is_renewed_before_it_expires() {
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
async fn a_refresh_in_is_obeyed_without_too_many_requests() {
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
async fn a_token_that_arrives_expired_is_served_only_to_callers_that_waited() {
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
async fn a_refresh_with_the_same_expiry_keeps_the_token_without_too_many_requests() {
    // IMDS returns the same token for a day.
    let day = 24 * HOUR;
    let world = World::new(Reply::Until(day as i64));
    assert_eq!(world.get().await, "1");
    for _ in 0..(day - HOUR) / 600 {
        world.pass(600).await;
        assert_eq!(world.timed().await, served("1"));
    }
    let requests = world.requests();
    assert!((8..=20).contains(&requests), "{requests}");
    // As soon as there is another token, the cache has it.
    world.then(Reply::Until(2 * day as i64));
    world.pass(HOUR - 600).await;
    assert_ne!(world.get().await, "1");
}

/// The behaviour of azure_messaging_eventhubs 0.16 for a path: it calls 6 minutes before expiry,
/// permanently stops the path if the token does not live longer, and calls again 30 s after an
/// error.
struct Path {
    expires_on: OffsetDateTime,
    is_given_up: bool,
}

impl Path {
    async fn opened(world: &World) -> Self {
        Self {
            expires_on: world.token("key").await.unwrap().expires_on,
            is_given_up: false,
        }
    }

    /// Advances the time by this number of seconds, second by second.
    async fn live(&mut self, world: &World, seconds: u64) {
        let mut pause = 0_u64;
        for _ in 0..seconds {
            let is_due = world.clock.wall() >= self.expires_on - Duration::from_secs(6 * MINUTE);
            if is_due && !self.is_given_up && pause == 0 {
                match world.token("key").await {
                    Ok(token) if token.expires_on > self.expires_on => {
                        self.expires_on = token.expires_on;
                    }
                    Ok(_) => self.is_given_up = true,
                    Err(_) => pause = 30,
                }
            }
            pause = pause.saturating_sub(1);
            world.pass(1).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_at_an_unchanged_token_gets_errors_and_survives_an_outage() {
    for (fails_unchanged, is_given_up) in [(false, true), (true, false)] {
        let limits = Limits {
            fails_unchanged,
            ..limits()
        };
        let world = World::with(Reply::Token(HOUR as i64), limits);
        let mut path = Path::opened(&world).await;
        world.then(outage());
        path.live(&world, HOUR - 3 * MINUTE).await;
        world.then(Reply::Token(HOUR as i64));
        path.live(&world, 2 * MINUTE).await;
        assert_eq!(path.is_given_up, is_given_up);
        assert_eq!(
            world.clock.wall() + Duration::from_secs(MINUTE * 30) < path.expires_on,
            !is_given_up
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_of_a_due_token_gets_a_new_one_when_everything_is_cleared() {
    for is_queued in [true, false] {
        let world = World::with_an_hour().await;
        world.clock.suspend(Duration::from_secs(World::DUE));
        match is_queued {
            true => {
                world.script("throttled", [retry_after(300)]);
                world.try_get_key("throttled").await.unwrap_err();
            }
            false => world.script("key", [Reply::Never]),
        }
        let call = world.timed();
        let clear = async {
            world.pass(1).await;
            world.cache.clear();
        };
        let ((token, waited), ()) = futures::join!(call, clear);
        assert_eq!((token.unwrap().as_str(), waited), ("3", 1), "{is_queued}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_of_a_due_token_gets_a_new_one_when_it_is_cleared_just_as_its_renewal_fails() {
    let world = World::with_an_hour().await;
    world.clock.suspend(Duration::from_secs(World::DUE));
    world.script("key", [slow(1, outage())]);
    let clear = async {
        world.pass(1).await;
        world.cache.clear();
    };
    let ((token, waited), ()) = futures::join!(world.timed(), clear);
    assert_eq!((token.as_deref(), waited), (Ok("3"), 1));
}
