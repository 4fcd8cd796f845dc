//! Counts the requests to the host's identity endpoint and to Entra.

use async_trait::async_trait;
use azure_core::http::{
    ClientOptions, Context, Request,
    policies::{Policy, PolicyResult},
};
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The requests of both legs.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    identity: Arc<Leg>,
    token: Arc<Leg>,
}

#[derive(Debug, Default)]
struct Leg {
    in_flight: AtomicUsize,
    /// By status. Held for a count only.
    ended: Mutex<BTreeMap<String, u64>>,
}

impl Upstream {
    /// Options for requests to Entra, and for those to the identity endpoint.
    pub(crate) fn client_options(&self) -> (ClientOptions, ClientOptions) {
        let counted = |leg: &Arc<Leg>| ClientOptions {
            per_try_policies: vec![Arc::new(Counted(Arc::clone(leg)))],
            ..Default::default()
        };
        (counted(&self.token), counted(&self.identity))
    }

    pub(super) fn write(&self, text: &mut String) {
        let legs = [("identity", &self.identity), ("token", &self.token)];
        let name = "cross_tenant_identity_upstream_requests_in_flight";
        let _ = writeln!(
            text,
            "# HELP {name} Requests to the identity endpoint of the host, and to the token endpoint of Entra.\n# TYPE {name} gauge"
        );
        for (leg, counts) in legs {
            let count = counts.in_flight.load(Ordering::Relaxed);
            let _ = writeln!(text, "{name}{{leg=\"{leg}\"}} {count}");
        }
        let name = "cross_tenant_identity_upstream_requests_total";
        let _ = writeln!(
            text,
            "# HELP {name} The same, by the status of their response.\n# TYPE {name} counter"
        );
        for (leg, counts) in legs {
            let ended = counts.ended.lock().unwrap_or_else(PoisonError::into_inner);
            for (status, count) in ended.iter() {
                let _ = writeln!(text, "{name}{{leg=\"{leg}\",status=\"{status}\"}} {count}");
            }
        }
    }
}

#[derive(Debug)]
struct Counted(Arc<Leg>);

/// Ends also with a request that is dropped.
struct InFlight<'a>(&'a Leg);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Policy for Counted {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let Some((first, rest)) = next.split_first() else {
            return Err(crate::rest::other("there is no transport".to_owned()));
        };
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        let in_flight = InFlight(&self.0);
        let response = first.send(context, request, rest).await;
        drop(in_flight);
        let status = match &response {
            Ok(response) => u16::from(response.status()).to_string(),
            Err(_) => "none".to_owned(),
        };
        let mut ended = self.0.ended.lock().unwrap_or_else(PoisonError::into_inner);
        *ended.entry(status).or_default() += 1;
        drop(ended);
        response
    }
}
