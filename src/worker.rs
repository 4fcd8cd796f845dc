//! The thread on which tokens are fetched and renewed.
//!
//! The crate has a thread of its own. So a fetch goes on when a runtime of the application ends or is not
//! polled, and works without any runtime. There is one thread for the process: it starts with the first
//! fetch, and ends when no credential needs it any more.

use futures::{
    channel::oneshot,
    future::{BoxFuture, FutureExt},
};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
};
use tokio::runtime::{Builder, Handle};
use tracing::{Dispatch, dispatcher, instrument::WithSubscriber, subscriber::NoSubscriber};

/// A handle of the thread. Dropping the last handle ends it.
#[derive(Debug)]
pub(crate) struct Worker {
    handle: Handle,
    /// Dropped with this, which ends the thread.
    _stop: oneshot::Sender<()>,
}

/// Held while the thread is looked up or started, so that two who need it first start one. Nothing
/// of the application's runs under it.
static CURRENT: Mutex<Weak<Worker>> = Mutex::new(Weak::new());

impl Worker {
    /// The process's worker; starts it if there is none.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub(crate) fn shared() -> io::Result<Arc<Self>> {
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = current.upgrade() {
            return Ok(worker);
        }
        let worker = Arc::new(Self::start()?);
        *current = Arc::downgrade(&worker);
        Ok(worker)
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }

    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("cross-tenant-identity".to_owned())
            .spawn(move || {
                // The error means that the sender was dropped, which is what this waits for.
                let _ = runtime.block_on(stopped);
                // A plain drop would wait for a DNS query that is still under way.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }
}

/// The task with the subscriber of the calling thread, which is to hear of what is done for it.
pub(crate) fn heard_by_caller(
    task: impl Future<Output = ()> + Send + 'static,
) -> BoxFuture<'static, ()> {
    let subscriber = dispatcher::get_default(Dispatch::clone);
    match subscriber.is::<NoSubscriber>() {
        true => task.boxed(),
        false => task.with_subscriber(subscriber).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_need_it_at_once_share_one_thread() {
        let threads: Vec<_> = (0..16)
            .map(|_| thread::spawn(|| Worker::shared().unwrap()))
            .collect();
        let workers: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert!(workers.iter().all(|it| Arc::ptr_eq(it, &workers[0])));
    }

    #[test]
    fn the_thread_ends_with_the_last_who_needs_it_and_drops_its_tasks() {
        let worker = Worker::start().unwrap();
        let (held, dropped) = std::sync::mpsc::channel::<()>();
        worker.spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        drop(worker);
        // Returns once the task, which never ends by itself, has been dropped.
        assert!(dropped.recv().is_err());
    }
}
