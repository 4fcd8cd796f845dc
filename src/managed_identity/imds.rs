//! The Azure Instance Metadata Service: virtual machines, scale sets, AKS nodes, container
//! instances.
//!
//! Microsoft Learn, "How to use managed identities for Azure resources on an Azure VM to acquire
//! an access token", describes request, answers and retry guidance.

mod address;
mod tries;

pub(super) use address::POD_IDENTITY_AUTHORITY_HOST;
pub(crate) use address::{address_of_variable, parse_address};

use super::{Host as IdentityHost, ManagedIdentityHost, Selector, parse_token};
use crate::{
    diagnosis::{self, ConnectionFailure, IdentityRefusal, Peer, Signs},
    environment::Environment,
    error::{self, Error, RefusedAnswer, Stage},
    error_body::{self, ErrorBody},
    redact,
    time::Clock,
    transport::{self, Destination, Leg, Tries},
};
use address::address;
use azure_core::{
    credentials::AccessToken,
    http::{ClientOptions, Method, RawResponse, Request, RetryOptions, StatusCode},
};
use futures::future::{BoxFuture, FutureExt};
use std::sync::Arc;
use tries::{DEADLINE, ImdsTries, is_imds};
use url::Url;

const PATH: &str = "/metadata/identity/oauth2/token";
const API_VERSION: &str = "2018-02-01";

/// Variables of hosts with an endpoint of their own, and what host that is.
const OTHER_HOSTS: [(&str, &str); 4] = [
    ("IDENTITY_SERVER_THUMBPRINT", "Service Fabric"),
    (
        "IDENTITY_ENDPOINT",
        "App Service, Functions, Container Apps, Automation or Azure Arc",
    ),
    ("MSI_ENDPOINT", "Azure Machine Learning or Cloud Shell"),
    ("AZURE_FEDERATED_TOKEN_FILE", "AKS workload identity"),
];

/// An IMDS, and the identity and audience that it is asked for.
#[derive(Debug)]
pub(crate) struct Imds {
    leg: Leg,
    url: Url,
    origin: String,
    selector: Option<Selector>,
    audience: Arc<str>,
    tries: Arc<ImdsTries>,
    clock: Arc<dyn Clock>,
    environment: Environment,
}

impl Imds {
    pub(crate) fn new(
        endpoint: Option<&str>,
        selector: Option<Selector>,
        audience: Arc<str>,
        client_options: ClientOptions,
        retry: Option<RetryOptions>,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let mut url = address(endpoint, &environment)?;
        let origin = url.origin().ascii_serialization();
        url.set_path(PATH);
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("api-version", API_VERSION)
                .append_pair("resource", &audience);
            if let Some(selector) = &selector {
                query.append_pair(selector.parameter, &selector.value);
            }
        }
        let tries = Arc::new(ImdsTries::default());
        let leg = Leg::new(
            Destination::Host,
            client_options,
            retry,
            Arc::<ImdsTries>::clone(&tries) as Arc<dyn Tries>,
            DEADLINE,
            Arc::clone(&clock),
        )?;
        Ok(Self {
            leg,
            url,
            origin,
            selector,
            audience,
            tries,
            clock,
            environment,
        })
    }

    /// Asks for a token for the audience.
    pub(crate) async fn token(&self) -> Result<AccessToken, Error> {
        let mut request = Request::new(self.url.clone(), Method::Get);
        // Keeps a server-side request forgery from reaching the endpoint: a browser or a proxied
        // request cannot set it.
        request.insert_header("metadata", "true");
        let answer = match self.leg.send(&mut request, None).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.no_answer(error)),
        };
        let status = answer.status();
        if status.is_success() {
            self.tries.set_reached();
            return parse_token(answer.body().as_ref(), self.clock.wall())
                .ok_or_else(|| self.unreadable(&answer));
        }
        Err(self.refused(&answer))
    }

    fn refused(&self, answer: &RawResponse) -> Error {
        let status = answer.status();
        let body = ErrorBody::of(answer);
        let signs = self.signs();
        let diagnosis = diagnosis::of_identity_refusal(&IdentityRefusal {
            origin: &self.origin,
            status: status.into(),
            headers: answer.headers(),
            body: &body,
            selector: self.selector.as_ref().map(Selector::parts),
            audience: &self.audience,
            signs: &signs,
        });
        let is_imds = self.tries.is_reached() || is_imds(answer);
        let headline = match is_imds && !transport::is_redirect(status) && !body.is_web_page() {
            true => format!(
                "IMDS at {} refused a managed identity token for {}",
                self.origin, self.audience
            ),
            false => format!(
                "there is no IMDS at {}; something else answered",
                self.origin
            ),
        };
        let mut said = format!("HTTP {}", u16::from(status));
        let words = match (body.code(), body.message()) {
            (None, None) => body.beginning(&[]),
            (error, description) => {
                let texts = [error.as_deref(), description.as_deref()];
                let said = texts.into_iter().flatten().collect::<Vec<_>>().join(": ");
                redact::excerpt(said.as_bytes(), &[])
            }
        };
        if transport::is_redirect(status) {
            said.push_str(", a redirect, which is never followed");
        } else if !words.is_empty() {
            said.push_str(", ");
            said.push_str(&words);
        }
        let may_clear = matches!(status, StatusCode::NotFound | StatusCode::Gone);
        let error_code = body.code().map(Into::into);
        Error::answer(
            Stage::Assertion,
            status,
            RefusedAnswer {
                is_transient: transport::is_transient(status) || (is_imds && may_clear),
                retry_after: transport::retry_after(answer.headers(), self.clock.wall()),
                source: Some(error::http_response(answer, error_code, &[])),
                ..RefusedAnswer::new(headline, said, diagnosis.with_answer(words))
            },
        )
    }

    /// A success without a usable token. Its body may hold most of a token, so it is not shown.
    fn unreadable(&self, answer: &RawResponse) -> Error {
        let outside = transport::outside(answer, &[]);
        let encoding = error_body::encoding(answer.headers(), answer.body().as_ref());
        let diagnosis = diagnosis::of_unreadable_token(&self.origin, &outside, encoding.as_deref());
        let headline = format!(
            "IMDS at {} answered, but not with a token and its expiry",
            self.origin
        );
        Error::answer(
            Stage::Assertion,
            answer.status(),
            RefusedAnswer::new(headline, outside, diagnosis),
        )
    }

    fn no_answer(&self, source: azure_core::Error) -> Error {
        let mut failure = ConnectionFailure::of(&source, Peer::IdentityEndpoint(&self.origin));
        let headline = if failure.is_set_up {
            "the managed identity could not be asked".to_owned()
        } else if self.tries.is_reached() || !failure.is_transient {
            format!("IMDS at {} gave no answer", self.origin)
        } else {
            failure.diagnosis = diagnosis::nobody_answers(&self.origin, &self.signs());
            format!(
                "there is no IMDS here, or it has not started yet: {} gave no answer",
                self.origin
            )
        };
        Error::unanswered(Stage::Assertion, headline, failure, source)
    }

    /// Which variables say that this is a host with another endpoint.
    fn signs(&self) -> Signs {
        Signs {
            found: other_hosts(&self.environment),
        }
    }
}

/// The variables of other hosts that are set, and what host each belongs to.
pub(super) fn other_hosts(environment: &Environment) -> Vec<(&'static str, &'static str)> {
    let is_set = |(variable, _): &(&str, &str)| environment.var(variable).is_some();
    OTHER_HOSTS.into_iter().filter(is_set).collect()
}

impl IdentityHost for Imds {
    fn kind(&self) -> ManagedIdentityHost {
        ManagedIdentityHost::Imds
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    /// IMDS keeps a token for its life, and has no way to have it replaced.
    fn token<'a>(
        &'a self,
        _: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        Imds::token(self).boxed()
    }
}

#[cfg(test)]
mod tests;
