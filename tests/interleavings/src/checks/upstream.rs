//! A source of tokens, a clock and a key, for caches under Shuttle.

use crate::{
    cache::{Cache, CachedTokens, Failure, Fetch, Fetched, GaveUp, Key, Limits, Report, Request},
    time::{Clock, Moment},
};
use azure_core::{
    credentials::AccessToken,
    time::{Duration as Span, OffsetDateTime},
};
use futures::future::{BoxFuture, FutureExt, poll_fn};
use shuttle::{
    future::{JoinHandle, yield_now},
    rand::{Rng, thread_rng},
};
use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Why there is no token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NoToken {
    /// The service does not respond.
    Outage,
    /// The cache gave up.
    GaveUp(&'static str),
}

impl Failure for NoToken {
    fn is_transient(&self) -> bool {
        true
    }
    fn is_refusal(&self) -> bool {
        false
    }
    fn retry_after(&self) -> Option<Duration> {
        None
    }
    fn silence(&self) -> Option<Duration> {
        None
    }
    fn recalled(&self, _: Duration, _: Duration) -> Self {
        self.clone()
    }
}

#[derive(Clone)]
pub(super) struct Name(Arc<str>, Arc<CachedTokens>);

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Key for Name {
    fn name(&self) -> &Arc<str> {
        &self.0
    }
    fn tokens(&self) -> &CachedTokens {
        &self.1
    }
}

/// How the source responds. Before it does, other threads may run any number of times.
#[derive(Clone, Copy)]
pub(super) enum Responds {
    WithToken,
    WithTokenOrNot,
    WithTokenOrPanics,
    Never,
}

/// The secret of a token is what [`Self::stamp`] was when it was requested, and the number of the request.
pub(super) struct Upstream {
    responds: Responds,
    clock: Arc<Clocks>,
    pub(super) stamp: AtomicUsize,
    pub(super) requests: AtomicUsize,
    under_way: Mutex<HashMap<Arc<str>, usize>>,
}

impl Upstream {
    pub(super) fn under_way(&self) -> usize {
        lock(&self.under_way).values().sum()
    }
}

/// A request that is under way until this is dropped.
struct UnderWay(Arc<Upstream>, Arc<str>);

impl UnderWay {
    fn new(upstream: &Arc<Upstream>, name: &Arc<str>) -> Self {
        let mut under_way = lock(&upstream.under_way);
        let number = under_way.entry(Arc::clone(name)).or_default();
        *number += 1;
        Self(Arc::clone(upstream), Arc::clone(name))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(number) = lock(&self.0.under_way).get_mut(&self.1) {
            *number -= 1;
        }
    }
}

struct FromUpstream(Arc<Upstream>);

impl Fetch<Name, NoToken> for FromUpstream {
    fn fetch(&self, key: Name, request: Request) -> BoxFuture<'static, Result<Fetched, NoToken>> {
        let upstream = Arc::clone(&self.0);
        async move {
            let _under_way = UnderWay::new(&upstream, &key.0);
            let stamp = upstream.stamp.load(Ordering::SeqCst);
            let number = upstream.requests.fetch_add(1, Ordering::SeqCst);
            request.budget.count();
            for _ in 0..thread_rng().gen_range(0..4) {
                yield_now().await;
            }
            match upstream.responds {
                Responds::WithTokenOrNot if thread_rng().r#gen() => return Err(NoToken::Outage),
                Responds::WithTokenOrPanics if thread_rng().r#gen() => {
                    std::panic::resume_unwind(Box::new("as this check wants it to"))
                }
                Responds::Never => return std::future::pending().await,
                _ => {}
            }
            Ok(Fetched {
                token: AccessToken::new(
                    format!("{stamp} {number}"),
                    upstream.clock.wall() + Span::HOUR,
                ),
                refresh_on: None,
            })
        }
        .boxed()
    }

    fn gave_up(&self, why: GaveUp) -> NoToken {
        NoToken::GaveUp(match why {
            GaveUp::Panicked => "panicked",
            GaveUp::TookTooLong => "took too long",
            GaveUp::TooManyRequests(_) => "too many requests",
            GaveUp::NotRenewed(_) => "not renewed",
            GaveUp::QueueStoodStill { .. } => "queue stood still",
            GaveUp::NoThread(_) => "no thread",
            GaveUp::Ended => "ended",
        })
    }

    fn report(&self, _: &Name, _: Report<NoToken>) {}
}

/// Clocks that move when a check moves them, and the tasks that were started with them.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    passed: Mutex<Duration>,
    sleepers: Arc<Mutex<Vec<(Duration, Waker)>>>,
    pub(super) tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Clocks {
    fn now(&self) -> Moment {
        let passed = *lock(&self.passed);
        Moment {
            wall: Duration::from_secs(1_800_000_000) + passed,
            monotonic: HOUR + passed,
        }
    }

    pub(super) fn wall(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + self.now().wall
    }

    pub(super) fn pass(&self, time: Duration) {
        let now = {
            let mut passed = lock(&self.passed);
            *passed += time;
            *passed
        };
        let mut awake = Vec::new();
        lock(&self.sleepers).retain(|(until, waker)| {
            let stays = *until > now;
            if !stays {
                awake.push(waker.clone());
            }
            stays
        });
        awake.into_iter().for_each(Waker::wake);
    }
}

/// It is shared between the cache and the check.
#[derive(Debug)]
struct Shared(Arc<Clocks>);

impl Clock for Shared {
    fn now(&self) -> Moment {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clocks = Arc::clone(&self.0);
        let until = clocks.now().monotonic + duration;
        poll_fn(move |context| {
            if clocks.now().monotonic >= until {
                return Poll::Ready(());
            }
            lock(&clocks.sleepers).push((until - HOUR, context.waker().clone()));
            Poll::Pending
        })
        .boxed()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
        let task = shuttle::future::spawn(task);
        lock(&self.0.tasks).push(task);
        Ok(())
    }
}

/// A cache that is used as the credential uses it.
pub(super) struct Live {
    pub(super) cache: Cache<Name, NoToken>,
    pub(super) tokens: Arc<CachedTokens>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) clocks: Arc<Clocks>,
}

impl Live {
    pub(super) fn new(responds: Responds) -> Arc<Self> {
        Self::with(responds, 100)
    }

    /// With so many places for tokens.
    pub(super) fn with(responds: Responds, tokens: usize) -> Arc<Self> {
        let clocks = Arc::new(Clocks::default());
        let upstream = Arc::new(Upstream {
            responds,
            clock: Arc::clone(&clocks),
            stamp: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            under_way: Mutex::default(),
        });
        let limits = Limits {
            tokens,
            at_once: 2,
            requests: 10,
            fetch: Duration::from_secs(140),
            remembers: |_| true,
            fails_unchanged: false,
        };
        let fetch = Arc::new(FromUpstream(Arc::clone(&upstream)));
        let clock = Arc::new(Shared(Arc::clone(&clocks)));
        Arc::new(Self {
            cache: Cache::new(fetch, limits, clock),
            tokens: Arc::default(),
            upstream,
            clocks,
        })
    }

    pub(super) fn key(&self, name: &str) -> Name {
        Name(name.into(), Arc::clone(&self.tokens))
    }

    pub(super) async fn get(&self, name: &str) -> Result<AccessToken, NoToken> {
        match self.cache.at_hand(&self.tokens, name) {
            Some(token) => Ok(token),
            None => self.cache.get(self.key(name)).await,
        }
    }

    /// Waits for the end of all tasks that the cache has started.
    pub(super) fn join(clocks: &Clocks) {
        let tasks = std::mem::take(&mut *lock(&clocks.tasks));
        for task in tasks {
            // One that was aborted has ended, too.
            let _ = shuttle::future::block_on(task);
        }
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.clocks.wall()
    }
}

/// The stamp in a token.
pub(super) fn stamp(token: &AccessToken) -> usize {
    let (stamp, _) = token.token.secret().split_once(' ').expect("a stamp");
    stamp.parse().expect("a stamp")
}

/// Not a lock of Shuttle's: what the checks count is no step of its own. No call of Shuttle's may be made
/// while it is held, because all threads of Shuttle run on one thread.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
