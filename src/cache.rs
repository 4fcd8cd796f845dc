//! A cache of tokens. It fetches the token of a key once for all callers, renews it before it expires,
//! remembers failures, and keeps a limited number of tokens.
//!
//! It knows neither HTTP nor Azure: the source of tokens and the type of the error are parameters. The
//! rules, in the order in which a call meets them:
//!
//! | the token is | the caller gets | a fetch |
//! |---|---|---|
//! | fresh | this token, at once | none |
//! | usable | this token, at once | begins, unless one is under way or it is too early for the next one |
//! | due, or rejected by a service | the new token, if it arrives within 3 s after the fetch was requested; otherwise this one | the same |
//! | expired or absent | the result of the fetch, or the remembered error at once | the same, one for all callers of the key |
//!
//! Read the modules in this order. [`cached_token`]: a call that finds a fresh token waits for nobody.
//! [`owner`]: for everything else there is one task, which alone decides and fetches. [`event`]: what
//! happens to a key, and what can be decided about it. [`rules`]: how it is decided, one pure function,
//! which uses the [`life`] of a token and the [`pace`] of its requests. [`fetches`]: the requests that are
//! queued or under way. [`schedule`]: when to look at a key again, and which keys are dropped first.
//! [`outage`]: what is logged when fetches fail. [`source`]: what the source of tokens, the keys and the
//! errors have to offer.

mod cached_token;
mod event;
mod fetches;
mod life;
mod outage;
mod owner;
mod pace;
mod rules;
mod schedule;
mod source;

pub(crate) use cached_token::{CachedToken, CachedTokens};
pub(crate) use life::Fetched;
pub(crate) use pace::WINDOW;
pub(crate) use source::{Failure, Fetch, GaveUp, Key, Limits, Report, Request};

use crate::{
    sync::{AtomicU64, Mutex, MutexGuard},
    time::Clock,
    worker::heard_by_caller,
};
use azure_core::credentials::AccessToken;
use futures::channel::oneshot;
use owner::Owner;
use std::{
    fmt, io,
    sync::{Arc, PoisonError, atomic::Ordering},
};
use tokio::sync::mpsc;

/// Tokens by key. Dropping it ends everything that it has started.
pub(crate) struct Cache<K, E> {
    shared: Arc<Shared<K, E>>,
    /// Held to look up or to start the owner. Nothing is sent or dropped under it, and nothing is woken but
    /// the crate's own thread.
    owner: Mutex<Option<Commands<K, E>>>,
}

/// What a cache shares with its owner.
struct Shared<K, E> {
    fetch: Arc<dyn Fetch<K, E>>,
    clock: Arc<dyn Clock>,
    limits: Limits<E>,
    /// Counts the calls of `clear`. A token that was requested before such a call is not found after it.
    epoch: AtomicU64,
}

type Commands<K, E> = mpsc::UnboundedSender<Command<K, E>>;

/// What callers send to the owner.
enum Command<K, E> {
    Get {
        key: K,
        reply: Reply<E>,
    },
    /// A service has rejected this token.
    Replace {
        key: K,
        token: AccessToken,
        reply: Option<Reply<E>>,
    },
    /// Drops the tokens from before the last `clear`.
    Sweep,
    #[cfg(test)]
    Look(Look<K, E>),
}

/// How a test looks at the owner.
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
            owner: Mutex::new(None),
        }
    }

    /// The token, if it is fresh. Nearly every call ends here: one look-up, one look at the clocks, one
    /// copy, and no lock.
    #[inline]
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

    /// A token that replaces a rejected one, or the same token if there is no other one now. The caller
    /// waits for the whole fetch, or for 3 s if the cache had no token before.
    ///
    /// The rejected token stays in the cache until then: other services may accept it.
    pub(crate) async fn replace(&self, key: K, rejected: &AccessToken) -> Result<AccessToken, E> {
        let replace = |reply| Command::Replace {
            key: key.clone(),
            token: rejected.clone(),
            reply: Some(reply),
        };
        self.ask(replace).await
    }

    /// Replaces the token of the key if it is this one. From now on calls get the new token, or the
    /// current one if they have waited too long.
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
        // If there is no thread, the next call returns that error.
        drop(self.send(command));
    }

    /// Drops all tokens and failures. The result of a fetch that is under way is not cached. Callers who
    /// wait for it get it; those who would wait for 3 s at most ask again. The number of requests still
    /// counts, and so does a pause that the service demands.
    pub(crate) fn clear(&self) {
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
        if let Some(commands) = self.commands() {
            // An owner that has ended has nothing to drop.
            drop(commands.send(Command::Sweep));
        }
    }

    async fn ask(&self, command: impl Fn(Reply<E>) -> Command<K, E>) -> Result<AccessToken, E> {
        // The owner can end with its thread: one more try starts a new one.
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
        // One that has ended is dropped after the lock is released.
        let (commands, _ended) = {
            let mut owner = self.lock();
            // Another call may have started it meanwhile.
            match owner.as_ref().filter(|owner| !owner.is_closed()) {
                Some(running) => (running.clone(), None),
                None => {
                    let new = self.start()?;
                    (new.clone(), owner.replace(new))
                }
            }
        };
        // An owner that ends at once drops the command with the reply, which the caller sees.
        drop(commands.send(command));
        Ok(())
    }

    fn start(&self) -> io::Result<Commands<K, E>> {
        let (commands, receiver) = mpsc::unbounded_channel();
        let owner = Owner::new(Arc::clone(&self.shared), receiver).run();
        self.shared.clock.spawn(heard_by_caller(owner))?;
        Ok(commands)
    }

    fn commands(&self) -> Option<Commands<K, E>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Commands<K, E>>> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The result of `look`, after the owner has obeyed all earlier commands.
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

    fn context(&self, next_id: u64) -> event::Context<'_, E> {
        event::Context {
            now: self.clock.now(),
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
