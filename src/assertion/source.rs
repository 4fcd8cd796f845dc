//! Where a credential gets its assertions: the managed identity, or a source that the user gives.

use super::{
    kept::{KeptAssertion, TheAssertion, log},
    managed_identity::{ManagedIdentityAssertion, Source},
};
use crate::{
    cache::{Fetch, Fetched, GaveUp, Report, Request},
    claims::Claims,
    error::{self, Error, Stage},
    managed_identity::{Chosen, is_token},
    redact,
    time::Clock,
};
use azure_core::{credentials::AccessToken, time::OffsetDateTime};
use azure_identity::ClientAssertion;
use futures::future::{BoxFuture, FutureExt};
use std::sync::Arc;
use tracing::debug;

/// Where a credential gets its assertions.
#[derive(Debug)]
pub(crate) enum AssertionSource {
    ManagedIdentity(ManagedIdentityAssertion),
    /// A source of the user.
    Given(KeptAssertion),
}

impl AssertionSource {
    pub(crate) fn given(source: Arc<dyn ClientAssertion>, clock: Arc<dyn Clock>) -> Self {
        let given = Arc::new(Given {
            source,
            clock: Arc::clone(&clock),
        });
        Self::Given(KeptAssertion::new(Arc::new(FromGiven(given)), clock))
    }

    pub(crate) async fn assertion(&self) -> Result<AccessToken, Error> {
        self.kept().get().await
    }

    /// Requests one from the source now. The cache does not change.
    pub(crate) async fn fresh(&self) -> Result<AccessToken, Error> {
        self.kept().fresh().await
    }

    /// The host that gets the requests; `None` for a source of the user.
    pub(crate) fn chosen(&self) -> Option<&Chosen> {
        match self {
            Self::ManagedIdentity(assertion) => Some(&assertion.0.chosen),
            Self::Given(_) => None,
        }
    }

    /// An assertion to replace the one that Entra refused. It is the same assertion if the source
    /// has no other.
    pub(crate) async fn replace(&self, refused: &AccessToken) -> Result<AccessToken, Error> {
        self.kept().replace(refused).await
    }

    /// Forgets the current assertion, so that the next exchange requests a new one.
    pub(crate) fn forget(&self) {
        let kept = self.kept();
        // The source can contain one of our sources, which would return its cached assertion again.
        for source in kept.current().iter().flat_map(Source::with) {
            source.assertion.clear();
        }
        kept.clear();
    }

    fn kept(&self) -> &KeptAssertion {
        match self {
            Self::ManagedIdentity(assertion) => &assertion.0.assertion,
            Self::Given(kept) => kept,
        }
    }
}

#[derive(Debug)]
struct Given {
    source: Arc<dyn ClientAssertion>,
    clock: Arc<dyn Clock>,
}

impl Given {
    async fn ask(&self) -> Result<AccessToken, Error> {
        let jwt = self.source.secret(None).await.map_err(of_source)?;
        if !is_token(&jwt) {
            return Err(Error::new(
                Stage::Assertion,
                "the source given to with_assertion returned no token: it is empty, longer than 64 KiB, or holds characters that no JWT has".to_owned(),
            ));
        }
        // An assertion without a known remaining life is requested for each exchange.
        let expires_on = Claims::peek(&jwt)
            .and_then(|claims| OffsetDateTime::from_unix_timestamp(claims.exp?).ok())
            .unwrap_or_else(|| self.clock.wall());
        debug!(%expires_on, "client assertion from the source given");
        Ok(AccessToken::new(jwt, expires_on))
    }
}

struct FromGiven(Arc<Given>);

impl Fetch<TheAssertion, Error> for FromGiven {
    fn fetch(
        &self,
        _: TheAssertion,
        request: Request,
    ) -> BoxFuture<'static, Result<Fetched, Error>> {
        let given = Arc::clone(&self.0);
        async move {
            if let Some(refused) = request.rejected {
                for source in Source::with(&refused) {
                    // The result of this call is read below. If it fails, the refusal is the more
                    // useful error.
                    drop(source.assertion.replace(&refused).await);
                }
            }
            Ok(Fetched {
                token: given.ask().await?,
                refresh_on: None,
            })
        }
        .boxed()
    }

    fn gave_up(&self, why: GaveUp) -> Error {
        Error::gave_up(Stage::Assertion, why)
    }

    fn report(&self, _: &TheAssertion, report: Report<Error>) {
        log(&report);
    }
}

/// The error of any source. If it is an error of this crate, it says everything already.
fn of_source(error: azure_core::Error) -> Error {
    if let Some(ours) = Error::find(&error) {
        return ours.clone();
    }
    let message = format!(
        "the source given to with_assertion brought no client assertion: {}",
        redact::excerpt(error.to_string().as_bytes(), &[])
    );
    let cause = error::without_secrets(error, &[]);
    Error::no_answer(Stage::Assertion, message, cause)
}
