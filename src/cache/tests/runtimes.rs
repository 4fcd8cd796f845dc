//! A flight whose runtime ends, stands still, or was never there.

use super::*;
use crate::time::tests::TestClock;
use tokio::runtime::{Builder, Runtime};

fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

/// A world whose only flight was begun, and is driven, on the given runtime.
fn begun_on(runtime: &Runtime, reply: Reply) -> World {
    runtime.block_on(async {
        let world = World::new(reply);
        assert!(world.try_get().now_or_never().is_none());
        tokio::task::yield_now().await;
        world
    })
}

#[test]
fn a_flight_whose_runtime_has_ended_is_replaced_at_once() {
    let first = paused();
    let world = begun_on(&first, Reply::Never);
    drop(first);
    paused().block_on(async {
        world.then(Reply::Token(HOUR as i64));
        assert_eq!(world.timed().await, served("2"));
    });
}

#[test]
fn a_flight_whose_runtime_ends_under_a_waiter_is_replaced_at_once() {
    let first = paused();
    let world = begun_on(&first, Reply::Never);
    paused().block_on(async {
        world.then(Reply::Token(HOUR as i64));
        let mut waiting = Box::pin(world.timed());
        assert!(waiting.as_mut().now_or_never().is_none());
        first.shutdown_background();
        assert_eq!(waiting.await, served("2"));
    });
}

/// Ends the runtime that drives its first flight when somebody else polls it, and then panics as a
/// timer of that runtime would.
struct EndsItsRuntime {
    first: Mutex<Option<Runtime>>,
    polls: Arc<AtomicUsize>,
    then: FromSource,
}

impl Fetch<String, Failed> for Arc<EndsItsRuntime> {
    fn fetch(&self, key: String, meter: Arc<Meter>) -> BoxFuture<'static, Result<Fetched, Failed>> {
        let this = Self::clone(self);
        async move {
            if this.polls.load(Ordering::SeqCst) == 0 {
                std::future::poll_fn(|_| match this.polls.fetch_add(1, Ordering::SeqCst) {
                    0 => std::task::Poll::Pending,
                    _ => std::task::Poll::Ready(()),
                })
                .await;
                this.first
                    .lock()
                    .unwrap()
                    .take()
                    .unwrap()
                    .shutdown_background();
                panic!("as a timer of an ended runtime does, and this test wants");
            }
            this.then.fetch(key, meter).await
        }
        .boxed()
    }

    fn gave_up(&self, why: GaveUp) -> Failed {
        self.then.gave_up(why)
    }
}

#[test]
fn a_timer_that_panics_because_its_runtime_has_ended_fails_nobody() {
    let first = paused();
    let fetch = Arc::new(EndsItsRuntime {
        first: Mutex::default(),
        polls: Arc::default(),
        then: FromSource(paused().block_on(async { World::new(Reply::Token(HOUR as i64)).source })),
    });
    let cache = first.block_on(async {
        let clock = PausedClock::new();
        let cache = Cache::new(Arc::new(Arc::clone(&fetch)), limits(), clock);
        assert!(cache.get("key".to_owned()).now_or_never().is_none());
        cache
    });
    *fetch.first.lock().unwrap() = Some(first);
    let token = paused().block_on(cache.get("key".to_owned())).unwrap();
    assert_eq!(token.token.secret(), "1");
    assert_eq!(fetch.polls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_flight_whose_runtime_stands_still_is_replaced_within_seconds() {
    let parked = paused();
    let world = begun_on(&parked, Reply::Never);
    paused().block_on(async {
        world.then(Reply::Token(HOUR as i64));
        let (token, waited) = world.timed().await;
        assert_eq!(token.as_deref(), Ok("2"));
        assert!(waited <= 5, "{waited}");
    });
    // And when it goes on, what it brings disturbs nobody.
    parked.block_on(world.pass(1));
}

#[test]
fn a_live_runtime_is_not_taken_for_dead_however_slow_its_flight() {
    paused().block_on(async {
        let world = World::new(slow(100, Reply::Token(HOUR as i64)));
        let (token, waited) = world.timed().await;
        assert_eq!((token.as_deref(), waited), (Ok("1"), 100));
    });
}

#[test]
fn a_renewal_whose_runtime_has_ended_is_taken_over_by_the_next_caller() {
    let first = paused();
    let world = first.block_on(async {
        let world = World::with_an_hour().await;
        world.then(Reply::Never);
        world.pass(World::USABLE).await;
        assert_eq!(world.requests(), 2);
        world
    });
    drop(first);
    paused().block_on(async {
        // This runtime's clock begins anew; what the first one's was ahead is made up for.
        world.clock.suspend(Duration::from_secs(World::USABLE));
        world.then(Reply::Token(HOUR as i64));
        assert_eq!(world.get().await, "1");
        world.settle().await;
        assert_eq!(world.get().await, "3");
    });
}

#[test]
fn without_any_runtime_those_who_wait_drive_the_flight() {
    let clock = TestClock::new();
    let shared: Arc<dyn Clock> = Arc::new(Arc::clone(&clock));
    let source = Arc::new(Source {
        script: Mutex::default(),
        default: Mutex::new(Reply::Token(HOUR as i64)),
        requests: AtomicUsize::new(0),
        clock: Arc::clone(&shared),
        start: shared.now(),
    });
    let cache = Cache::new(Arc::new(FromSource(Arc::clone(&source))), limits(), shared);
    let get = || {
        let token = futures::executor::block_on(cache.get("key".to_owned())).unwrap();
        token.token.secret().to_owned()
    };
    assert_eq!(get(), "1");
    // Nobody would bring a renewal home while the caller has its token and goes.
    clock.advance(Duration::from_secs(World::USABLE));
    assert_eq!(get(), "1");
    assert!(
        read(&read(&cache.inner.slots)["key"].state)
            .flight
            .is_none()
    );
    clock.advance(Duration::from_secs(World::DUE - World::USABLE));
    assert_eq!(get(), "2");
    assert_eq!(source.requests.load(Ordering::SeqCst), 2);
}
