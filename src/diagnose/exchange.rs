//! The exchanges of the assertion: at home, as a test, and in the target tenant.

use super::{LONGEST_EXCHANGE, Walk, bounded, clock::Difference, warnings};
use crate::{
    authority::TenantId,
    budget::Budget,
    claims::Claims,
    error::{Error, Stage},
    report::{StepKind, StepOutcome},
    token_endpoint::TokenRequest,
};
use azure_core::credentials::AccessToken;
use std::sync::Arc;

/// The scope for the home tenant. Storage has the same one in every cloud, and is there in every
/// tenant with a subscription, which one with a managed identity has.
const AT_HOME: &str = "https://storage.azure.com/.default";

/// Refusals at home that come before the trust is looked at, or for want of a service principal of
/// the app in the home tenant, which the way to the target tenant does not need.
const NOT_ABOUT_THE_TRUST: [u32; 2] = [7_000_229, 700_016];

impl Walk {
    pub(super) async fn home(&mut self, assertion: Option<&AccessToken>) {
        const KIND: StepKind = StepKind::HomeExchange;
        if !self.options.exchange_at_home {
            return self.found.skipped(KIND, "not asked for");
        }
        let Some(assertion) = assertion else {
            return self.found.skipped(KIND, "there is no identity token");
        };
        let Some(home) = home_of(assertion) else {
            let why = "the assertion does not tell the tenant that it is from";
            return self.found.skipped(KIND, why);
        };
        let request = TokenRequest {
            tenant: home,
            client_id: self.tenant.client_id.clone(),
            scope: AT_HOME.into(),
        };
        let Some(token) = self.exchange(KIND, Ok(request), assertion).await else {
            return;
        };
        let claims = Claims::peek(token.token.secret());
        if claims.is_some_and(|claims| claims.oid.is_none()) {
            self.found.warnings.push(warnings::no_service_principal());
        }
    }

    pub(super) async fn target(&mut self, assertion: Option<&AccessToken>) -> Option<AccessToken> {
        const KIND: StepKind = StepKind::TargetExchange;
        let Some(assertion) = assertion else {
            // A scope that cannot be asked for is known all the same.
            match &self.scope {
                Ok(_) => self.found.skipped(KIND, "there is no identity token"),
                Err(error) => self.found.failed(KIND, None, error),
            }
            return None;
        };
        let request = self.scope.clone().map(|scope| TokenRequest {
            tenant: self.tenant.id.clone(),
            client_id: self.tenant.client_id.clone(),
            scope,
        });
        self.exchange(KIND, request, assertion).await
    }

    /// One exchange, with one request that Entra answers, so that it never adds to a loop.
    async fn exchange(
        &mut self,
        kind: StepKind,
        request: Result<TokenRequest, Error>,
        assertion: &AccessToken,
    ) -> Option<AccessToken> {
        let clock = Arc::clone(&self.exchange.clock);
        let (start, sent) = (clock.monotonic(), clock.wall());
        let assertion = assertion.token.secret();
        let endpoint = &self.exchange.endpoint;
        let asked = async {
            let request = request?;
            let budget = Arc::new(Budget::new(1));
            let answer = endpoint.ask(&request, assertion, budget).await?;
            let difference =
                Difference::of(&answer, sent, clock.wall(), endpoint.authority().origin());
            Ok((difference, endpoint.read(&request, assertion, &answer)))
        };
        let result = bounded(
            clock.as_ref(),
            Stage::TokenEndpoint,
            LONGEST_EXCHANGE,
            asked,
        )
        .await;
        let duration = clock.monotonic().saturating_sub(start);
        let result = result.and_then(|(difference, result)| {
            self.found.difference = self.found.difference.take().or(difference);
            result
        });
        match result {
            Ok(fetched) => {
                let now = clock.wall();
                self.found.came(kind, duration, &fetched.token, now);
                Some(fetched.token)
            }
            Err(error) => {
                let is_inconclusive = error
                    .code()
                    .is_some_and(|code| NOT_ABOUT_THE_TRUST.contains(&code));
                if kind == StepKind::HomeExchange && is_inconclusive {
                    let warning = warnings::refused_at_home(&error);
                    self.found.warnings.push(warning);
                    self.found
                        .ended(kind, StepOutcome::Warning, Some(duration), &error);
                } else {
                    self.found.failed(kind, Some(duration), &error);
                }
                None
            }
        }
    }
}

/// The tenant of an assertion, as far as it is one.
pub(super) fn home_of(assertion: &AccessToken) -> Option<TenantId> {
    let tid = Claims::peek(assertion.token.secret())?.tid?;
    TenantId::parse(&tid).ok().filter(TenantId::is_guid)
}
