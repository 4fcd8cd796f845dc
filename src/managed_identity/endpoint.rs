//! What the identity endpoints have in common that a host's variables name: an address near the
//! process, a secret header, and how an answer is read.

use super::{
    ManagedIdentityHost, Selector, Setup,
    host::{IDENTITY_ENDPOINT, selector},
    parse_token,
};
use crate::{
    authority::{is_loopback, quoted},
    diagnosis::{self, ConnectionFailure, Diagnosis, HostRefusal, Peer},
    environment::Environment,
    error::{self, Error, RefusedAnswer, Stage},
    error_body::ErrorBody,
    redact,
    time::Clock,
    transport::{self, Destination, Leg, Outcome, Tries},
};
use azure_core::{
    credentials::{AccessToken, Secret},
    http::{Method, RawResponse, Request, StatusCode},
};
use std::{sync::Arc, time::Duration};
use url::{Host, Url};

/// For all tries of a request together.
const DEADLINE: Duration = Duration::from_secs(30);

/// The first and three more.
const MOST_TRIES: u32 = 4;

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) host: ManagedIdentityHost,
    leg: Leg,
    url: Url,
    origin: String,
    selector: Option<Selector>,
    audience: Arc<str>,
    header: Option<SecretHeader>,
    clock: Arc<dyn Clock>,
}

/// A header that proves that the request comes from this host.
#[derive(Debug)]
pub(super) struct SecretHeader {
    name: &'static str,
    /// Where its value is from.
    variable: &'static str,
    value: Secret,
}

impl SecretHeader {
    /// # Errors
    ///
    /// When the variable is missing, or its value cannot be a header's. The value is not shown.
    pub(super) fn from(
        environment: &Environment,
        name: &'static str,
        variable: &'static str,
        host: ManagedIdentityHost,
    ) -> Result<Self, Error> {
        let value = required(environment, variable, host)?;
        match is_header_value(&value) {
            true => Ok(Self {
                name,
                variable,
                value: Secret::new(value),
            }),
            false => Err(Error::configuration(format!(
                "{variable} holds characters that no HTTP header has: give the process the variable as the host sets it"
            ))),
        }
    }
}

/// Visible characters and spaces between them (RFC 9110 §5.5).
pub(super) fn is_header_value(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, 0x20..=0x7e)) && text.trim() == text
}

/// A variable without which the host cannot be asked.
pub(super) fn required(
    environment: &Environment,
    variable: &str,
    host: ManagedIdentityHost,
) -> Result<String, Error> {
    environment.var(variable).ok_or_else(|| {
        Error::configuration(format!(
            "{variable} is missing or empty, which the identity endpoint of {host} needs: give the process the variable as the host sets it, or another managed_identity.host",
            host = host.name(),
        ))
    })
}

/// The address in a variable. What is sent there proves that this process is on the host, so over
/// plain http it goes no further than the host.
pub(super) fn address(variable: &str, text: &str) -> Result<Url, Error> {
    let wrong = |why: &str| {
        Error::configuration(format!(
            "{variable} is {}, {why}: give the process the variable as the host sets it",
            quoted(text)
        ))
    };
    let url = Url::parse(text).map_err(|_| wrong("which is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::configuration(format!(
            "{variable} contains a user name or a password: give the process the variable as the host sets it"
        )));
    }
    if url.host().is_none() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("which is not the address of an endpoint"));
    }
    let is_link_local = match url.host() {
        Some(Host::Ipv4(address)) => address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_unicast_link_local(),
        _ => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_link_local || is_loopback(&url) => Ok(url),
        "http" => Err(wrong(
            "to which a secret would travel in clear beyond this host",
        )),
        _ => Err(wrong("which is neither http nor https")),
    }
}

impl Endpoint {
    pub(super) fn new(
        host: ManagedIdentityHost,
        url: Url,
        header: Option<SecretHeader>,
        destination: Destination,
        setup: Setup,
    ) -> Result<Self, Error> {
        let leg = Leg::new(
            destination,
            setup.client_options,
            setup.retry,
            Arc::new(FewTries),
            DEADLINE,
            Arc::clone(&setup.clock),
        )?;
        Ok(Self {
            host,
            leg,
            origin: url.origin().ascii_serialization(),
            url,
            selector: selector(host, setup.selector)?,
            audience: setup.audience,
            header,
            clock: setup.clock,
        })
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn selector(&self) -> Option<&Selector> {
        self.selector.as_ref()
    }

    pub(super) fn request(&self, api_version: &str, more: Option<(&str, &str)>) -> Request {
        let mut url = self.url.clone();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("api-version", api_version)
                .append_pair("resource", &self.audience)
                .extend_pairs(more);
            if let Some(selector) = &self.selector {
                query.append_pair(selector.parameter, &selector.value);
            }
        }
        let mut request = Request::new(url, Method::Get);
        if let Some(header) = &self.header {
            request.insert_header(header.name, header.value.secret().to_owned());
        }
        request
    }

    pub(super) async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        let source = match self.leg.send(request, None).await {
            Ok(answer) => return Ok(answer),
            Err(source) => source,
        };
        let failure = ConnectionFailure::of(&source, Peer::IdentityEndpoint(&self.origin));
        #[cfg(feature = "rustls")]
        let failure = match transport::is_wrong_thumbprint(&source) {
            true => ConnectionFailure {
                reason: "the certificate has another thumbprint".to_owned(),
                is_transient: false,
                is_set_up: false,
                diagnosis: diagnosis::of_wrong_thumbprint(&self.origin),
            },
            false => failure,
        };
        let headline = match failure.is_set_up {
            true => "the managed identity could not be asked".to_owned(),
            false => format!(
                "the identity endpoint of {} at {} gave no answer",
                self.host, self.origin
            ),
        };
        Err(Error::unanswered(
            Stage::Assertion,
            headline,
            failure,
            source,
        ))
    }

    /// The token in an answer, or why there is none.
    pub(super) fn token(&self, answer: &RawResponse) -> Result<AccessToken, Error> {
        if !answer.status().is_success() {
            return Err(self.refused(answer, None, &[]));
        }
        parse_token(answer.body().as_ref(), self.clock.wall()).ok_or_else(|| {
            let outside = transport::outside(answer, &self.secrets());
            let diagnosis = diagnosis::of_unreadable_host_token(
                self.host.name(),
                &self.origin,
                self.variable(),
            );
            let headline = format!(
                "the identity endpoint of {} at {} answered, but not with a token and its expiry",
                self.host, self.origin
            );
            let refused = RefusedAnswer::new(headline, outside, diagnosis);
            Error::answer(Stage::Assertion, answer.status(), refused)
        })
    }

    /// `why` replaces what is to be said of an answer of this status; `more` are secrets that may be
    /// echoed.
    pub(super) fn refused(
        &self,
        answer: &RawResponse,
        why: Option<Diagnosis>,
        more: &[&str],
    ) -> Error {
        let secrets: Vec<_> = self
            .secrets()
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        let (status, body) = (answer.status(), ErrorBody::of(answer));
        let words = match (body.code(), body.message()) {
            (None, None) => body.beginning(&secrets),
            (code, message) => {
                let texts = [code.as_deref(), message.as_deref()];
                let said = texts.into_iter().flatten().collect::<Vec<_>>().join(": ");
                redact::excerpt(said.as_bytes(), &secrets)
            }
        };
        let diagnosis = why.unwrap_or_else(|| {
            diagnosis::of_host_refusal(&HostRefusal {
                host: self.host.name(),
                link: link(self.host),
                origin: &self.origin,
                endpoint_variable: self.variable(),
                header_variable: self.header.as_ref().map(|header| header.variable),
                status: status.into(),
                body: &body,
                selector: self.selector.as_ref().map(Selector::parts),
                audience: &self.audience,
            })
        });
        let mut said = format!("HTTP {}", u16::from(status));
        if transport::is_redirect(status) {
            said.push_str(", a redirect, which is never followed");
        } else if !words.is_empty() {
            said.push_str(", ");
            said.push_str(&words);
        }
        let headline = format!(
            "the identity endpoint of {} at {} refused a managed identity token for {}",
            self.host, self.origin, self.audience
        );
        let error_code = body.code().map(Into::into);
        Error::answer(
            Stage::Assertion,
            status,
            RefusedAnswer {
                is_transient: transport::is_transient(status),
                retry_after: transport::retry_after(answer.headers(), self.clock.wall()),
                source: Some(error::http_response(answer, error_code, &secrets)),
                ..RefusedAnswer::new(headline, said, diagnosis.with_answer(words))
            },
        )
    }

    fn secrets(&self) -> Vec<&str> {
        let header = self.header.iter();
        header.map(|header| header.value.secret()).collect()
    }

    /// The variable that names it.
    fn variable(&self) -> &'static str {
        match self.host {
            ManagedIdentityHost::AzureMl => super::host::MSI_ENDPOINT,
            _ => IDENTITY_ENDPOINT,
        }
    }
}

fn link(host: ManagedIdentityHost) -> &'static str {
    match host {
        ManagedIdentityHost::AppService => {
            "https://learn.microsoft.com/azure/app-service/overview-managed-identity"
        }
        ManagedIdentityHost::AzureArc => {
            "https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication"
        }
        ManagedIdentityHost::AzureMl => {
            "https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication"
        }
        ManagedIdentityHost::ServiceFabric => {
            "https://learn.microsoft.com/azure/service-fabric/how-to-managed-identity-service-fabric-app-code"
        }
        ManagedIdentityHost::Imds => {
            "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token"
        }
    }
}

/// The endpoint is a process of the same host. What it does not mend within seconds it says at once.
#[derive(Debug)]
struct FewTries;

impl Tries for FewTries {
    fn next(&self, made: u32, _: Duration, outcome: Outcome<'_>) -> Option<Duration> {
        let may_pass = match outcome {
            Outcome::Answer(answer) => transport::is_transient(answer.status()),
            Outcome::NoAnswer { .. } => true,
        };
        (may_pass && made < MOST_TRIES).then(|| transport::pause(Duration::from_secs(1), made))
    }

    fn status_codes(&self) -> &'static [StatusCode] {
        &transport::TRANSIENT
    }
}
