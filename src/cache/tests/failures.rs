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
