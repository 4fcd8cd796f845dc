//! A new token that replaces a rejected token.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_replaced_once_for_all_callers_that_reject_it() {
    let world = World::with_an_hour().await;
    let rejected = world.at_hand("key").unwrap();
    let replace = || world.cache.replace(world.key("key"), &rejected);
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
async fn a_source_that_returns_the_rejected_token_again_gets_one_request_a_minute() {
    let world = World::new(Reply::Same(24 * HOUR as i64));
    assert_eq!(world.get().await, "same");
    let rejected = world.at_hand("key").unwrap();
    for minute in 1..=3 {
        for _ in 0..60 {
            let same = world.cache.replace(world.key("key"), &rejected).await;
            assert_eq!(same.unwrap().token.secret(), "same");
            world.pass(1).await;
        }
        assert_eq!(world.requests(), 1 + minute);
    }
    // Meanwhile the token is served to callers who have not rejected it.
    assert_eq!(world.timed().await, served("same"));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_that_cannot_be_replaced_stays_for_the_other_callers() {
    let world = World::with_an_hour().await;
    let rejected = world.at_hand("key").unwrap();
    world.then(outage());
    let same = world
        .cache
        .replace(world.key("key"), &rejected)
        .await
        .unwrap();
    assert_eq!(same.token, rejected.token);
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

#[tokio::test(start_paused = true)]
async fn a_request_names_the_token_that_it_replaces_and_no_older_one() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            at_once: 1,
            ..limits()
        },
    );
    let first = world.token("key").await.unwrap();
    let replace = |token| world.cache.replace(world.key("key"), token);
    let second = replace(&first).await.unwrap();
    world.pass(MINUTE).await;
    world.script("other", [slow(1, Reply::Token(HOUR as i64))]);
    let late = async {
        world.settle().await;
        world.cache.reject(&world.key("key"), &second);
        // Its replacement is queued. Somebody is late with the one before it.
        assert_eq!(replace(&first).await.unwrap().token, second.token);
    };
    let (other, ()) = futures::join!(world.try_get_key("other"), late);
    other.unwrap();
    world.settle().await;
    let named = [None, Some("1"), None, Some("2")].map(|it| it.map(str::to_owned));
    assert_eq!(world.named(), named);
}

#[tokio::test(start_paused = true)]
async fn a_request_names_a_rejected_token_also_if_the_cache_does_not_have_it() {
    let world = World::new(Reply::Same(24 * HOUR as i64));
    let end = world.clock.wall() + azure_core::time::Duration::days(1);
    let rejected = AccessToken::new("same", end);
    for _ in 0..3 {
        let token = world.cache.replace(world.key("key"), &rejected).await;
        assert_eq!(token.unwrap().token.secret(), "same");
    }
    // The second is the one a minute: now the cache knows that it is the same.
    let same = || Some("same".to_owned());
    assert_eq!(world.named(), [same(), same()]);
}

/// A world whose token is being renewed by a request that names no token, and takes so many more seconds.
/// The next request takes two seconds.
async fn renewing(seconds: u64, next: Reply) -> (World, AccessToken) {
    let same = || Reply::Same(24 * HOUR as i64);
    let world = World::new(same());
    world.get().await;
    world.clock.suspend(Duration::from_secs(13 * HOUR));
    world.script("key", [slow(1 + seconds, same()), slow(2, next)]);
    let token = world.token("key").await.unwrap();
    world.pass(1).await;
    (world, token)
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_rejected_while_it_is_renewed_is_requested_again_by_its_name() {
    for seconds in [1, 9] {
        let (world, token) = renewing(seconds, Reply::Token(HOUR as i64)).await;
        let start = world.clock.true_time();
        let waited = || (world.clock.true_time() - start).as_secs();
        let replace = async {
            let new = world.cache.replace(world.key("key"), &token).await;
            (new.unwrap().token.secret().to_owned(), waited())
        };
        // Others do not wait longer than three seconds from the first request.
        let other = async {
            world.settle().await;
            (world.get().await, waited())
        };
        let (replaced, other) = futures::join!(replace, other);
        assert_eq!(replaced, ("3".to_owned(), seconds + 2));
        assert_eq!(other, ("same".to_owned(), 2));
        assert_eq!(world.named(), [None, None, Some("same".to_owned())]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_request_for_a_rejected_token_is_a_fetch_of_its_own() {
    let (world, token) = renewing(1, slow(8, Reply::Token(HOUR as i64))).await;
    world.cache.reject(&world.key("key"), &token);
    world.pass(3).await;
    assert_eq!(world.requests(), 3, "the second is under way");
    world.script("other", [Reply::Token(HOUR as i64)]);
    let start = world.clock.true_time();
    assert_eq!(world.try_get_key("other").await.as_deref(), Ok("4"));
    assert_eq!(world.clock.true_time(), start);
    // What it brings is not kept if everything was cleared meanwhile.
    world.then(Reply::Token(HOUR as i64));
    world.cache.clear();
    assert_eq!(world.timed().await, served("5"));
    world.pass(MINUTE).await;
    assert_eq!(world.timed().await, served("5"));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_rejected_before_it_arrives_is_requested_again_by_its_name() {
    let world = World::new(slow(2, Reply::Same(24 * HOUR as i64)));
    let end = world.clock.wall() + azure_core::time::Duration::days(1);
    let rejected = AccessToken::new("same", end);
    let replace = async {
        world.pass(1).await;
        world.then(Reply::Token(HOUR as i64));
        world.cache.replace(world.key("key"), &rejected).await
    };
    let (_, new) = futures::join!(world.try_get(), replace);
    assert_eq!(new.unwrap().token.secret(), "2");
    assert_eq!(world.named(), [None, Some("same".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_without_a_token_waits_briefly_for_another_than_the_one_that_was_rejected() {
    let world = World::new(Reply::Never);
    world.script("key", [slow(4, Reply::Same(24 * HOUR as i64))]);
    let end = world.clock.wall() + azure_core::time::Duration::days(1);
    let rejected = AccessToken::new("same", end);
    let replace = async {
        world.pass(1).await;
        world.cache.replace(world.key("key"), &rejected).await
    };
    let ((token, waited), same) = futures::join!(world.timed(), replace);
    assert_eq!((token.as_deref(), waited), (Ok("same"), 7));
    assert_eq!(same.unwrap().token, rejected.token);
}

#[tokio::test(start_paused = true)]
async fn a_late_rejection_of_an_older_token_changes_nothing_also_when_all_have_expired() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            at_once: 1,
            ..limits()
        },
    );
    let replace = |token| world.cache.replace(world.key("key"), token);
    let first = world.token("key").await.unwrap();
    let second = replace(&first).await.unwrap();
    world.clock.suspend(Duration::from_secs(2 * HOUR));
    world.script("other", [slow(2, Reply::Token(HOUR as i64))]);
    let new = async {
        world.settle().await;
        replace(&second).await
    };
    let late = async {
        world.pass(1).await;
        replace(&first).await
    };
    let (other, new, late) = futures::join!(world.try_get_key("other"), new, late);
    other.unwrap();
    assert_eq!(new.unwrap().token, late.unwrap().token);
    assert_eq!(world.named().last().unwrap().as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_name_an_older_token_than_the_expired_one() {
    let world = World::with_an_hour().await;
    let replace = |token| world.cache.replace(world.key("key"), token);
    let first = world.token("key").await.unwrap();
    let second = replace(&first).await.unwrap();
    world.clock.suspend(Duration::from_secs(2 * HOUR));
    let third = replace(&first).await.unwrap();
    assert_ne!(third.token, second.token);
    assert_eq!(world.named(), [None, Some("1".to_owned()), None]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_rejects_a_token_keeps_it_when_the_queue_stands_still() {
    let world = World::with(
        Reply::Token(24 * HOUR as i64),
        Limits {
            at_once: 1,
            ..limits()
        },
    );
    let token = world.token("key").await.unwrap();
    world.then(Reply::Never);
    let keys: Vec<_> = (0..5).map(|n| n.to_string()).collect();
    let others = join_all(keys.iter().map(|key| world.try_get_key(key)));
    let replace = async {
        world.pass(1).await;
        world.cache.replace(world.key("key"), &token).await
    };
    let (_, same) = futures::join!(others, replace);
    assert_eq!(same.unwrap().token, token.token);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_arrives_expired_does_not_take_the_place_of_a_valid_token() {
    let world = World::with_an_hour().await;
    let rejected = world.at_hand("key").unwrap();
    world.then(Reply::Token(-5));
    let same = world.cache.replace(world.key("key"), &rejected).await;
    assert_eq!(same.unwrap().token, rejected.token);
    assert_eq!(world.timed().await, served("1"));
    assert_eq!(world.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_names_the_rejected_token_is_not_followed_by_another_at_once() {
    let world = World::new(Reply::Same(24 * HOUR as i64));
    let token = world.token("key").await.unwrap();
    world.then(slow(70, Reply::Same(24 * HOUR as i64)));
    let replace = || world.cache.replace(world.key("key"), &token);
    let again = async {
        world.pass(1).await;
        replace().await
    };
    let (first, second) = futures::join!(replace(), again);
    assert_eq!(first.unwrap().token, second.unwrap().token);
    assert_eq!(world.requests(), 2);
}
