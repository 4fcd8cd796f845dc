//! Clocks that jump, and a machine that was suspended.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_costs_at_most_one_needless_fetch() {
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
async fn a_wall_clock_that_was_wrong_at_receipt_and_is_corrected_costs_at_most_one_fetch() {
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
async fn a_wall_clock_jump_drops_nothing_before_a_fetch_has_failed() {
    let world = World::with_an_hour().await;
    world.clock.set_wall(3600);
    world.then(slow(3, outage()));
    let mut call = Box::pin(world.try_get());
    assert!(call.as_mut().now_or_never().is_none());
    // The clock is corrected while the fetch runs.
    world.clock.set_wall(0);
    assert_eq!(world.timed().await, served("1"));
}

#[tokio::test(start_paused = true)]
async fn after_a_suspend_no_expired_token_is_served() {
    let world = World::with_an_hour().await;
    world.clock.suspend(Duration::from_secs(2 * HOUR));
    world.then(outage());
    assert!(world.try_get().await.is_err());
    world.then(Reply::Token(HOUR as i64));
    world.pass(2).await;
    assert_eq!(world.get().await, "3");
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_at_zero_keeps_no_token_alive() {
    let world = World::with_an_hour().await;
    world.clock.set_wall(i64::MIN / 2);
    assert_eq!(world.get().await, "1");
    world.then(Reply::Never);
    world.pass(HOUR).await;
    assert!(world.at_hand("key").is_none());
    assert!(world.try_get().now_or_never().is_none());
}

/// The wall clock was set back, so the token that is fetched next seems to expire an hour earlier.
#[tokio::test(start_paused = true)]
async fn a_renewal_after_the_wall_clock_was_set_back_is_kept() {
    for offset in [-3600, -60] {
        let world = World::with_an_hour().await;
        world.clock.set_wall(offset);
        world.pass(World::USABLE + MINUTE).await;
        assert_eq!(world.requests(), 2, "{offset}");
        assert_eq!(world.timed().await, served("2"), "{offset}");
    }
}

/// Counts the exact reads of the clocks.
#[derive(Debug)]
struct Counted(Arc<PausedClock>, AtomicUsize);

impl Clock for Counted {
    fn now(&self) -> Moment {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.now()
    }
    fn roughly_now(&self) -> Ticks {
        self.0.roughly_now()
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }
    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
        self.0.spawn(task)
    }
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_is_served_without_an_exact_read_of_the_clocks() {
    let mut world = World::new(Reply::Token(HOUR as i64));
    let clock = Arc::new(Counted(Arc::clone(&world.clock), AtomicUsize::new(0)));
    let source = Arc::new(FromSource(Arc::clone(&world.source)));
    world.cache = Cache::new(source, limits(), Arc::clone(&clock) as Arc<dyn Clock>);
    world.get().await;
    let before = clock.1.load(Ordering::SeqCst);
    for _ in 0..100 {
        world.get().await;
    }
    assert_eq!(clock.1.load(Ordering::SeqCst), before);
}
