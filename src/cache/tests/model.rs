//! Random callers, responses, faults and clocks, and the rules that always hold.

use super::*;
use crate::time::timeout;
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU32};

#[derive(Clone, Debug)]
enum Act {
    /// This number of calls for a key. Some of them are cancelled after a while.
    Call {
        key: u8,
        callers: u8,
        patience: Option<u16>,
    },
    Pass(u32),
    Suspend(u32),
    SetWall(i32),
    Answer(Reply),
    Reject {
        key: u8,
    },
    Clear,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..4u8, 1..20u8, proptest::option::of(0..200u16))
            .prop_map(|(key, callers, patience)| Act::Call { key, callers, patience }),
        4 => (0..4000u32).prop_map(Act::Pass),
        1 => (0..9000u32).prop_map(Act::Suspend),
        1 => prop_oneof![Just(0), Just(3600), Just(-3600)].prop_map(Act::SetWall),
        3 => reply().prop_map(Act::Answer),
        1 => (0..4u8).prop_map(|key| Act::Reject { key }),
        1 => Just(Act::Clear),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let plain = prop_oneof![
        4 => (1..90_000i64).prop_map(Reply::Token),
        1 => (1..9000i64, -5..9000i64).prop_map(|(life, refresh)| Reply::Refresh(life, refresh)),
        1 => (0..90_000i64).prop_map(Reply::Until),
        2 => Just(outage()),
        1 => Just(misconfigured()),
        1 => Just(refusal()),
        1 => (0..4000u64).prop_map(retry_after),
        1 => Just(Reply::Never),
    ];
    (plain, prop_oneof![3 => Just(0), 1 => 0..130u64]).prop_map(|(reply, wait)| slow(wait, reply))
}

/// What the source has recorded: the fetches in flight, and when each token really expires.
#[derive(Default)]
struct Witness {
    /// By key and by the number of times that the cache was cleared before.
    in_flight: Mutex<HashMap<(String, u32), usize>>,
    cleared: AtomicU32,
    most_at_once: AtomicUsize,
    at_once: AtomicUsize,
    ends: Mutex<HashMap<String, (Duration, Blind)>>,
    blind: Mutex<Blind>,
    is_broken: AtomicBool,
}

/// The changes that each clock has missed. If a machine slept and its wall clock was then set back,
/// no clock shows that time has passed.
#[derive(Clone, Copy, Default, PartialEq)]
struct Blind {
    suspends: u32,
    set_back: u32,
}

impl Blind {
    fn knows_the_time_since(self, then: Self) -> bool {
        self.suspends == then.suspends || self.set_back == then.set_back
    }
}

struct Watched(FromSource, Arc<Witness>, Arc<PausedClock>);

impl Fetch<TestKey, Failed> for Watched {
    fn fetch(&self, key: TestKey, request: Request) -> BoxFuture<'static, Result<Fetched, Failed>> {
        struct InFlight(Arc<Witness>, (String, u32));
        impl Drop for InFlight {
            fn drop(&mut self) {
                *self.0.in_flight.lock().unwrap().get_mut(&self.1).unwrap() -= 1;
                self.0.at_once.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let (witness, clock) = (Arc::clone(&self.1), Arc::clone(&self.2));
        let name = key.name.to_string();
        let work = self.0.fetch(key, request);
        async move {
            let what = (name, witness.cleared.load(Ordering::SeqCst));
            let count = {
                let mut all = witness.in_flight.lock().unwrap();
                let count = all.entry(what.clone()).or_default();
                *count += 1;
                *count
            };
            let at_once = witness.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            witness.most_at_once.fetch_max(at_once, Ordering::SeqCst);
            let _in_flight = InFlight(Arc::clone(&witness), what);
            if count > 1 {
                witness.is_broken.store(true, Ordering::SeqCst);
            }
            let fetched = work.await?;
            // The real expiry, by a clock that is never set.
            let life = SystemTimeDiff::seconds(fetched.token.expires_on, clock.wall());
            let end = clock.true_time() + Duration::from_secs(life.max(0).unsigned_abs());
            let end = (end, *witness.blind.lock().unwrap());
            witness
                .ends
                .lock()
                .unwrap()
                .insert(fetched.token.token.secret().to_owned(), end);
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

struct SystemTimeDiff;

impl SystemTimeDiff {
    fn seconds(later: OffsetDateTime, earlier: OffsetDateTime) -> i64 {
        (later - earlier).whole_seconds()
    }
}

/// Lower than the number of keys.
const AT_ONCE: usize = 2;

async fn play(acts: Vec<Act>) {
    let mut world = World::new(Reply::Token(HOUR as i64));
    let witness = Arc::new(Witness::default());
    let watched = Watched(
        FromSource(Arc::clone(&world.source)),
        Arc::clone(&witness),
        Arc::clone(&world.clock),
    );
    let clock: Arc<dyn Clock> = Arc::clone(&world.clock) as Arc<dyn Clock>;
    let few = Limits {
        tokens: 2,
        at_once: AT_ONCE,
        ..limits()
    };
    world.cache = Cache::new(Arc::new(watched), few, clock);
    let world = Arc::new(world);
    let mut calls = Vec::new();

    for act in acts {
        match act {
            Act::Call {
                key,
                callers,
                patience,
            } => {
                for caller in 0..callers {
                    let (world, witness) = (Arc::clone(&world), Arc::clone(&witness));
                    calls.push(tokio::spawn(async move {
                        let key = key.to_string();
                        let begun = world.clock.true_time();
                        let had = world.at_hand(&key).is_some();
                        let call = world.try_get_key(&key);
                        // Every second call is cancelled.
                        let limit = patience.filter(|_| caller % 2 == 1).map_or(HOUR, u64::from);
                        let limit = Duration::from_secs(limit);
                        let result = timeout(world.clock.as_ref(), limit, call).await;
                        let now = world.clock.true_time();
                        match result {
                            None => assert!(
                                limit < Duration::from_secs(HOUR),
                                "a caller was never answered"
                            ),
                            Some(Ok(token)) => {
                                let ends = witness.ends.lock().unwrap();
                                let (end, then) = ends[&token];
                                let blind = *witness.blind.lock().unwrap();
                                // A token that was expired when it arrived is only for callers who
                                // waited for it.
                                assert!(
                                    now < end
                                        || !blind.knows_the_time_since(then)
                                        || begun < now
                                        || end <= begun && !had,
                                    "token {token} was served {:?} after its end",
                                    now - end
                                );
                            }
                            Some(Err(_)) => assert!(!had, "a usable token was withheld"),
                        }
                    }));
                }
                tokio::task::yield_now().await;
            }
            Act::Pass(seconds) => world.pass(seconds.into()).await,
            Act::Suspend(seconds) => {
                witness.blind.lock().unwrap().suspends += 1;
                world.clock.suspend(Duration::from_secs(seconds.into()));
            }
            Act::SetWall(offset) => {
                if i64::from(offset) < world.clock.set_wall(offset.into()) {
                    witness.blind.lock().unwrap().set_back += 1;
                }
            }
            Act::Answer(reply) => world.then(reply),
            Act::Reject { key } => {
                let key = key.to_string();
                if let Some(token) = world.at_hand(&key) {
                    world.cache.reject(&world.key(&key), &token);
                    let next = world.at_hand(&key);
                    assert!(
                        next.is_none(),
                        "a rejected token is found without a call of the owner"
                    );
                }
            }
            Act::Clear => {
                witness.cleared.fetch_add(1, Ordering::SeqCst);
                world.cache.clear();
                assert!((0..4).all(|key| world.at_hand(&key.to_string()).is_none()));
            }
        }
    }
    for call in calls {
        call.await.unwrap();
    }
    assert!(
        !witness.is_broken.load(Ordering::SeqCst),
        "two fetches for one key"
    );
    assert!(witness.most_at_once.load(Ordering::SeqCst) <= AT_ONCE);
    world.comes_to_rest(2).await;
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_expired_token_is_served_every_usable_one_is_served_and_every_caller_gets_a_result(
        acts in proptest::collection::vec(act(), 1..40)
    ) {
        with_paused_clock(play(acts));
    }
}
