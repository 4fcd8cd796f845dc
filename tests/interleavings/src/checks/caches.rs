//! The cache: its callers, its owner, and what both share.

use super::upstream::{HOUR, Live, NoToken, Responds, lock, stamp};
use azure_core::credentials::AccessToken;
use futures::future::poll_fn;
use shuttle::{future::block_on, thread};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

const KEY: &str = "key";

/// Runs these at the same time, and waits for their ends.
fn at_once<const N: usize>(threads: [Box<dyn FnOnce() + Send>; N]) {
    let threads = threads.map(thread::spawn);
    for thread in threads {
        thread.join().expect("a thread that does not panic");
    }
}

fn get(live: &Live, name: &str) -> Result<AccessToken, NoToken> {
    block_on(live.get(name))
}

/// A call that is cancelled after so many polls, unless it ends before.
fn get_and_give_up(live: &Live, polls: usize) {
    let mut call = Box::pin(live.get(KEY));
    let mut left = polls;
    let call = poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending if left == 0 => Poll::Ready(()),
        Poll::Pending => {
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    });
    block_on(call);
}

/// Drops the cache, and waits for its owner's end.
fn finish(live: Arc<Live>) {
    let (upstream, clocks) = (Arc::clone(&live.upstream), Arc::clone(&live.clocks));
    drop(live);
    Live::join(&clocks);
    assert_eq!(upstream.under_way(), 0, "a request has outlived the cache");
}

pub(super) fn callers_share_one_fetch() {
    let live = Live::new(Responds::WithToken);
    at_once([(); 4].map(|()| -> Box<dyn FnOnce() + Send> {
        let live = Arc::clone(&live);
        Box::new(move || {
            assert_eq!(stamp(&get(&live, KEY).expect("a token")), 0);
            assert!(live.upstream.under_way() <= 1);
            assert!(live.cache.at_hand(&live.tokens, KEY).is_some());
        })
    }));
    assert_eq!(live.upstream.requests.load(Ordering::SeqCst), 1);
    assert_eq!(lock(&live.clocks.tasks).len(), 1, "owners");
    finish(live);
}

pub(super) fn cancelled_callers_leave_no_fetch_behind() {
    let live = Live::new(Responds::WithTokenOrNot);
    let [one, two, three] = [(); 3].map(|()| Arc::clone(&live));
    at_once([
        Box::new(move || get_and_give_up(&one, 0)),
        Box::new(move || get_and_give_up(&two, 3)),
        Box::new(move || {
            let result = get(&three, KEY);
            assert!(matches!(result, Ok(_) | Err(NoToken::Outage)), "{result:?}");
        }),
    ]);
    finish(live);
}

pub(super) fn no_caller_hangs_when_the_owner_ends() {
    let live = Live::new(Responds::WithTokenOrPanics);
    let [one, two, three] = [(); 3].map(|()| Arc::clone(&live));
    let call = |live: Arc<Live>| -> Box<dyn FnOnce() + Send> {
        Box::new(move || {
            let result = get(&live, KEY);
            let is_expected = match &result {
                Ok(_) => true,
                Err(error) => ["ended", "panicked"].map(NoToken::GaveUp).contains(error),
            };
            assert!(is_expected, "{result:?}");
        })
    };
    at_once([
        call(one),
        call(two),
        Box::new(move || {
            // As if the thread of the crate had gone.
            let tasks = std::mem::take(&mut *lock(&three.clocks.tasks));
            for task in tasks {
                task.abort();
            }
            three.cache.clear();
        }),
    ]);
    // The next one starts anew.
    let result = get(&live, KEY);
    assert!(
        !matches!(result, Err(NoToken::GaveUp("ended"))),
        "{result:?}"
    );
    finish(live);
}

pub(super) fn no_call_after_clear_gets_a_token_from_before() {
    let live = Live::new(Responds::WithToken);
    let cleared = Arc::new(AtomicUsize::new(0));
    let call = |live: &Arc<Live>| -> Box<dyn FnOnce() + Send> {
        let (live, cleared) = (Arc::clone(live), Arc::clone(&cleared));
        Box::new(move || {
            for _ in 0..2 {
                let cleared = cleared.load(Ordering::SeqCst);
                let token = get(&live, KEY).expect("a token");
                assert!(stamp(&token) >= cleared, "a token from before the clear");
            }
        })
    };
    let clearing = Arc::clone(&live);
    at_once([
        call(&live),
        call(&live),
        Box::new(move || {
            for _ in 0..2 {
                let number = clearing.upstream.stamp.fetch_add(1, Ordering::SeqCst) + 1;
                clearing.cache.clear();
                cleared.store(number, Ordering::SeqCst);
                thread::yield_now();
            }
        }),
    ]);
    finish(live);
}

pub(super) fn who_rejects_a_token_does_not_get_it_again() {
    let live = Live::new(Responds::WithToken);
    let first = get(&live, KEY).expect("a token");
    let [one, two, three] = [(); 3].map(|()| Arc::clone(&live));
    let rejected = first.clone();
    at_once([
        Box::new(move || {
            one.cache.reject(&one.key(KEY), &rejected);
            let next = get(&one, KEY).expect("a token");
            assert!(next.token != rejected.token, "the rejected token");
        }),
        Box::new(move || {
            let replaced = block_on(two.cache.replace(two.key(KEY), &first));
            assert!(replaced.expect("a token").token != first.token);
        }),
        Box::new(move || {
            // Others are served meanwhile, and afterwards.
            get(&three, KEY).expect("a token");
            three.cache.clear();
            get(&three, KEY).expect("a token");
        }),
    ]);
    finish(live);
}

pub(super) fn nothing_is_left_when_the_cache_is_dropped() {
    let live = Live::new(Responds::Never);
    let [one, two] = [(); 2].map(|()| Arc::clone(&live));
    let clocks = Arc::clone(&live.clocks);
    let upstream = Arc::clone(&live.upstream);
    drop(live);
    at_once([
        Box::new(move || get_and_give_up(&one, 2)),
        Box::new(move || get_and_give_up(&two, 4)),
    ]);
    Live::join(&clocks);
    assert_eq!(upstream.under_way(), 0, "a request has outlived the cache");
}

pub(super) fn nobody_waits_for_ever_or_gets_an_expired_token() {
    let live = Live::new(Responds::WithTokenOrNot);
    let call = |live: &Arc<Live>| -> Box<dyn FnOnce() + Send> {
        let live = Arc::clone(live);
        Box::new(move || {
            for _ in 0..3 {
                let before = live.now();
                if let Ok(token) = get(&live, KEY) {
                    assert!(token.expires_on > before, "an expired token");
                }
            }
        })
    };
    let passing = Arc::clone(&live);
    at_once([
        call(&live),
        call(&live),
        Box::new(move || {
            // Into the time in which it is usable, in which it is due, and beyond.
            for time in [41 * 60, 13 * 60, 10, 10 * 60] {
                passing.clocks.pass(Duration::from_secs(time));
                thread::yield_now();
            }
            passing.clocks.pass(HOUR);
        }),
    ]);
    finish(live);
}

pub(super) fn more_keys_than_places_are_all_served() {
    let live = Live::with(Responds::WithToken, 1);
    at_once(["a", "b", "c"].map(|name| -> Box<dyn FnOnce() + Send> {
        let live = Arc::clone(&live);
        Box::new(move || {
            for _ in 0..3 {
                get(&live, name).expect("a token");
            }
        })
    }));
    // When a call for another key has been answered, the owner has looked at the places before.
    get(&live, "d").expect("a token");
    get(&live, "e").expect("a token");
    let held = ["a", "b", "c", "d"].map(|name| live.cache.at_hand(&live.tokens, name).is_some());
    let held = held.into_iter().filter(|held| *held).count();
    assert!(held <= 1, "{held} tokens in one place");
    finish(live);
}
