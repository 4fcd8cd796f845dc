//! The path of a token: an assertion, and the token request with it.

use crate::{
    assertion::AssertionSource,
    budget::Budget,
    cache::{Fetch, Fetched, GaveUp, Report, Request},
    error::{Error, Stage},
    tenants::TokenKey,
    time::Clock,
    token_endpoint::{TokenEndpoint, TokenRequest},
};
use azure_core::credentials::AccessToken;
use futures::future::{BoxFuture, FutureExt};
use std::sync::Arc;
use tracing::{Instrument, debug, debug_span, info, warn};

/// Gets an assertion and exchanges it for a token. A fetch holds this, and no reference to the
/// cache.
pub(crate) struct Exchange {
    pub(crate) assertion: AssertionSource,
    pub(crate) endpoint: TokenEndpoint,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The token source of the cache.
pub(super) struct FromEntra(pub(super) Arc<Exchange>);

impl Fetch<TokenKey, Error> for FromEntra {
    fn fetch(&self, key: TokenKey, request: Request) -> BoxFuture<'static, Result<Fetched, Error>> {
        let exchange = Arc::clone(&self.0);
        let span = debug_span!(
            "exchange",
            tenant_id = %key.tenant.id,
            client_id = %key.tenant.client_id,
            scope = %key.scope
        );
        async move { exchange.token(&key, &request.budget).await }
            .instrument(span)
            .boxed()
    }

    fn gave_up(&self, why: GaveUp) -> Error {
        Error::gave_up(Stage::TokenEndpoint, why)
    }

    fn report(&self, key: &TokenKey, report: Report<Error>) {
        let (tenant_id, client_id) = (&key.tenant.id, &key.tenant.client_id);
        match report {
            Report::Fails { error, left, next } => warn!(
                %tenant_id,
                %client_id,
                scope = %key.scope,
                error.type = error.kind_for_log(),
                token_left_s = left.map(|left| left.as_secs()),
                next_try_s = next.as_secs(),
                "{}: {error}",
                match left {
                    Some(_) => "the access token cannot be renewed",
                    None => "there is no access token",
                },
            ),
            Report::Recovered { after } => info!(
                %tenant_id,
                %client_id,
                scope = %key.scope,
                outage_s = after.as_secs(),
                "there is a new access token again"
            ),
            Report::Evicted { left } => debug!(
                %tenant_id,
                %client_id,
                scope = %key.scope,
                token_left_s = left.as_secs(),
                "an access token was dropped: more are in use than max_cached_tokens"
            ),
        }
    }
}

impl Exchange {
    pub(super) fn new(
        assertion: AssertionSource,
        endpoint: TokenEndpoint,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            assertion,
            endpoint,
            clock,
        }
    }

    async fn token(&self, key: &TokenKey, budget: &Arc<Budget>) -> Result<Fetched, Error> {
        let start = self.clock.monotonic();
        let assertion = self.assertion.assertion().await?;
        let duration = self.clock.monotonic().saturating_sub(start);
        debug!(
            duration_ms = duration.as_millis() as u64,
            "client assertion ready"
        );
        let refusal = match self.ask(key, &assertion, budget).await {
            Err(error) if error.is_about_the_assertion() => error,
            result => return result,
        };
        // The time or the signature of the assertion was refused. A second try makes sense only
        // with a different assertion. If there is none, the refusal is the more useful error.
        match self.assertion.replace(&assertion).await {
            Ok(other) if other.token != assertion.token => self.ask(key, &other, budget).await,
            _ => Err(refusal),
        }
    }

    async fn ask(
        &self,
        key: &TokenKey,
        assertion: &AccessToken,
        budget: &Arc<Budget>,
    ) -> Result<Fetched, Error> {
        let asked = TokenRequest {
            tenant: key.tenant.id.clone(),
            client_id: key.tenant.client_id.clone(),
            scope: Arc::clone(&key.scope),
        };
        let start = self.clock.monotonic();
        let result = self
            .endpoint
            .exchange(&asked, assertion.token.secret(), Arc::clone(budget))
            .await;
        let duration_ms = self.clock.monotonic().saturating_sub(start).as_millis() as u64;
        match &result {
            Ok(issued) => {
                info!(
                    tenant_id = %key.tenant.id,
                    client_id = %key.tenant.client_id,
                    scope = %key.scope,
                    expires_on = %issued.token.expires_on,
                    duration_ms,
                    "new access token"
                );
            }
            Err(error) => debug!(
                duration_ms,
                error.type = error.kind_for_log(),
                %error,
                "the token endpoint gave no token"
            ),
        }
        result
    }
}
