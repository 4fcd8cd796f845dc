//! A walk along the way of a token, step by step, beside the cache.

mod clock;
mod exchange;
mod found;
mod resource;
mod warnings;

use crate::{
    cache::GaveUp,
    claims::Claims,
    credential::{CrossTenantManagedIdentityCredential, Exchange, only_scope},
    error::{Error, Stage},
    report::{About, Report, ReportStep, StepKind, StepOutcome},
    tenants::Tenant,
    time::{Clock, timeout},
    worker::heard_by_caller,
};
use azure_core::credentials::AccessToken;
use exchange::home_of;
use found::Found;
use futures::{
    channel::oneshot,
    future::{Either, FutureExt, select},
};
use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};
use tracing::{Instrument, debug_span};

/// Options for [`diagnose`](CrossTenantManagedIdentityCredential::diagnose).
///
/// ```
/// use cross_tenant_identity::DiagnoseOptions;
///
/// let options = DiagnoseOptions {
///     exchange_at_home: true,
///     resource_url: Some(
///         "https://management.azure.com/subscriptions?api-version=2022-12-01".into(),
///     ),
///     ..Default::default()
/// };
/// ```
#[derive(Clone, Debug, Default)]
pub struct DiagnoseOptions {
    /// Whether to exchange the assertion in the home tenant, too, for a token of Azure Storage. It
    /// tests the trust by itself: whether the app takes the identity, without the target tenant.
    /// The home tenant is the assertion's `tid`; an assertion that is not Microsoft Entra's has none.
    ///
    /// It is a test that can be inconclusive: the home tenant needs a service principal of the app
    /// for it, which the way to the target tenant does not. Default: no.
    pub exchange_at_home: bool,

    /// A resource to be called with the token, by a GET request that goes the way of
    /// `client_options`. The token is sent to it, so it has to be https, or on this machine. Of a success
    /// the body is not read.
    ///
    /// Default: none.
    pub resource_url: Option<String>,
}

impl CrossTenantManagedIdentityCredential {
    /// Walks the way of a token for these scopes and reports each step with its time, the claims of
    /// its token, and what a failure means: the host, the identity token, the exchange in the home
    /// tenant (if asked for), the exchange in the target tenant, a call on a resource (if asked for),
    /// and the clock.
    ///
    /// It always returns a report: bad scopes or options are a failed step in it.
    ///
    /// It works beside a credential that is in use: it makes requests of its own, one for the
    /// identity token and one for each exchange, with the tries and deadlines that they always
    /// have. It is not served from the cache and puts nothing into it; no token is dropped, and no
    /// back-off is begun or ended. But IMDS and Entra limit how often they are asked, so do not call
    /// this in a loop. A source given to [`with_assertion`](Self::with_assertion) is asked as for an
    /// exchange, and may keep an assertion of its own.
    ///
    /// It ends within 80 s for the identity token and 35 s for each of the others. Dropping the
    /// future ends it at once.
    ///
    /// ```
    /// use cross_tenant_identity::{
    ///     CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
    ///     DiagnoseOptions, ManagedIdentityAssertionOptions, Actor, StepKind, UserAssignedId,
    /// };
    /// use cross_tenant_identity_emulator::{CredentialSettings, Emulator, Step};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # futures::executor::block_on(async {
    /// // Litware has not provisioned Contoso's app yet.
    /// let azure = Emulator::start()?;
    /// let scenario = azure.create_scenario_without(Step::ServicePrincipal);
    /// # let CredentialSettings { tenant_id, client_id, identity_client_id, client_options, identity_client_options } = azure.credential_settings(&scenario);
    /// # let options = CrossTenantManagedIdentityCredentialOptions {
    /// #     client_options,
    /// #     managed_identity: ManagedIdentityAssertionOptions {
    /// #         user_assigned_id: Some(UserAssignedId::ClientId(identity_client_id)),
    /// #         imds_endpoint: Some("http://169.254.169.254".into()),
    /// #         client_options: identity_client_options,
    /// #         ..Default::default()
    /// #     },
    /// #     ..Default::default()
    /// # };
    /// let credential =
    ///     CrossTenantManagedIdentityCredential::new(&tenant_id, &client_id, Some(options))?;
    ///
    /// let report = credential
    ///     .diagnose(
    ///         &["https://management.azure.com/.default"],
    ///         Some(DiagnoseOptions { exchange_at_home: true, ..Default::default() }),
    ///     )
    ///     .await;
    ///
    /// println!("{report}");
    /// let failed = report.failed_step().expect("a step is missing");
    /// assert_eq!(failed.kind(), StepKind::TargetExchange);
    /// assert_eq!(report.who(), Some(Actor::TargetAdministrator));
    /// println!("Please send this to Litware:\n{}", report.part_for(Actor::TargetAdministrator));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn diagnose(&self, scopes: &[&str], options: Option<DiagnoseOptions>) -> Report {
        let exchange = Arc::clone(self.exchange());
        let tenant = Arc::clone(self.tenant());
        let clock = Arc::clone(&exchange.clock);
        let about = About {
            started_at: clock.wall(),
            authority: exchange.endpoint.authority().origin().to_owned(),
            client_id: tenant.client_id.as_str().to_owned(),
            target_tenant: tenant.id.as_str().to_owned(),
            home_tenant: None,
            scopes: scopes
                .iter()
                .map(|scope| crate::redact::excerpt(scope.as_bytes(), &[]))
                .collect(),
        };
        let span = debug_span!("diagnose", tenant_id = %tenant.id, client_id = %tenant.client_id);
        let walk = Walk {
            scope: only_scope(scopes),
            options: options.unwrap_or_default(),
            found: Found::default(),
            exchange,
            tenant,
        };
        let lost = about.clone();
        let (mut reply, answer) = oneshot::channel();
        // Where all requests run, so that the caller needs no runtime.
        let task = async move {
            let walked = {
                let walked = pin!(walk.finish(about).boxed());
                match select(walked, reply.cancellation()).await {
                    Either::Left((report, _)) => Some(report),
                    // The caller has gone.
                    Either::Right(_) => None,
                }
            };
            if let Some(report) = walked {
                // The caller may have gone in this moment.
                drop(reply.send(report));
            }
        };
        let spawned = clock.spawn(heard_by_caller(task.instrument(span)));
        let why = match spawned {
            Err(error) => GaveUp::NoThread(error.kind()),
            Ok(()) => match answer.await {
                Ok(report) => return report,
                Err(oneshot::Canceled) => GaveUp::Ended,
            },
        };
        let mut found = Found::default();
        found.failed(StepKind::Host, None, &Error::gave_up(Stage::Assertion, why));
        found.into_report(lost, Duration::ZERO)
    }
}

/// A walk, and what it takes along.
struct Walk {
    exchange: Arc<Exchange>,
    tenant: Arc<Tenant>,
    scope: Result<Arc<str>, Error>,
    options: DiagnoseOptions,
    found: Found,
}

/// The cache gives an identity request as long; its own deadline is 75 s.
const LONGEST_ASSERTION: Duration = Duration::from_secs(80);

/// A margin to the 30 s that the leg to Entra has for all tries.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(35);

impl Walk {
    async fn finish(mut self, mut about: About) -> Report {
        let clock = Arc::clone(&self.exchange.clock);
        let start = clock.monotonic();
        self.host();
        let assertion = self.assertion().await;
        about.home_tenant = assertion
            .as_ref()
            .and_then(home_of)
            .map(|it| it.to_string());
        self.home(assertion.as_ref()).await;
        let token = self.target(assertion.as_ref()).await;
        self.resource(token.as_ref()).await;
        self.found.clock();
        let duration = clock.monotonic().saturating_sub(start);
        self.found.into_report(about, duration)
    }

    fn host(&mut self) {
        let summary = match self.exchange.assertion.chosen() {
            Some(chosen) => {
                self.found.warnings.extend(warnings::of_host(chosen));
                let (kind, origin) = (chosen.host.kind(), chosen.host.origin());
                format!("{kind} at {origin}: {}", chosen.why)
            }
            None => "none: the application gives a source of assertions of its own".to_owned(),
        };
        let step = ReportStep::new(StepKind::Host, StepOutcome::Ok, summary);
        self.found.steps.push(step);
    }

    async fn assertion(&mut self) -> Option<AccessToken> {
        let clock = Arc::clone(&self.exchange.clock);
        let start = clock.monotonic();
        let asked = self.exchange.assertion.fresh();
        let result = bounded(clock.as_ref(), Stage::Assertion, LONGEST_ASSERTION, asked).await;
        let duration = clock.monotonic().saturating_sub(start);
        match result {
            Ok(token) => {
                let now = clock.wall();
                let claims = Claims::peek(token.token.secret());
                let warnings = warnings::of_assertion(
                    &token,
                    claims.as_ref(),
                    now,
                    &self.tenant.id,
                    self.exchange.assertion.chosen(),
                );
                self.found.warnings.extend(warnings);
                self.found.came(StepKind::Assertion, duration, &token, now);
                Some(token)
            }
            Err(error) => {
                self.found
                    .failed(StepKind::Assertion, Some(duration), &error);
                None
            }
        }
    }
}

/// The result of work that may be the application's own code: it may stand still or panic.
async fn bounded<T>(
    clock: &dyn Clock,
    stage: Stage,
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let work = timeout(clock, limit, work);
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Some(result)) => result,
        Ok(None) => Err(Error::gave_up(stage, GaveUp::TookTooLong)),
        Err(_panic) => Err(Error::gave_up(stage, GaveUp::Panicked)),
    }
}

#[cfg(test)]
mod tests;
