//! HTTP for each leg: an azure_core pipeline, so that a user's transport, policies, telemetry and
//! logging work, with the tries, deadlines and bounds of this crate inside it.

#[cfg(feature = "reqwest")]
mod default_client;
#[cfg(feature = "rustls")]
mod pinned;
#[cfg(any(test, cross_tenant_identity_fuzzing))]
#[cfg_attr(
    cross_tenant_identity_fuzzing,
    allow(dead_code, reason = "tests use the rest")
)]
pub(crate) mod scripted;
mod thumbprint;
mod tries;

#[cfg(feature = "rustls")]
pub(crate) use pinned::is_wrong_thumbprint;
pub(crate) use thumbprint::Thumbprint;
pub(crate) use tries::{Outcome, Tries, pause, retry_after};

use crate::{
    authority::quoted,
    budget::Budget,
    error::{self, Error},
    headers::header,
    redact,
    time::{Clock, timeout},
};
use async_trait::async_trait;
use azure_core::{
    error::ErrorKind,
    http::{
        Body, ClientOptions, Context, Pipeline, PipelineOptions, PipelineStreamOptions,
        RawResponse, Request, RetryOptions, StatusCode, Transport, headers,
        policies::{Policy, PolicyResult, RetryHeaders},
    },
};
use std::{fmt, sync::Arc, time::Duration};
use tries::{Begun, StatusIsEnough, TriesPolicy};
use url::form_urlencoded;

/// A token answer is some 2 KB. Whatever is larger than this is no token answer, and is not read.
pub(crate) const LARGEST_ANSWER: usize = 1024 * 1024;

/// Where the requests of a leg go. It decides the default transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The identity endpoint of the host: plain http on a link-local address.
    Host,
    /// The identity endpoint of a host that names the thumbprint of its certificate.
    PinnedHost(Thumbprint),
    /// Microsoft Entra.
    Entra,
}

impl Destination {
    /// Where its options are, for a message.
    fn options(self) -> &'static str {
        match self {
            Self::Host | Self::PinnedHost(_) => "managed_identity.client_options",
            Self::Entra => "client_options",
        }
    }

    fn transport(self) -> Result<Transport, Error> {
        #[cfg(feature = "reqwest")]
        return Ok(Transport::new(Arc::new(match self {
            Self::Host => default_client::DefaultClient::identity(),
            Self::PinnedHost(thumbprint) => default_client::DefaultClient::pinned(thumbprint),
            Self::Entra => default_client::DefaultClient::token(),
        })));
        #[cfg(not(feature = "reqwest"))]
        Err(Error::configuration(format!(
            "the feature \"reqwest\" is off, so there is no default HTTP transport: set {}.transport, or turn the feature on",
            self.options()
        )))
    }
}

/// The requests to one service: transport, tries and deadline.
#[derive(Clone)]
pub(crate) struct Leg {
    destination: Destination,
    pipeline: Pipeline,
    /// Bounds everything, whatever retry options a user gave.
    deadline: Duration,
    clock: Arc<dyn Clock>,
}

impl Leg {
    /// `retry` replaces `tries` where a user gave it. `ClientOptions::retry` cannot: it has no
    /// unset state that could be told from azure_core's default of 8 retries in 60 s.
    pub(crate) fn new(
        destination: Destination,
        mut options: ClientOptions,
        retry: Option<RetryOptions>,
        tries: Arc<dyn Tries>,
        deadline: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        check_user_agent(destination, &options)?;
        let has_own_transport = options.transport.is_none();
        let transport = match options.transport.take() {
            Some(transport) => transport,
            None => destination.transport()?,
        };
        options.transport = Some(Transport::with_policy(Arc::new(Redacting(transport))));
        let status_codes = tries.status_codes();
        let policy = TriesPolicy {
            tries,
            has_users_retry: retry.is_some(),
            has_own_transport,
            deadline,
            clock: Arc::clone(&clock),
        };
        options.retry = retry.unwrap_or_else(RetryOptions::none);
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            options,
            Vec::new(),
            // First of the per-try policies: a user's, which follow, see each try.
            vec![Arc::new(policy)],
            Some(PipelineOptions {
                retry_status_codes: status_codes.to_vec(),
                // `PipelineOptions::default()` leaves Azure's own two out.
                retry_headers: RetryHeaders {
                    retry_headers: vec![
                        headers::X_MS_RETRY_AFTER_MS,
                        headers::RETRY_AFTER_MS,
                        headers::RETRY_AFTER,
                    ],
                },
            }),
        );
        Ok(Self {
            destination,
            pipeline,
            deadline,
            clock,
        })
    }

    /// Sends the request, as often as the tries and the budget allow, and returns the last answer.
    ///
    /// # Errors
    ///
    /// When no whole answer came.
    pub(crate) async fn send(
        &self,
        request: &mut Request,
        budget: Option<Arc<Budget>>,
    ) -> azure_core::Result<RawResponse> {
        let mut context = self.context();
        if let Some(budget) = budget {
            context.insert(budget);
        }
        self.send_with(context, request).await
    }

    /// The same, but the body of a success, which may be of any size, is not read.
    pub(crate) async fn send_for_status(
        &self,
        request: &mut Request,
    ) -> azure_core::Result<RawResponse> {
        let context = self.context().with_value(StatusIsEnough);
        self.send_with(context, request).await
    }

    /// A context of its own: what a fetch does is nobody's call in particular.
    fn context(&self) -> Context<'static> {
        Context::new().with_value(Begun(self.clock.monotonic()))
    }

    async fn send_with(
        &self,
        context: Context<'static>,
        request: &mut Request,
    ) -> azure_core::Result<RawResponse> {
        let options = PipelineStreamOptions {
            skip_checks: true,
            ..Default::default()
        };
        // Streamed, because `Pipeline::send` would read an answer of any size.
        let exchange = async {
            let answer = self
                .pipeline
                .stream(&context, request, Some(options))
                .await?;
            answer.try_into_raw_response().await
        };
        let result = timeout(self.clock.as_ref(), self.deadline, exchange).await;
        match result {
            Some(result) => result.map_err(|error| redacted(error, request)),
            None => Err(azure_core::Error::with_message(
                ErrorKind::Io,
                format!("no answer within {} s", self.deadline.as_secs()),
            )),
        }
    }
}

/// `azure_core` panics because of an application id that is none: it takes 24 characters at most
/// (Azure SDK design guidelines, "Telemetry policy"), of a token of RFC 9110 §5.6.2.
fn check_user_agent(destination: Destination, options: &ClientOptions) -> Result<(), Error> {
    let Some(id) = &options.user_agent.application_id else {
        return Ok(());
    };
    let is_token_char = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if id.len() <= 24 && id.bytes().all(is_token_char) {
        return Ok(());
    }
    Err(Error::configuration(format!(
        "{}.user_agent.application_id is {}, which no user agent can name: give at most 24 letters, digits, dots and dashes",
        destination.options(),
        quoted(id)
    )))
}

/// A transport whose errors show nothing of what it was to send: azure_core logs them.
#[derive(Debug)]
struct Redacting(Transport);

#[async_trait]
impl Policy for Redacting {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        _: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let result = self.0.send(context, request).await;
        result.map_err(|error| redacted(error, request))
    }
}

/// The headers in which identity endpoints want a secret.
const SECRET_HEADERS: [&str; 3] = ["authorization", "secret", "x-identity-header"];

/// The error of code that had this request, without the secrets of the request.
fn redacted(error: azure_core::Error, request: &Request) -> azure_core::Error {
    let mut secrets: Vec<_> = request
        .headers()
        .iter()
        .filter(|(name, _)| SECRET_HEADERS.contains(&name.as_str()))
        .map(|(_, value)| value.as_str().to_owned())
        .collect();
    if let Body::Bytes(body) = request.body() {
        for field in body.split(|byte| *byte == b'&') {
            if let Some(encoded) = field.strip_prefix(b"client_assertion=") {
                secrets.push(String::from_utf8_lossy(encoded).into_owned());
            }
        }
        let fields = form_urlencoded::parse(body);
        let assertions = fields.filter(|(name, _)| name == "client_assertion");
        secrets.extend(assertions.map(|(_, assertion)| assertion.into_owned()));
    }
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    error::without_secrets(error, &secrets)
}

impl fmt::Debug for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leg")
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

/// Status, length and type of an answer whose body must not be shown. A header may echo what was sent
/// as well as a body.
pub(crate) fn outside(answer: &RawResponse, secrets: &[&str]) -> String {
    let content_type = header(answer.headers(), &headers::CONTENT_TYPE);
    let content_type = redact::redact(content_type.unwrap_or("no stated type"), secrets);
    format!(
        "HTTP {} with {} bytes of {}",
        u16::from(answer.status()),
        answer.body().len(),
        redact::printable(&content_type, 80),
    )
}

pub(crate) fn is_redirect(status: StatusCode) -> bool {
    (300..400).contains(&u16::from(status))
}

/// 408, 429 and 5xx: the statuses after which the same request may succeed (RFC 9110 §15.5.9,
/// RFC 6585 §4, RFC 9110 §15.6).
pub(crate) fn is_transient(status: StatusCode) -> bool {
    let status = u16::from(status);
    matches!(status, 408 | 429 | 500..=599)
}

/// The statuses of [`is_transient`], in the form that azure_core's retry policy takes.
pub(crate) const TRANSIENT: [StatusCode; 13] = [
    StatusCode::RequestTimeout,
    StatusCode::TooManyRequests,
    StatusCode::InternalServerError,
    StatusCode::NotImplemented,
    StatusCode::BadGateway,
    StatusCode::ServiceUnavailable,
    StatusCode::GatewayTimeout,
    StatusCode::HttpVersionNotSupported,
    StatusCode::VariantAlsoNegotiates,
    StatusCode::InsufficientStorage,
    StatusCode::LoopDetected,
    StatusCode::NotExtended,
    StatusCode::NetworkAuthenticationRequired,
];
