//! The rules of the cache, one by one. The time is tokio's paused time: it advances when all tasks
//! wait.

mod bounds;
mod clocks;
mod failures;
mod fetching;
mod model;
mod pauses;
mod rejections;
mod renewal;
mod replacing;
mod serving;
mod threads;

use super::*;
use crate::time::{Moment, Ticks, tests::PausedClock};
use azure_core::time::OffsetDateTime;
use futures::future::{BoxFuture, FutureExt, join_all};
use std::{
    collections::{HashMap, VecDeque},
    hash::{Hash, Hasher},
    sync::atomic::AtomicUsize,
    time::Duration,
};
use tokio::sync::Notify;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The response of the token source to a request.
#[derive(Clone, Debug)]
enum Reply {
    /// A token with this life in seconds; a negative number means that it has expired already.
    Token(i64),
    /// The same, with a `refresh_in`.
    Refresh(i64, i64),
    /// A token that expires this number of seconds after the start.
    Until(i64),
    /// The same, and always the same token: IMDS does this all day.
    Same(i64),
    Fail(Failed),
    Panic,
    Never,
    /// Never responds, but makes progress whenever it is notified.
    Progress(Arc<Notify>),
    /// Responds after this number of seconds.
    After(u64, Box<Reply>),
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Failed {
    is_transient: bool,
    is_refusal: bool,
    retry_after: Option<Duration>,
    silence: Option<Duration>,
    recalled: Option<(Duration, Duration)>,
    gave_up: Option<&'static str>,
}

impl Failure for Failed {
    fn is_transient(&self) -> bool {
        self.is_transient
    }
    fn is_refusal(&self) -> bool {
        self.is_refusal
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

/// The service responds with a refusal.
fn refusal() -> Reply {
    Reply::Fail(Failed {
        is_refusal: true,
        ..Default::default()
    })
}

/// There is no response, and there will be none until somebody acts.
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

/// A refusal with which the service demands that no request is sent for 300 s.
fn silence() -> Reply {
    Reply::Fail(Failed {
        is_refusal: true,
        silence: Some(Duration::from_secs(300)),
        ..Default::default()
    })
}

fn slow(seconds: u64, reply: Reply) -> Reply {
    Reply::After(seconds, Box::new(reply))
}

/// A scripted source of tokens. The secret of each token is the number of its request.
struct Source {
    /// The next responses for each key. After them, and for other keys, the default is used.
    script: Mutex<HashMap<String, VecDeque<Reply>>>,
    default: Mutex<Reply>,
    requests: AtomicUsize,
    /// The rejected token that each request names.
    named: Mutex<Vec<Option<String>>>,
    news: Mutex<Vec<News>>,
    clock: Arc<dyn Clock>,
    start: Moment,
}

struct FromSource(Arc<Source>);

impl Source {
    fn hear(&self, report: &Report<Failed>) {
        let news = match report {
            Report::Fails { left, next, .. } => News::Fails {
                left: left.map(|left| left.as_secs()),
                next: next.as_secs(),
            },
            Report::Recovered { after } => News::Recovered(after.as_secs()),
            Report::Evicted { left } => News::Evicted(left.as_secs()),
        };
        self.news.lock().unwrap().push(news);
    }
}

/// The reports to the operator, in seconds.
#[derive(Clone, Debug, PartialEq)]
enum News {
    Fails { left: Option<u64>, next: u64 },
    Recovered(u64),
    Evicted(u64),
}

/// A key of a test world.
#[derive(Clone)]
struct TestKey {
    name: Arc<str>,
    tokens: Arc<CachedTokens>,
}

impl Key for TestKey {
    fn name(&self) -> &Arc<str> {
        &self.name
    }
    fn tokens(&self) -> &CachedTokens {
        &self.tokens
    }
}

impl PartialEq for TestKey {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TestKey {}

impl Hash for TestKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Fetch<TestKey, Failed> for FromSource {
    fn fetch(&self, key: TestKey, request: Request) -> BoxFuture<'static, Result<Fetched, Failed>> {
        let source = Arc::clone(&self.0);
        async move {
            if !request.budget.has_left() {
                return Err(Failed::default());
            }
            let number = source.requests.fetch_add(1, Ordering::SeqCst) + 1;
            let named = request.rejected.as_ref();
            let named = named.map(|rejected| rejected.token.secret().to_owned());
            source.named.lock().unwrap().push(named);
            let mut reply = {
                let mut script = source.script.lock().unwrap();
                script.get_mut(&*key.name).and_then(VecDeque::pop_front)
            }
            .unwrap_or_else(|| source.default.lock().unwrap().clone());
            while let Reply::After(seconds, then) = reply {
                source.clock.sleep(Duration::from_secs(seconds)).await;
                reply = *then;
            }
            if !matches!(&reply, Reply::Fail(error) if !error.is_refusal) {
                request.budget.count();
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
                    let start = OffsetDateTime::UNIX_EPOCH + source.start.wall;
                    let end = start + azure_core::time::Duration::seconds(end);
                    Ok(Fetched {
                        token: token(end),
                        refresh_on: None,
                    })
                }
                Reply::Same(end) => {
                    let start = OffsetDateTime::UNIX_EPOCH + source.start.wall;
                    let end = start + azure_core::time::Duration::seconds(end);
                    Ok(Fetched {
                        token: AccessToken::new("same", end),
                        refresh_on: None,
                    })
                }
                Reply::Fail(error) => Err(error),
                Reply::Panic => panic!("the source panics, as this test wants it to"),
                Reply::Progress(notify) => loop {
                    notify.notified().await;
                },
                Reply::Never | Reply::After(..) => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn report(&self, _: &TestKey, report: Report<Failed>) {
        self.0.hear(&report);
    }

    fn gave_up(&self, why: GaveUp) -> Failed {
        Failed {
            is_transient: true,
            gave_up: Some(match why {
                GaveUp::Panicked => "panicked",
                GaveUp::TookTooLong => "took too long",
                GaveUp::TooManyRequests(_) => "too many requests",
                GaveUp::NotRenewed(_) => "not renewed",
                GaveUp::QueueStoodStill { .. } => "queue stood still",
                GaveUp::NoThread(_) => "no thread",
                GaveUp::Ended => "ended",
            }),
            ..Default::default()
        }
    }
}

struct World {
    cache: Cache<TestKey, Failed>,
    tokens: Arc<CachedTokens>,
    source: Arc<Source>,
    clock: Arc<PausedClock>,
}

fn limits() -> Limits<Failed> {
    Limits {
        tokens: 1000,
        at_once: 64,
        requests: 10,
        fetch: Duration::from_secs(140),
        remembers: |_| true,
        fails_unchanged: false,
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
            named: Mutex::default(),
            news: Mutex::default(),
            clock: Arc::clone(&shared),
            start: shared.now(),
        });
        let cache = Cache::new(Arc::new(FromSource(Arc::clone(&source))), limits, shared);
        Self {
            cache,
            tokens: Arc::default(),
            source,
            clock,
        }
    }

    /// A world that has the token "1", which is valid for an hour.
    async fn with_an_hour() -> Self {
        let world = Self::new(Reply::Token(HOUR as i64));
        assert_eq!(world.get().await, "1");
        world
    }

    fn then(&self, reply: Reply) {
        *self.source.default.lock().unwrap() = reply;
    }

    /// The next responses for a key.
    fn script<const N: usize>(&self, key: &str, replies: [Reply; N]) {
        let mut script = self.source.script.lock().unwrap();
        script.insert(key.to_owned(), replies.into());
    }

    fn requests(&self) -> usize {
        self.source.requests.load(Ordering::SeqCst)
    }

    async fn pass(&self, seconds: u64) {
        self.clock.sleep(Duration::from_secs(seconds)).await;
    }

    /// Lets all tasks run that are ready.
    async fn settle(&self) {
        self.clock.sleep(Duration::from_millis(1)).await;
    }

    /// The rejected token that each request names.
    fn named(&self) -> Vec<Option<String>> {
        self.source.named.lock().unwrap().clone()
    }

    /// Clears the cache after what is asked for now is under way.
    async fn clear_meanwhile(&self) {
        self.settle().await;
        self.cache.clear();
    }

    /// When the source works again, every queued fetch is made, and the number of kept tokens is within
    /// its limit.
    async fn comes_to_rest(&self, tokens: usize) {
        self.then(Reply::Token(HOUR as i64));
        self.pass(400).await;
        assert!(self.cache.is_at_rest().await);
        assert!(self.tokens.all().len() <= tokens);
    }

    async fn try_get(&self) -> Result<String, Failed> {
        self.try_get_key("key").await
    }

    /// Calls the cache as the credential does.
    async fn try_get_key(&self, key: &str) -> Result<String, Failed> {
        Ok(self.token(key).await?.token.secret().to_owned())
    }

    async fn token(&self, key: &str) -> Result<AccessToken, Failed> {
        match self.at_hand(key) {
            Some(token) => Ok(token),
            None => self.cache.get(self.key(key)).await,
        }
    }

    fn at_hand(&self, key: &str) -> Option<AccessToken> {
        self.cache.at_hand(&self.tokens, key)
    }

    fn key(&self, name: &str) -> TestKey {
        TestKey {
            name: name.into(),
            tokens: Arc::clone(&self.tokens),
        }
    }

    /// The number of keys in the owner's memory.
    async fn keys(&self) -> usize {
        self.cache.look(|owner| owner.keys()).await.unwrap_or(0)
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

    /// The age in seconds at which a one-hour token is in that stage, with any jitter.
    const USABLE: u64 = 41 * MINUTE;
    const DUE: u64 = 54 * MINUTE;
}

/// Runs a test whose clock stands still while there is something to do.
fn with_paused_clock(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

fn served(token: &str) -> (Result<String, Failed>, u64) {
    (Ok(token.to_owned()), 0)
}
