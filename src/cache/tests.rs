//! The rules, one by one. Time is tokio's, paused: it passes when everybody waits.

mod model;
mod runtimes;

use super::*;
use crate::time::tests::PausedClock;
use azure_core::time::OffsetDateTime;
use futures::future::join_all;
use std::{
    collections::VecDeque,
    sync::{Mutex, atomic::AtomicUsize},
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// What the source of tokens does with a request.
#[derive(Clone, Debug)]
enum Reply {
    /// A token that lives this long, in seconds; below zero it has expired already.
    Token(i64),
    /// The same with a `refresh_in`.
    Refresh(i64, i64),
    /// A token that expires at this time after the start.
    Until(i64),
    /// The same, and always the same bytes: what IMDS does all day.
    Same(i64),
    Fail(Failed),
    Panic,
    Never,
    /// Takes this many seconds.
    After(u64, Box<Reply>),
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Failed {
    is_transient: bool,
    retry_after: Option<Duration>,
    silence: Option<Duration>,
    recalled: Option<(Duration, Duration)>,
    gave_up: Option<&'static str>,
}

impl Failure for Failed {
    fn is_transient(&self) -> bool {
        self.is_transient
    }
    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
    fn silence(&self) -> Option<Duration> {
        self.silence
    }
    fn recalled(&self, age: Duration, next: Duration) -> Self {
        Self {
            recalled: Some((age, next)),
            ..self.clone()
        }
    }
}

fn outage() -> Reply {
    Reply::Fail(Failed {
        is_transient: true,
        ..Default::default()
    })
}

fn misconfigured() -> Reply {
    Reply::Fail(Failed::default())
}

fn retry_after(seconds: u64) -> Reply {
    Reply::Fail(Failed {
        is_transient: true,
        retry_after: Some(Duration::from_secs(seconds)),
        ..Default::default()
    })
}

fn slow(seconds: u64, reply: Reply) -> Reply {
    Reply::After(seconds, Box::new(reply))
}

/// A source of tokens that does as it is told. Each token's secret is the number of its request.
struct Source {
    /// What it does next, by key; after that, and for other keys, the default.
    script: Mutex<HashMap<String, VecDeque<Reply>>>,
    default: Mutex<Reply>,
    requests: AtomicUsize,
    clock: Arc<dyn Clock>,
    start: Moment,
}

struct FromSource(Arc<Source>);

impl Fetch<String, Failed> for FromSource {
    fn fetch(&self, key: String, meter: Arc<Meter>) -> BoxFuture<'static, Result<Fetched, Failed>> {
        let source = Arc::clone(&self.0);
        async move {
            let taken = source.clock.monotonic();
            if !meter.take(taken) {
                return Err(Failed::default());
            }
            let number = source.requests.fetch_add(1, Ordering::SeqCst) + 1;
            let mut reply = {
                let mut script = source.script.lock().unwrap();
                script.get_mut(&key).and_then(VecDeque::pop_front)
            }
            .unwrap_or_else(|| source.default.lock().unwrap().clone());
            while let Reply::After(seconds, then) = reply {
                source.clock.sleep(Duration::from_secs(seconds)).await;
                reply = *then;
            }
            let now = source.clock.wall();
            let on = |seconds| now + azure_core::time::Duration::seconds(seconds);
            let token = |expires_on| AccessToken::new(number.to_string(), expires_on);
            match reply {
                Reply::Token(life) => Ok(Fetched {
                    token: token(on(life)),
                    refresh_on: None,
                }),
                Reply::Refresh(life, refresh) => Ok(Fetched {
                    token: token(on(life)),
                    refresh_on: Some(on(refresh)),
                }),
                Reply::Until(end) => {
                    let start = OffsetDateTime::from(source.start.wall);
                    let end = start + azure_core::time::Duration::seconds(end);
                    Ok(Fetched {
                        token: token(end),
                        refresh_on: None,
                    })
                }
                Reply::Same(end) => {
                    let start = OffsetDateTime::from(source.start.wall);
                    let end = start + azure_core::time::Duration::seconds(end);
                    Ok(Fetched {
                        token: AccessToken::new("same", end),
                        refresh_on: None,
                    })
                }
                Reply::Fail(error) => {
                    if error.is_transient {
                        meter.give_back(taken);
                    }
                    Err(error)
                }
                Reply::Panic => panic!("the source panics, as this test wants it to"),
                Reply::Never | Reply::After(..) => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn gave_up(&self, why: GaveUp) -> Failed {
        Failed {
            is_transient: true,
            gave_up: Some(match why {
                GaveUp::Panicked => "panicked",
                GaveUp::TookTooLong => "took too long",
                GaveUp::TooManyRequests(_) => "too many requests",
            }),
            ..Default::default()
        }
    }
}

struct World {
    cache: Cache<String, Failed>,
    source: Arc<Source>,
    clock: Arc<PausedClock>,
}

fn limits() -> Limits<Failed> {
    Limits {
        keys: 1000,
        flights: 64,
        requests: 10,
        flight: Duration::from_secs(140),
        remembers: |_| true,
    }
}

impl World {
    fn new(default: Reply) -> Self {
        Self::with(default, limits())
    }

    fn with(default: Reply, limits: Limits<Failed>) -> Self {
        let clock = PausedClock::new();
        let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let source = Arc::new(Source {
            script: Mutex::default(),
            default: Mutex::new(default),
            requests: AtomicUsize::new(0),
            clock: Arc::clone(&shared),
            start: shared.now(),
        });
        let cache = Cache::new(Arc::new(FromSource(Arc::clone(&source))), limits, shared);
        Self {
            cache,
            source,
            clock,
        }
    }

    /// A world with the token 1 of one hour in it.
    async fn with_an_hour() -> Self {
        let world = Self::new(Reply::Token(HOUR as i64));
        assert_eq!(world.get().await, "1");
        world
    }

    fn then(&self, reply: Reply) {
        *self.source.default.lock().unwrap() = reply;
    }

    fn requests(&self) -> usize {
        self.source.requests.load(Ordering::SeqCst)
    }

    async fn pass(&self, seconds: u64) {
        self.clock.sleep(Duration::from_secs(seconds)).await;
    }

    /// Lets everybody run who can.
    async fn settle(&self) {
        self.clock.sleep(Duration::from_millis(1)).await;
    }

    async fn try_get(&self) -> Result<String, Failed> {
        self.try_get_key("key").await
    }

    /// As the credential calls it.
    async fn try_get_key(&self, key: &str) -> Result<String, Failed> {
        let token = match self.cache.at_hand(key) {
            Some(token) => token,
            None => self.cache.get(key.to_owned()).await?,
        };
        Ok(token.token.secret().to_owned())
    }

    async fn get(&self) -> String {
        self.try_get().await.unwrap()
    }

    /// The result, and how many seconds the caller waited for it.
    async fn timed(&self) -> (Result<String, Failed>, u64) {
        let start = self.clock.true_time();
        let result = self.try_get().await;
        (result, (self.clock.true_time() - start).as_secs())
    }

    /// Seconds into the life of an hour's token at which it is surely in that stage, whatever the
    /// jitter.
    const USABLE: u64 = 51 * MINUTE;
    const DUE: u64 = 54 * MINUTE;
}

fn served(token: &str) -> (Result<String, Failed>, u64) {
    (Ok(token.to_owned()), 0)
}

// The table.

#[tokio::test(start_paused = true)]
async fn a_fresh_token_is_served_without_a_request() {
    let world = World::with_an_hour().await;
    for _ in 0..40 {
        world.pass(MINUTE).await;
        assert_eq!(world.timed().await, served("1"));
    }
    assert_eq!(world.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_usable_token_is_served_at_once_while_its_successor_is_on_the_way() {
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
async fn a_due_token_gives_way_to_a_successor_that_comes_within_five_seconds() {
    let world = World::with_an_hour().await;
    world.then(outage());
    world.pass(World::DUE).await;
    world.pass(70).await;
    world.then(slow(4, Reply::Token(HOUR as i64)));
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
    assert!(waits.iter().all(|wait| *wait <= 5), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_due_token_is_served_when_its_successor_takes_longer() {
    let world = World::with_an_hour().await;
    world.then(slow(9 * MINUTE, Reply::Token(HOUR as i64)));
    // A suspend: nobody has begun to renew.
    world.clock.suspend(Duration::from_secs(World::DUE));
    let (token, waited) = world.timed().await;
    assert_eq!((token.as_deref(), waited), (Ok("1"), 5));
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
async fn nobody_waits_for_a_successor_beyond_the_life_of_the_token_at_hand() {
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
async fn the_services_wish_to_renew_is_followed_and_never_a_storm() {
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

// Flights.

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_share_one_flight_in_every_state() {
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
            // A suspend: nobody, and no driver, notices until a call comes.
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
async fn a_flight_goes_on_when_the_first_caller_is_cancelled() {
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
async fn a_flight_goes_on_when_all_callers_are_cancelled() {
    let world = World::new(slow(5, Reply::Token(HOUR as i64)));
    for _ in 0..1000 {
        assert!(world.try_get().now_or_never().is_none());
    }
    world.pass(6).await;
    assert_eq!(world.timed().await, served("1"));
    assert_eq!(world.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flight_of_one_key_is_invisible_to_every_other() {
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
async fn a_flight_that_never_ends_is_given_up() {
    let world = World::new(Reply::Never);
    let (result, waited) = world.timed().await;
    assert_eq!(result.unwrap_err().gave_up, Some("took too long"));
    assert_eq!(waited, 140);
}

#[tokio::test(start_paused = true)]
async fn a_flight_that_panics_is_an_error_for_its_callers_and_the_next_one_is_another() {
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
async fn no_more_flights_than_allowed_are_under_way_and_callers_go_before_renewals() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            flights: 2,
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
    // A caller without a token is next, though it comes last.
    let start = world.clock.true_time();
    world.try_get_key("cold").await.unwrap();
    assert_eq!((world.clock.true_time() - start).as_secs(), 19);
    world.pass(30).await;
    assert_eq!(world.requests(), 9);
}

// Renewal ahead of anyone asking.

#[tokio::test(start_paused = true)]
async fn a_key_in_use_is_renewed_before_anybody_has_to_ask() {
    let world = World::with_an_hour().await;
    world.pass(World::USABLE).await;
    assert_eq!(world.requests(), 2);
    assert_eq!(world.timed().await, served("2"));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_nobody_asks_for_in_a_whole_life_is_let_go() {
    let world = World::with_an_hour().await;
    world.pass(5 * HOUR).await;
    // The first token's caller counts; the second had none.
    assert_eq!(world.requests(), 2);
    assert!(read(&world.cache.inner.slots).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_nobody_asks_for_is_not_looked_after_either() {
    let world = World::with_an_hour().await;
    // The second token has no caller of its own.
    world.pass(World::USABLE).await;
    assert_eq!(world.requests(), 2);
    let before = world.clock.timers();
    world.pass(2 * HOUR).await;
    let timers = world.clock.timers() - before;
    assert!(timers < 10, "{timers}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_has_come_back_to_life_is_not_let_go() {
    let world = World::with_an_hour().await;
    let (key, slot) = ("key".to_owned(), world.cache.inner.slot(&"key".to_owned()));
    world.cache.inner.let_go(&key, &slot);
    assert_eq!(world.timed().await, served("1"));
    // Expired, and its successor on the way.
    world.then(slow(5, Reply::Token(HOUR as i64)));
    world.clock.suspend(Duration::from_secs(2 * HOUR));
    assert!(world.try_get().now_or_never().is_none());
    world.cache.inner.let_go(&key, &slot);
    world.pass(6).await;
    assert_eq!(world.timed().await, served("2"));
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
    world.get().await;
    world.try_get_key("other").await.unwrap();
    world.then(Reply::Never);
    assert!(world.try_get_key("in flight").now_or_never().is_none());
    world.settle().await;
    assert_eq!(tasks(), 3);
    let World { cache, source, .. } = world;
    drop(cache);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(tasks(), 0);
    assert_eq!(
        Arc::strong_count(&source),
        1,
        "no flight holds on to what it fetched with"
    );
}

/// What azure_core's bearer token policy does: a token of its own until 5 minutes before expiry; and
/// Event Hubs' authorizer (azure_messaging_eventhubs 0.15): 6 minutes, and up to 5 s more.
#[tokio::test(start_paused = true)]
async fn an_sdk_client_always_finds_a_later_expiry_and_never_waits() {
    for (margin, life) in [
        (5 * MINUTE, HOUR),
        (6 * MINUTE, HOUR),
        (5 * MINUTE, 24 * HOUR),
        (6 * MINUTE + 5, HOUR),
        (6 * MINUTE, 80 * MINUTE),
    ] {
        let world = World::new(slow(2, Reply::Token(life as i64)));
        let mut own = world.cache.get("key".to_owned()).await.unwrap();
        for _ in 0..5 {
            let ask_on = own.expires_on - Duration::from_secs(margin);
            let wait = Duration::try_from(ask_on - world.clock.wall()).unwrap();
            world.clock.sleep(wait).await;
            let start = world.clock.true_time();
            let next = match world.cache.at_hand("key") {
                Some(token) => token,
                None => world.cache.get("key".to_owned()).await.unwrap(),
            };
            assert_eq!(world.clock.true_time(), start, "it waits");
            assert!(next.expires_on > own.expires_on, "no later expiry");
            own = next;
        }
    }
}

// Failures.

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
async fn an_outage_of_an_hour_is_asked_about_every_ten_seconds_at_most_and_found_over() {
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
async fn a_misconfiguration_is_asked_about_once_a_minute_and_found_mended() {
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
async fn a_retry_after_is_kept_to_but_not_beyond_reason() {
    for (asked, tried_again) in [(0, 1), (20, 20), (3600, 30)] {
        let world = World::new(retry_after(asked));
        world.try_get().await.unwrap_err();
        let start = world.clock.true_time();
        while world.requests() == 1 {
            world.pass(1).await;
            world.try_get().await.unwrap_err();
        }
        assert_eq!(
            (world.clock.true_time() - start).as_secs(),
            tried_again,
            "{asked}"
        );
    }
    // While a token is served there is time: five minutes of it.
    let world = World::with_an_hour().await;
    world.then(retry_after(3600));
    world.pass(World::USABLE).await;
    assert_eq!(world.requests(), 2);
    world.pass(5 * MINUTE).await;
    assert_eq!(world.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_first_caller_after_expiry_gets_a_try_of_its_own() {
    let world = World::with_an_hour().await;
    world.then(outage());
    // Renewals have failed for ten minutes, and back off for up to a minute by now.
    world.pass(HOUR - 31).await;
    world.then(slow(3, Reply::Token(HOUR as i64)));
    world.clock.suspend(Duration::from_secs(2));
    let (token, waited) = world.timed().await;
    assert!(token.is_ok(), "{token:?}");
    assert!(waited <= 3, "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_key_makes_at_most_ten_requests_in_five_minutes() {
    // Tokens that are never any good: each call is a request.
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
async fn an_outage_uses_up_no_share_and_whoever_comes_after_it_is_served_within_seconds() {
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
async fn renewals_that_are_refused_leave_requests_to_callers_without_a_token() {
    let world = World::with_an_hour().await;
    world.then(misconfigured());
    world.pass(World::USABLE + 2 * MINUTE).await;
    let spent = world.requests() - 1;
    assert_eq!(spent, 7, "no more than that in five minutes");
    world.clock.suspend(Duration::from_secs(HOUR));
    for more in 1..=3 {
        assert!(world.try_get().await.is_err());
        assert_eq!(world.requests() - 1, spent + more);
        world.pass(4).await;
    }
}

#[tokio::test(start_paused = true)]
async fn once_the_share_is_used_up_callers_are_told_what_the_last_request_met() {
    let world = World::new(Reply::Token(0));
    for _ in 0..9 {
        world.get().await;
    }
    world.then(misconfigured());
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
async fn a_service_that_demands_silence_gets_it_whatever_becomes_of_the_token() {
    let silence = Reply::Fail(Failed {
        silence: Some(Duration::from_secs(300)),
        ..Default::default()
    });
    let world = World::new(Reply::Token(10 * MINUTE as i64));
    world.get().await;
    world.then(silence);
    world.clock.suspend(Duration::from_secs(9 * MINUTE));
    assert_eq!(world.get().await, "1");
    world.settle().await;
    assert_eq!(world.requests(), 2);
    world.clock.suspend(Duration::from_secs(MINUTE));
    for _ in 0..29 {
        world.pass(10).await;
        assert!(world.try_get().await.is_err());
    }
    assert_eq!(world.requests(), 2);
    world.then(Reply::Token(HOUR as i64));
    world.pass(10).await;
    assert!(world.try_get().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_remembered_elsewhere_is_asked_for_again_at_once() {
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

// Clocks.

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_costs_at_most_one_needless_flight() {
    for offsets in [
        &[3600][..],
        &[-3600],
        &[3600, 0],
        &[-3600, 0],
        &[-3600, 3600],
    ] {
        let world = World::with_an_hour().await;
        for offset in offsets {
            let before = world.requests();
            world.pass(MINUTE).await;
            world.clock.set_wall(*offset);
            for _ in 0..100 {
                assert!(world.try_get().await.is_ok());
                world.settle().await;
            }
            assert!(
                world.requests() - before <= 1,
                "{offsets:?}: {}",
                world.requests()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_was_wrong_at_receipt_and_is_corrected_costs_at_most_one_flight() {
    let world = World::new(Reply::Token(HOUR as i64));
    world.clock.set_wall(-3600);
    world.get().await;
    world.clock.set_wall(0);
    for _ in 0..100 {
        assert!(world.try_get().await.is_ok());
        world.settle().await;
    }
    assert!(world.requests() <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_jump_drops_nothing_before_a_flight_has_failed() {
    let world = World::with_an_hour().await;
    world.clock.set_wall(3600);
    world.then(slow(3, outage()));
    let mut call = Box::pin(world.try_get());
    assert!(call.as_mut().now_or_never().is_none());
    // Set right again while the flight is under way.
    world.clock.set_wall(0);
    assert_eq!(world.timed().await, served("1"));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_serves_no_token_past_its_true_life() {
    let world = World::with_an_hour().await;
    world.clock.suspend(Duration::from_secs(2 * HOUR));
    world.then(outage());
    assert!(world.try_get().await.is_err());
    world.then(Reply::Token(HOUR as i64));
    world.pass(2).await;
    assert_eq!(world.get().await, "3");
}

/// Counts how often both clocks are read.
#[derive(Debug)]
struct Counted(Arc<PausedClock>, AtomicUsize);

impl Clock for Counted {
    fn now(&self) -> Moment {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.now()
    }
    fn wall_nanos(&self) -> u64 {
        self.0.now().wall_nanos()
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_costs_one_look_at_one_clock_and_once_a_second_at_both() {
    let world = World::new(Reply::Token(HOUR as i64));
    let clock = Arc::new(Counted(Arc::clone(&world.clock), AtomicUsize::new(0)));
    let source = Arc::new(FromSource(Arc::clone(&world.source)));
    let cache = Cache::new(source, limits(), Arc::clone(&clock) as Arc<dyn Clock>);
    let looks_for = async |milliseconds: &[u64]| {
        let before = clock.1.load(Ordering::SeqCst);
        for pause in milliseconds {
            world.clock.sleep(Duration::from_millis(*pause)).await;
            assert!(cache.at_hand("key").is_some());
        }
        clock.1.load(Ordering::SeqCst) - before
    };
    cache.get("key".to_owned()).await.unwrap();
    world.settle().await;
    assert_eq!(looks_for(&[0]).await, 1);
    assert_eq!(looks_for(&[0, 0, 300, 300, 300]).await, 0);
    assert_eq!(
        looks_for(&[100]).await,
        1,
        "exactly a second is not within it"
    );
    assert_eq!(looks_for(&[1, 998]).await, 0);
    // Set back by a minute: the wall clock alone cannot be believed.
    world.clock.set_wall(-60);
    assert_eq!(looks_for(&[0, 0]).await, 1);

    // Seconds mean something to a short life.
    world.then(Reply::Token(59));
    cache.clear();
    cache.get("key".to_owned()).await.unwrap();
    world.settle().await;
    assert_eq!(looks_for(&[0, 0, 0]).await, 3);
}

// Bounds, and dropping tokens.

#[tokio::test(start_paused = true)]
async fn a_flood_of_one_off_keys_stays_within_the_bound_and_takes_none_in_flight() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            keys: 100,
            ..limits()
        },
    );
    world.source.script.lock().unwrap().insert(
        "in flight".into(),
        [slow(MINUTE, Reply::Token(HOUR as i64))].into(),
    );
    assert!(world.try_get_key("in flight").now_or_never().is_none());
    for n in 0..100_000 {
        world.try_get_key(&n.to_string()).await.unwrap();
        if n % 10_000 == 0 {
            assert!(read(&world.cache.inner.slots).len() <= 100);
        }
    }
    world.pass(MINUTE).await;
    let before = world.requests();
    world.try_get_key("in flight").await.unwrap();
    assert_eq!(world.requests(), before);
}

#[tokio::test(start_paused = true)]
async fn the_expired_go_first_and_then_the_earliest_to_expire() {
    let world = World::with(
        Reply::Token(HOUR as i64),
        Limits {
            keys: 3,
            ..limits()
        },
    );
    let lives = [("short", 90), ("long", HOUR as i64), ("middle", 1800)];
    for (key, life) in lives {
        world
            .source
            .script
            .lock()
            .unwrap()
            .insert(key.into(), [Reply::Token(life)].into());
        world.try_get_key(key).await.unwrap();
    }
    world.try_get_key("new").await.unwrap();
    let kept = |key: &str| world.cache.at_hand(key).is_some();
    assert_eq!(
        (kept("short"), kept("middle"), kept("long"), kept("new")),
        (false, true, true, true)
    );
    world.try_get_key("newer").await.unwrap();
    assert_eq!(
        (kept("middle"), kept("long"), kept("newer")),
        (false, true, true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_dropped_and_its_successor_stays() {
    let world = World::with_an_hour().await;
    let rejected = world.cache.at_hand("key").unwrap();
    world.cache.remove("key", &rejected);
    assert_eq!(world.get().await, "2");
    world.cache.remove("key", &rejected);
    assert_eq!(world.timed().await, served("2"));
}

#[tokio::test(start_paused = true)]
async fn clearing_keeps_nothing_not_even_what_is_on_its_way() {
    let world = World::new(slow(5, Reply::Token(HOUR as i64)));
    let mut waiting = Box::pin(world.try_get());
    assert!(waiting.as_mut().now_or_never().is_none());
    world.cache.clear();
    assert_eq!(waiting.await.as_deref(), Ok("1"));
    assert_eq!(world.get().await, "2");
}

#[tokio::test(start_paused = true)]
async fn clearing_ends_a_back_off_but_no_silence_that_the_service_demanded() {
    for (silence, requests) in [(None, 2), (Some(Duration::from_secs(300)), 1)] {
        let world = World::new(Reply::Fail(Failed {
            silence,
            ..Default::default()
        }));
        assert!(world.try_get().await.is_err());
        world.cache.clear();
        assert!(world.try_get().await.is_err());
        assert_eq!(world.requests(), requests, "{silence:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn clearing_again_and_again_is_no_way_around_the_share_of_requests() {
    let world = World::new(Reply::Token(HOUR as i64));
    for _ in 0..10 {
        world.get().await;
        world.cache.clear();
    }
    let error = world.try_get().await.unwrap_err();
    assert_eq!(error.gave_up, Some("too many requests"));
    assert_eq!(world.requests(), 10);
}

// A token in place of one that was refused.

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_for_all_who_say_so() {
    let world = World::with_an_hour().await;
    let refused = world.cache.at_hand("key").unwrap();
    let replace = || world.cache.replace("key".to_owned(), &refused);
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
    let refused = world.cache.at_hand("key").unwrap();
    for minute in 1..=3 {
        for _ in 0..60 {
            let same = world.cache.replace("key".to_owned(), &refused).await;
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
    let refused = world.cache.at_hand("key").unwrap();
    world.then(outage());
    assert!(
        world
            .cache
            .replace("key".to_owned(), &refused)
            .await
            .is_err()
    );
    assert_eq!(world.timed().await, served("1"));
}
