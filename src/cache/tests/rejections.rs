//! Random rejections of tokens, while the host returns the same token for a long time, as IMDS does.

use super::*;
use crate::time::timeout;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    /// So many calls for a key. Every third is cancelled after two seconds.
    Call {
        key: u8,
        callers: u8,
    },
    /// The last token that a caller got for the key is rejected, and another is waited for.
    Replace {
        key: u8,
    },
    Reject {
        key: u8,
    },
    Clear,
    Pass(u64),
    /// Until after the renewal of the tokens.
    Late,
    /// How the source responds from now on, and after how many seconds.
    Same(u64),
    New(u64),
    Fail(u64),
    RetryAfter(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..3u8, 1..4u8).prop_map(|(key, callers)| Act::Call { key, callers }),
        4 => (0..3u8).prop_map(|key| Act::Replace { key }),
        2 => (0..3u8).prop_map(|key| Act::Reject { key }),
        1 => Just(Act::Clear),
        5 => (0..8u64).prop_map(Act::Pass),
        3 => Just(Act::Late),
        4 => (1..20u64).prop_map(Act::Same),
        1 => (0..20u64).prop_map(Act::New),
        1 => (0..20u64).prop_map(Act::Fail),
        1 => (0..20u64).prop_map(Act::RetryAfter),
    ]
}

const LIFE: u64 = 9_000;

/// Tokens with the name of their key.
struct WithKey(FromSource);

impl Fetch<TestKey, Failed> for WithKey {
    fn fetch(&self, key: TestKey, request: Request) -> BoxFuture<'static, Result<Fetched, Failed>> {
        let name = Arc::clone(&key.name);
        let fetched = self.0.fetch(key, request);
        async move {
            let mut fetched = fetched.await?;
            let secret = format!("{name}: {}", fetched.token.token.secret());
            fetched.token = AccessToken::new(secret, fetched.token.expires_on);
            Ok(fetched)
        }
        .boxed()
    }

    fn gave_up(&self, why: GaveUp) -> Failed {
        self.0.gave_up(why)
    }

    fn report(&self, key: &TestKey, report: Report<Failed>) {
        self.0.report(key, report);
    }
}

async fn play(acts: Vec<Act>) {
    let few = Limits {
        tokens: 2,
        at_once: 3,
        ..limits()
    };
    let mut world = World::new(slow(5, Reply::Same(LIFE as i64)));
    let clock: Arc<dyn Clock> = Arc::clone(&world.clock) as Arc<dyn Clock>;
    let source = WithKey(FromSource(Arc::clone(&world.source)));
    world.cache = Cache::new(Arc::new(source), few, clock);
    let world = Arc::new(world);
    let last: Arc<Mutex<HashMap<String, AccessToken>>> = Arc::default();
    let last_of = |key: &str| last.lock().unwrap().get(key).cloned();
    let hour = Duration::from_secs(HOUR);
    let mut end = LIFE as i64;
    let mut calls = Vec::new();

    let is_right = |key: &str, result: Option<Result<AccessToken, Failed>>| match result {
        Some(Ok(token)) => {
            let secret = token.token.secret();
            assert!(
                secret.starts_with(&format!("{key}: ")),
                "{secret} for {key}"
            );
            Some(token)
        }
        Some(Err(error)) => {
            assert_ne!(error.gave_up, Some("ended"));
            None
        }
        None => panic!("a caller was never answered"),
    };
    for act in acts {
        match act {
            Act::Call { key, callers } => {
                for caller in 0..callers {
                    let (world, last) = (Arc::clone(&world), Arc::clone(&last));
                    let key = key.to_string();
                    calls.push(tokio::spawn(async move {
                        let is_cancelled = caller % 3 == 2;
                        let limit = if is_cancelled { 2 } else { HOUR };
                        let limit = Duration::from_secs(limit);
                        let call = world.token(&key);
                        let result = timeout(world.clock.as_ref(), limit, call).await;
                        if is_cancelled && result.is_none() {
                            return;
                        }
                        if let Some(token) = is_right(&key, result) {
                            last.lock().unwrap().insert(key, token);
                        }
                    }));
                }
            }
            Act::Replace { key } => {
                let (world, key) = (Arc::clone(&world), key.to_string());
                if let Some(token) = last_of(&key) {
                    calls.push(tokio::spawn(async move {
                        let call = world.cache.replace(world.key(&key), &token);
                        let result = timeout(world.clock.as_ref(), hour, call).await;
                        is_right(&key, result);
                    }));
                }
            }
            Act::Reject { key } => {
                let key = key.to_string();
                if let Some(token) = last_of(&key) {
                    world.cache.reject(&world.key(&key), &token);
                }
            }
            Act::Clear => world.cache.clear(),
            Act::Pass(seconds) => world.pass(seconds).await,
            Act::Late => {
                world.clock.suspend(Duration::from_secs(LIFE / 2 + 100));
                end += LIFE as i64 / 2 + 100;
            }
            Act::Same(seconds) => world.then(slow(seconds, Reply::Same(end))),
            Act::New(seconds) => world.then(slow(seconds, Reply::Token(LIFE as i64))),
            Act::Fail(seconds) => world.then(slow(seconds, outage())),
            Act::RetryAfter(seconds) => world.then(retry_after(seconds)),
        }
        tokio::task::yield_now().await;
    }
    for call in calls {
        call.await.unwrap();
    }
    world.comes_to_rest(2).await;
    world.pass(24 * HOUR).await;
    assert_eq!(world.keys().await, 0, "a day later nothing is kept");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_rejected_every_caller_gets_a_result_of_its_own_key_and_nothing_is_left(
        acts in proptest::collection::vec(act(), 1..60)
    ) {
        with_paused_clock(play(acts));
    }
}
