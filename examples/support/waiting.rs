//! Says on a terminal what is waited for, when a response takes long.

use super::output;
use async_trait::async_trait;
use azure_core::http::{
    ClientOptions, Context, Request,
    policies::{Policy, PolicyResult},
};
use std::{
    io::{self, IsTerminal},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time;

const LONG: Duration = Duration::from_secs(2);

/// The request that is on its way. All clones share it.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<Mutex<Option<Progress>>>);

/// The last request, and whether it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Progress {
    /// The service and its address.
    service: String,
    is_over: bool,
}

impl Waiting {
    /// The options of a client of `service`, whose requests are seen from now on.
    pub fn watch(&self, mut options: ClientOptions, service: &'static str) -> ClientOptions {
        options.per_try_policies.push(Arc::new(Watch {
            service,
            waiting: self.clone(),
        }));
        options
    }

    /// Waits for `work`. After two seconds, and then whenever something else is waited for, it says
    /// so.
    #[allow(
        clippy::disallowed_methods,
        reason = "a person waits, and no rule depends on it"
    )]
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        if !io::stderr().is_terminal() {
            return work.await;
        }
        let mut work = pin!(work);
        let mut said = String::new();
        loop {
            if let Ok(result) = time::timeout(LONG, &mut work).await {
                return result;
            }
            let text = self.describe();
            if text != said {
                output::note(&text);
                said = text;
            }
        }
    }

    fn describe(&self) -> String {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            None => "Waiting for the first request ...".to_owned(),
            Some(last) if last.is_over => {
                format!(
                    "The request to {} failed. Waiting to try again ...",
                    last.service
                )
            }
            Some(last) => format!("Waiting for a response from {} ...", last.service),
        }
    }

    fn set(&self, progress: Progress) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }
}

#[derive(Debug)]
struct Watch {
    service: &'static str,
    waiting: Waiting,
}

#[async_trait]
impl Policy for Watch {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        // Only the origin: path and query can hold secrets.
        let origin = request.url().origin().ascii_serialization();
        let service = format!("{} at {origin}", self.service);
        self.waiting.set(Progress {
            service: service.clone(),
            is_over: false,
        });
        let result = match next.split_first() {
            Some((first, rest)) => first.send(context, request, rest).await,
            None => Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Other,
                "the pipeline has no transport",
            )),
        };
        self.waiting.set(Progress {
            service,
            is_over: true,
        });
        result
    }
}
