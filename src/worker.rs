//! The thread on which tokens are fetched and renewed.
//!
//! The crate has a thread of its own. So a fetch goes on when a runtime of the application ends or is not
//! polled, and works without any runtime. There is one thread for the process. It starts with the first
//! fetch, and stays: connections that a transport keeps live on its runtime, and the transport may be used
//! by the next credential, too. Without tasks it waits, and costs its stack.

use futures::future::{BoxFuture, FutureExt};
use std::{
    future::pending,
    io,
    sync::{Mutex, PoisonError},
    thread,
};
use tokio::runtime::{Builder, Handle};
use tracing::{Dispatch, dispatcher, instrument::WithSubscriber, subscriber::NoSubscriber};

/// The runtime of the thread. Held while it is looked up or started, so that two who need it at once
/// start one. Nothing of the application's runs under it.
static RUNTIME: Mutex<Option<Handle>> = Mutex::new(None);

/// Runs a task on the crate's thread, which starts with the first task.
///
/// # Errors
///
/// When the operating system gives no thread.
pub(crate) fn spawn(task: BoxFuture<'static, ()>) -> io::Result<()> {
    let runtime = {
        let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
        match &*runtime {
            Some(runtime) => runtime.clone(),
            None => runtime.insert(start()?).clone(),
        }
    };
    drop(runtime.spawn(task));
    Ok(())
}

fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("cross-tenant-identity".to_owned())
        .spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(handle)
}

/// The task with the subscriber of the calling thread, which also gets the events of the task.
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

    fn thread_of_a_task() -> thread::ThreadId {
        let (sender, receiver) = std::sync::mpsc::channel();
        let task = async move { sender.send(thread::current().id()).unwrap() };
        spawn(task.boxed()).unwrap();
        receiver.recv().unwrap()
    }

    #[test]
    fn all_tasks_run_on_one_thread_which_stays() {
        let callers: Vec<_> = (0..16).map(|_| thread::spawn(thread_of_a_task)).collect();
        let threads: Vec<_> = callers.into_iter().map(|it| it.join().unwrap()).collect();
        let later = thread_of_a_task();
        assert!(threads.iter().all(|it| *it == later));
        assert_ne!(later, thread::current().id());
    }
}
