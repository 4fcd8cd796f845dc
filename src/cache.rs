//! Tokens by key: fresh, usable, due or expired; one fetch a key; renewal ahead of anyone asking; a
//! memory of failures; bounds.
//!
//! It knows neither HTTP nor Azure: what it fetches, and what an error is, are given. Its rules,
//! in the order in which a call meets them:
//!
//! | the token is | the caller gets | a fetch |
//! |---|---|---|
//! | fresh | it, at once | – |
//! | usable | it, at once | begins, unless one is under way or the pace forbids it |
//! | due, or refused by a service | the new one if it comes within 3 s of being asked for, else this one | the same |
//! | expired or absent | what the fetch brings, or the remembered error at once | the same, one for all callers of the key |
//!
//! Read it in this order: [`cached_token`] is what callers find without waiting for anybody. What they
//! do not find there they ask the [`owner`] for, a task that alone decides. It decides by the [`rules`],
//! one pure function, which use the [`life`] of a token and the [`pace`] of its requests. It has the
//! [`fetches`], a [`schedule`] of times, and an order of [`eviction`].

mod cached_token;
mod eviction;
mod fetches;
mod life;
mod outage;
mod owner;
mod pace;
mod rules;
mod schedule;

pub(crate) use cached_token::{CachedToken, CachedTokens};
pub(crate) use life::Fetched;
pub(crate) use pace::WINDOW;

use crate::{
    budget::Budget,
    time::{Clock, Moment},
    worker::Worker,
};
use azure_core::credentials::AccessToken;
use futures::{
    channel::oneshot,
    future::{BoxFuture, FutureExt},
};
use owner::Owner;
use std::{
    fmt,
    hash::Hash,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;
use tracing::{Dispatch, dispatcher, instrument::WithSubscriber, subscriber::NoSubscriber};

/// Where tokens come from.
pub(crate) trait Fetch<K, E>: Send + Sync {
    fn fetch(&self, key: K, request: Request) -> BoxFuture<'static, Result<Fetched, E>>;
    /// The error of a call that ends without an answer, for a reason of the cache's own.
    fn gave_up(&self, why: GaveUp) -> E;
    /// Something that the operator of the service should hear of, once and not for each call.
    fn report(&self, key: &K, report: Report<'_, E>);
}

/// What an operator should hear of a key.
pub(crate) enum Report<'a, E> {
    /// Fetches fail. This comes once, and then once a minute for as long as it lasts.
    Fails {
        error: &'a E,
        /// For how long there is still a token to be served.
        left: Option<Duration>,
        /// Until the next try.
        next: Duration,
    },
    /// A fetch has succeeded again.
    Recovered { after: Duration },
}

/// What a fetch has to know beside its key.
pub(crate) struct Request {
    /// The requests that it may make.
    pub(crate) budget: Arc<Budget>,
    /// The token that a service has refused, and that this is to replace.
    pub(crate) rejected: Option<AccessToken>,
}

/// What the cache has to know of an error.
pub(crate) trait Failure: Clone + Send + Sync + 'static {
    /// Whether it may pass without anybody mending anything.
    fn is_transient(&self) -> bool;
    /// Whether the service has answered, and said no.
    fn is_refusal(&self) -> bool;
    /// How long the service asked to be left alone.
    fn retry_after(&self) -> Option<Duration>;
    /// How long the service has to be left alone, whatever it costs.
    fn silence(&self) -> Option<Duration>;
    /// The same for a caller who comes `age` later, `next` before the next try.
    fn recalled(&self, age: Duration, next: Duration) -> Self;
}

/// What a token is kept under, and where its readers find it.
pub(crate) trait Key: Clone + Eq + Hash + Send + Sync + 'static {
    fn name(&self) -> &Arc<str>;
    /// Where it is found by its name.
    fn tokens(&self) -> &CachedTokens;
    /// For the log.
    fn tenant(&self) -> &str;
}

/// Why a call ends without an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GaveUp {
    /// The code that was to fetch panicked.
    Panicked,
    /// It took longer than all of its own deadlines together.
    TookTooLong,
    /// The key has had its share of requests; there will be one again after this long.
    TooManyRequests(Duration),
    /// The token at hand is due, and the caller wants none that is not renewed. There is a try again
    /// after this long.
    NotRenewed(Duration),
    /// The queue of fetches has not moved for minutes; so many were queued behind this one.
    QueueStoodStill { queued: usize },
    /// There is no thread to fetch on.
    NoThread(io::ErrorKind),
    /// The task that fetches has ended, twice.
    Ended,
}

/// The bounds and choices of a cache.
#[derive(Clone, Debug)]
pub(crate) struct Limits<E> {
    /// Tokens kept. More may be there while they are asked for.
    pub(crate) tokens: usize,
    /// Fetches under way at once.
    pub(crate) at_once: usize,
    /// Requests for a key that are answered within [`WINDOW`].
    pub(crate) requests: usize,
    /// How long a fetch may take from when it begins; a safeguard beyond the deadlines of what it does.
    pub(crate) fetch: Duration,
    /// Whether a failure is this cache's to remember.
    pub(crate) remembers: fn(&E) -> bool,
    /// Whether callers get an error in place of a due token that could not be renewed.
    pub(crate) fails_unchanged: bool,
}

/// Tokens by key. Dropping it ends all that it has started.
pub(crate) struct Cache<K, E> {
    shared: Arc<Shared<K, E>>,
    /// Held to look up or to start the owner. Nothing is sent, woken or dropped under it.
    link: Mutex<Option<Link<K, E>>>,
}

/// What a cache and its owner both know.
struct Shared<K, E> {
    fetch: Arc<dyn Fetch<K, E>>,
    clock: Arc<dyn Clock>,
    limits: Limits<E>,
    /// Counts the calls of `clear`: what was asked for before one is not found after it.
    epoch: AtomicU64,
}

/// The way to the owner.
struct Link<K, E> {
    commands: mpsc::UnboundedSender<Command<K, E>>,
    /// Keeps the thread on which the owner runs.
    _worker: Option<Arc<Worker>>,
}

/// What callers send to the owner.
enum Command<K, E> {
    Get {
        key: K,
        reply: Reply<E>,
    },
    /// A service has refused this token.
    Replace {
        key: K,
        token: AccessToken,
        reply: Option<Reply<E>>,
    },
    /// Drops what `clear` has made invisible.
    Sweep,
    #[cfg(test)]
    Look(Look<K, E>),
}

/// A look that a test takes at the owner.
#[cfg(test)]
type Look<K, E> = Box<dyn FnOnce(&Owner<K, E>) + Send>;

type Reply<E> = oneshot::Sender<Result<AccessToken, E>>;

impl<K: Key, E: Failure> Cache<K, E> {
    /// Starts nothing.
    pub(crate) fn new(
        fetch: Arc<dyn Fetch<K, E>>,
        limits: Limits<E>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                fetch,
                clock,
                limits,
                epoch: AtomicU64::new(0),
            }),
            link: Mutex::new(None),
        }
    }

    /// The token that can be served at once without anything to be done, if there is one. The way
    /// that nearly every call takes: one look-up, one look at the clocks, one copy, and no lock.
    pub(crate) fn at_hand(&self, tokens: &CachedTokens, name: &str) -> Option<AccessToken> {
        let (now, epoch) = (self.shared.clock.roughly_now(), self.shared.epoch());
        tokens
            .with(name, |token| token.if_fresh(now, epoch))
            .flatten()
    }

    /// The key's token, as the table above says.
    pub(crate) async fn get(&self, key: K) -> Result<AccessToken, E> {
        let get = |reply| Command::Get {
            key: key.clone(),
            reply,
        };
        self.ask(get).await
    }

    /// A token in place of one that was refused; the same one, if no other is to be had now.
    ///
    /// The refused one stays meanwhile: others may find it good.
    pub(crate) async fn replace(&self, key: K, refused: &AccessToken) -> Result<AccessToken, E> {
        let replace = |reply| Command::Replace {
            key: key.clone(),
            token: refused.clone(),
            reply: Some(reply),
        };
        self.ask(replace).await
    }

    /// Has the key's token replaced if it is this one. Calls from now on get the new one, or after a
    /// while of waiting the one that is here.
    pub(crate) fn reject(&self, key: &K, rejected: &AccessToken) {
        // At once, so that the caller's own next call does not find it.
        let mark = |token: &CachedToken| {
            let is_it = token.is(rejected);
            if is_it {
                token.reject();
            }
            is_it
        };
        if key.tokens().with(key.name(), mark) != Some(true) {
            return;
        }
        let command = Command::Replace {
            key: key.clone(),
            token: rejected.clone(),
            reply: None,
        };
        // Without a thread the next call hears of that.
        drop(self.send(command));
    }

    /// Drops all tokens and failures. What is on its way meanwhile serves those who wait for it,
    /// and is not kept. What was asked of a service still counts, and a silence that it demanded
    /// still holds.
    pub(crate) fn clear(&self) {
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
        if let Some(commands) = self.commands() {
            // An owner that has ended has nothing left.
            drop(commands.send(Command::Sweep));
        }
    }

    async fn ask(&self, command: impl Fn(Reply<E>) -> Command<K, E>) -> Result<AccessToken, E> {
        // The owner ends with this cache, and with its thread or runtime: once more is enough.
        for _ in 0..2 {
            let (reply, answer) = oneshot::channel();
            if let Err(error) = self.send(command(reply)) {
                return Err(self.shared.fetch.gave_up(GaveUp::NoThread(error.kind())));
            }
            if let Ok(result) = answer.await {
                return result;
            }
        }
        Err(self.shared.fetch.gave_up(GaveUp::Ended))
    }

    /// Sends a command to the owner, and starts one if there is none.
    fn send(&self, mut command: Command<K, E>) -> io::Result<()> {
        if let Some(commands) = self.commands() {
            match commands.send(command) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::SendError(unsent)) => command = unsent,
            }
        }
        let (ended, commands) = {
            let mut link = self.lock();
            match link.as_ref().filter(|link| !link.commands.is_closed()) {
                // Another call has started it meanwhile.
                Some(link) => (None, link.commands.clone()),
                None => {
                    let new = self.start()?;
                    let commands = new.commands.clone();
                    (link.replace(new), commands)
                }
            }
        };
        drop(ended);
        // One that ends at once drops the command, and with it the reply, which its caller sees.
        drop(commands.send(command));
        Ok(())
    }

    fn start(&self) -> io::Result<Link<K, E>> {
        let (commands, receiver) = mpsc::unbounded_channel();
        let owner = Owner::new(Arc::clone(&self.shared), receiver).run();
        // A subscriber of the calling thread alone is to hear of what is done for it.
        let subscriber = dispatcher::get_default(Dispatch::clone);
        let owner = match subscriber.is::<NoSubscriber>() {
            true => owner.boxed(),
            false => owner.with_subscriber(subscriber).boxed(),
        };
        Ok(Link {
            commands,
            _worker: self.shared.clock.spawn(owner)?,
        })
    }

    fn commands(&self) -> Option<mpsc::UnboundedSender<Command<K, E>>> {
        self.lock().as_ref().map(|link| link.commands.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Link<K, E>>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `look` makes of the owner, once it has done all that it was told before.
    #[cfg(test)]
    async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Owner<K, E>) -> R + Send + 'static,
    ) -> Option<R> {
        let (reply, answer) = oneshot::channel();
        let look = Command::Look(Box::new(move |owner| drop(reply.send(look(owner)))));
        self.commands()?.send(look).ok()?;
        answer.await.ok()
    }

    /// Whether nothing is under way.
    #[cfg(test)]
    pub(crate) async fn is_at_rest(&self) -> bool {
        self.look(Owner::is_at_rest).await.unwrap_or(true)
    }
}

impl<K, E> Shared<K, E> {
    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    fn context(&self, now: Moment, next_id: u64) -> rules::Context<'_, E> {
        rules::Context {
            now,
            epoch: self.epoch(),
            next_id,
            limits: &self.limits,
        }
    }
}

impl<K, E> fmt::Debug for Cache<K, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
