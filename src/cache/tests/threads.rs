//! Real threads, with the clocks of the machine and this crate's own thread: cancelled callers,
//! runtimes that end, blocked runtimes, no runtime, and all of them at the same time.

use super::*;
use crate::time::SystemClock;
use std::{
    sync::{atomic::AtomicBool, mpsc::channel},
    task::Poll,
    thread,
};
use tokio::runtime::{Builder, Runtime};

/// Returns tokens, but for keys with some names: see `fetch`.
#[derive(Default)]
struct Upstream {
    requests: AtomicUsize,
    under_way: AtomicUsize,
    /// For any key.
    most_for_one: AtomicUsize,
    by_key: Mutex<HashMap<Arc<str>, usize>>,
    /// Keys whose name begins with "held" wait for this.
    release: tokio::sync::Notify,
}

struct FromUpstream(Arc<Upstream>);

struct UnderWay(Arc<Upstream>, Arc<str>);

impl UnderWay {
    fn new(upstream: &Arc<Upstream>, key: &TestKey) -> Self {
        upstream.under_way.fetch_add(1, Ordering::SeqCst);
        let mut by_key = upstream.by_key.lock().unwrap();
        let number = by_key.entry(Arc::clone(&key.name)).or_default();
        *number += 1;
        upstream.most_for_one.fetch_max(*number, Ordering::SeqCst);
        Self(Arc::clone(upstream), Arc::clone(&key.name))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
        *self.0.by_key.lock().unwrap().get_mut(&self.1).unwrap() -= 1;
    }
}

impl Fetch<TestKey, Failed> for FromUpstream {
    fn fetch(&self, key: TestKey, request: Request) -> BoxFuture<'static, Result<Fetched, Failed>> {
        let upstream = Arc::clone(&self.0);
        async move {
            let _under_way = UnderWay::new(&upstream, &key);
            let number = upstream.requests.fetch_add(1, Ordering::SeqCst);
            if key.name.starts_with("stuck") {
                return std::future::pending().await;
            }
            if key.name.starts_with("held") {
                upstream.release.notified().await;
            }
            if key.name.starts_with("silent") {
                let silence = Some(Duration::from_secs(300));
                return Err(Failed {
                    silence,
                    ..Default::default()
                });
            }
            if key.name.starts_with("many waits") {
                for _ in 0..20 {
                    SystemClock.sleep(Duration::ZERO).await;
                }
            }
            if key.name.starts_with("panics on drop") && number == 0 {
                let _panics = PanicsOnDrop;
                return std::future::pending().await;
            }
            tokio::task::yield_now().await;
            request.budget.count();
            let life = azure_core::time::Duration::hours(1);
            Ok(Fetched {
                token: AccessToken::new(number.to_string(), SystemClock.wall() + life),
                refresh_on: None,
            })
        }
        .boxed()
    }

    fn report(&self, _: &TestKey, _: Report<Failed>) {}

    fn gave_up(&self, why: GaveUp) -> Failed {
        Failed {
            gave_up: Some(match why {
                GaveUp::Ended => "ended",
                _ => "other",
            }),
            ..Default::default()
        }
    }
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("a future of the application's that panics when it is dropped, as this test wants");
    }
}

/// A cache that is used as the credential uses it.
#[derive(Clone)]
struct Live {
    cache: Arc<Cache<TestKey, Failed>>,
    tokens: Arc<CachedTokens>,
    upstream: Arc<Upstream>,
}

impl Live {
    fn new(limits: Limits<Failed>) -> Self {
        let upstream = Arc::new(Upstream::default());
        let fetch = Arc::new(FromUpstream(Arc::clone(&upstream)));
        Self {
            cache: Arc::new(Cache::new(fetch, limits, Arc::new(SystemClock))),
            tokens: Arc::default(),
            upstream,
        }
    }

    fn key(&self, name: &str) -> TestKey {
        TestKey {
            name: name.into(),
            tokens: Arc::clone(&self.tokens),
        }
    }

    async fn get(&self, name: &str) -> Result<AccessToken, Failed> {
        match self.cache.at_hand(&self.tokens, name) {
            Some(token) => Ok(token),
            None => self.cache.get(self.key(name)).await,
        }
    }

    /// Starts a call, and cancels it when the owner has received it.
    async fn get_and_give_up(&self, name: &str) {
        let mut call = Box::pin(self.get(name));
        assert!(futures::poll!(&mut call).is_pending());
        self.until_heard().await;
    }

    /// Waits until the owner has processed all messages so far.
    async fn until_heard(&self) {
        self.cache.look(|_| ()).await.unwrap();
    }
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn two_threads() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn cancelled_calls_do_not_block_other_callers() {
    let live = Live::new(limits());
    two_threads().block_on(async {
        for round in 0..5 {
            let calls = (0..300).map(|n| {
                let live = live.clone();
                tokio::spawn(async move { live.get_and_give_up(&format!("stuck {n}")).await })
            });
            join_all(calls).await;
            // There are more of these fetches than can run at the same time.
            live.get(&format!("well {round}")).await.unwrap();
        }
    });
}

#[test]
fn a_queued_fetch_that_nobody_waits_for_is_not_made() {
    let live = Live::new(Limits {
        at_once: 1,
        ..limits()
    });
    one_thread().block_on(async {
        let mut stuck = Box::pin(live.get("held"));
        assert!(futures::poll!(&mut stuck).is_pending());
        for n in 0..100 {
            live.get_and_give_up(&n.to_string()).await;
        }
        live.upstream.release.notify_one();
        stuck.await.unwrap();
        live.get("next").await.unwrap();
        assert_eq!(live.upstream.requests.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_call_during_the_shutdown_of_its_runtime_gets_a_result() {
    let live = Live::new(limits());
    let runtime = two_threads();
    let (go, wait) = channel::<()>();
    let (answered, answer) = channel();
    let handle = runtime.handle().clone();
    let caller = live.clone();
    runtime.spawn_blocking(move || {
        wait.recv().unwrap();
        // Waits until the runtime accepts no more tasks.
        while handle.block_on(handle.spawn(async {})).is_ok() {}
        answered.send(handle.block_on(caller.get("key"))).unwrap();
    });
    go.send(()).unwrap();
    // Waits until the blocking task has ended.
    drop(runtime);
    assert!(answer.recv().unwrap().is_ok());
}

#[test]
fn a_fetch_goes_on_when_the_runtime_of_its_first_caller_ends() {
    let live = Live::new(limits());
    let first = one_thread();
    let caller = live.clone();
    first.spawn(async move { caller.get("held").await });
    first.block_on(async {
        tokio::task::yield_now().await;
        live.until_heard().await;
    });
    drop(first);
    live.upstream.release.notify_one();
    one_thread().block_on(live.get("held")).unwrap();
    assert_eq!(live.upstream.requests.load(Ordering::SeqCst), 1);
}

#[test]
fn a_blocked_runtime_does_not_block_other_callers() {
    let live = Live::new(Limits {
        at_once: 1,
        ..limits()
    });
    let parked = one_thread();
    let call = {
        let mut call = Box::pin(live.get("held"));
        parked.block_on(async { assert!(futures::poll!(&mut call).is_pending()) });
        call
    };
    live.upstream.release.notify_one();
    let token = one_thread().block_on(live.get("held")).unwrap();
    // When the runtime is no longer blocked, its caller gets the same token as the others.
    assert_eq!(parked.block_on(call).unwrap().token, token.token);
    assert_eq!(live.upstream.requests.load(Ordering::SeqCst), 1);
}

#[test]
fn no_runtime_is_needed() {
    let live = Live::new(limits());
    let token = futures::executor::block_on(live.get("key")).unwrap();
    assert_eq!(token.token.secret(), "0");
}

#[test]
fn thousands_of_fetches_of_an_ended_runtime_do_not_block_other_fetches() {
    let live = Live::new(limits());
    let first = one_thread();
    for n in 0..1000 {
        let caller = live.clone();
        first.spawn(async move { caller.get(&format!("stuck {n}")).await });
    }
    first.block_on(async {
        while live.upstream.under_way.load(Ordering::SeqCst) < limits().at_once {
            tokio::task::yield_now().await;
        }
    });
    drop(first);
    one_thread().block_on(live.get("well")).unwrap();
}

#[test]
fn everything_ends_with_the_cache() {
    let live = Live::new(limits());
    let stuck = live.clone();
    let caller = thread::spawn(move || {
        one_thread().block_on(stuck.get_and_give_up("stuck"));
    });
    caller.join().unwrap();
    let upstream = Arc::downgrade(&live.upstream);
    drop(live);
    // The fetch, which never ends, is dropped on this crate's thread.
    while upstream.strong_count() > 0 {
        thread::yield_now();
    }
}

/// The code of the cache itself does not panic. But a panic while a future of the application is
/// dropped ends the task that owns the future.
#[test]
fn an_owner_task_that_panics_is_replaced() {
    let live = Live::new(Limits {
        at_once: 1,
        ..limits()
    });
    one_thread().block_on(async {
        live.get_and_give_up("panics on drop").await;
        // The second fetch starts when the first one is stopped, and the first one panics then.
        live.get("well").await.unwrap();
        live.get("panics on drop").await.unwrap();
    });
}

#[test]
fn a_fetch_goes_on_while_the_owner_always_has_a_call_to_answer() {
    const CALLS: usize = 30;
    let live = Live::new(limits());
    let is_done = Arc::new(AtomicBool::new(false));
    two_threads().block_on(async {
        live.get("silent").await.unwrap_err();
        let callers: Vec<_> = (0..20_000)
            .map(|_| {
                let (live, is_done) = (live.clone(), Arc::clone(&is_done));
                tokio::spawn(async move {
                    let mut calls = 0;
                    while calls < CALLS && !is_done.load(Ordering::SeqCst) {
                        live.get("silent").await.unwrap_err();
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        live.get("many waits").await.unwrap();
        is_done.store(true, Ordering::SeqCst);
        for caller in callers {
            assert!(
                caller.await.unwrap() < CALLS,
                "the fetch has waited for all"
            );
        }
    });
}

/// Whatever many threads and runtimes do, every caller gets a result, and nothing stays in memory.
#[test]
fn after_many_callers_on_many_runtimes_nothing_stays_in_flight() {
    const KEYS: usize = 20;
    let live = Live::new(Limits {
        tokens: 5,
        at_once: 3,
        requests: usize::MAX,
        ..limits()
    });
    thread::scope(|scope| {
        for number in 0..6 {
            let live = &live;
            scope.spawn(move || {
                for round in 0..20 {
                    let runtime = if number % 2 == 0 {
                        one_thread()
                    } else {
                        two_threads()
                    };
                    for n in 0..20 {
                        // The call ends with its runtime, or earlier.
                        let (live, key) = (live.clone(), ((n + round) % KEYS).to_string());
                        runtime.spawn(async move { drop(live.get(&key).await) });
                    }
                    let key = ((number + round) % KEYS).to_string();
                    let token = runtime.block_on(live.get(&key)).unwrap();
                    match round % 5 {
                        0 => live.cache.reject(&live.key(&key), &token),
                        1 => live.cache.clear(),
                        2 => drop(runtime.block_on(live.get(&key)).unwrap()),
                        3 => runtime.block_on(async {
                            let mut call = Box::pin(live.get(&key));
                            let _: Poll<_> = futures::poll!(&mut call);
                        }),
                        _ => {}
                    }
                }
            });
        }
    });
    one_thread().block_on(async {
        for key in 0..KEYS {
            live.get(&key.to_string()).await.unwrap();
        }
        while !live.cache.is_at_rest().await {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(live.upstream.under_way.load(Ordering::SeqCst), 0);
    assert!(live.tokens.all().len() <= 5);
    // After `clear`, a new fetch can run beside the old one, for each of the two.
    assert!(live.upstream.most_for_one.load(Ordering::SeqCst) <= 3);
}
