//! A new token that replaces a refused token.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_for_all_callers_that_reject_it() {
    let world = World::with_an_hour().await;
    let refused = world.at_hand("key").unwrap();
    let replace = || world.cache.replace(world.key("key"), &refused);
    let tokens = join_all((0..100).map(|_| replace())).await;
    assert!(
        tokens
            .iter()
            .all(|token| token.as_ref().unwrap().token.secret() == "2")
    );
    assert_eq!(replace().await.unwrap().token.secret(), "2");
    assert_eq!(world.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_returns_the_refused_token_again_gets_one_request_a_minute() {
    let world = World::new(Reply::Same(24 * HOUR as i64));
    assert_eq!(world.get().await, "same");
    let refused = world.at_hand("key").unwrap();
    for minute in 1..=3 {
        for _ in 0..60 {
            let same = world.cache.replace(world.key("key"), &refused).await;
            assert_eq!(same.unwrap().token.secret(), "same");
            world.pass(1).await;
        }
        assert_eq!(world.requests(), 1 + minute);
    }
    // Meanwhile the token is served to callers who have not rejected it.
    assert_eq!(world.timed().await, served("same"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_that_cannot_be_replaced_stays_for_the_other_callers() {
    let world = World::with_an_hour().await;
    let refused = world.at_hand("key").unwrap();
    world.then(outage());
    let same = world
        .cache
        .replace(world.key("key"), &refused)
        .await
        .unwrap();
    assert_eq!(same.token, refused.token);
    assert_eq!(world.timed().await, served("1"));
}

/// One client that rejects its token again and again does not take the token from other callers.
#[tokio::test(start_paused = true)]
async fn a_client_that_rejects_every_token_does_not_affect_other_callers() {
    let world = World::with_an_hour().await;
    world.then(slow(2, Reply::Token(HOUR as i64)));
    for second in 0..300 {
        let token = world.token("key").await.unwrap();
        world.cache.reject(&world.key("key"), &token);
        let (others, waited) = world.timed().await;
        assert!(
            others.is_ok() && waited <= 2,
            "{second}: {others:?} after {waited} s"
        );
        world.pass(1).await;
    }
    assert!((5..=7).contains(&world.requests()), "{}", world.requests());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_rejects_a_token_gets_the_new_one_or_in_an_outage_the_old_one_again() {
    let world = World::with_an_hour().await;
    let rejected = world.token("key").await.unwrap();
    world.cache.reject(&world.key("key"), &rejected);
    assert_eq!(world.get().await, "2");

    let rejected = world.token("key").await.unwrap();
    world.pass(MINUTE).await;
    world.then(Reply::Never);
    world.cache.reject(&world.key("key"), &rejected);
    let (token, waited) = world.timed().await;
    assert_eq!((token.as_deref(), waited), (Ok("2"), 3));
    assert_eq!(world.timed().await, served("2"));
}

#[tokio::test(start_paused = true)]
async fn the_replacement_of_a_rejected_token_begins_before_the_next_call() {
    let world = World::with_an_hour().await;
    let rejected = world.at_hand("key").unwrap();
    world.cache.reject(&world.key("key"), &rejected);
    world.settle().await;
    assert_eq!(world.requests(), 2);
    assert_eq!(world.timed().await, served("2"));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_lives_shorter_than_the_one_before_it_is_renewed_at_its_own_time() {
    let world = World::new(Reply::Token(24 * HOUR as i64));
    assert_eq!(world.get().await, "1");
    let rejected = world.at_hand("key").unwrap();
    world.then(Reply::Token(HOUR as i64));
    world.cache.reject(&world.key("key"), &rejected);
    assert_eq!(world.get().await, "2");
    world.pass(World::USABLE).await;
    assert_eq!(world.requests(), 3);
}
