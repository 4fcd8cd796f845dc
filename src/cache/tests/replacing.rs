//! A token in place of one that was refused.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_for_all_who_say_so() {
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
async fn a_source_that_hands_out_the_refused_token_again_is_asked_once_a_minute() {
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
    // Meanwhile it is served to whoever finds it good.
    assert_eq!(world.timed().await, served("same"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_that_cannot_be_replaced_stays_for_those_who_find_it_good() {
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
