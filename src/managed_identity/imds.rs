//! The Azure Instance Metadata Service: virtual machines, scale sets, AKS nodes, container
//! instances.
//!
//! Microsoft Learn, "How to use managed identities for Azure resources on an Azure VM to acquire
//! an access token", describes request, answers and retry guidance.

use super::{Host as IdentityHost, ManagedIdentityHost, Selector, parse_token};
use crate::{
    authority::{is_loopback, quoted},
    diagnosis::{self, ConnectionFailure, IdentityRefusal, Peer, Signs},
    environment::Environment,
    error::{self, Error, RefusedAnswer, Stage},
    error_body::{self, ErrorBody},
    redact,
    time::Clock,
    transport::{self, Leg, Outcome, Tries, Way},
};
use azure_core::{
    credentials::AccessToken,
    http::{ClientOptions, Method, RawResponse, Request, RetryOptions, StatusCode},
};
use futures::future::{BoxFuture, FutureExt};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use url::{Host, Url};

/// The same address on every machine of Azure's.
const ADDRESS: &str = "http://169.254.169.254";

/// The variable by which several SDKs let another IMDS stand in.
const POD_IDENTITY_AUTHORITY_HOST: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

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
    contact: Arc<Contact>,
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
        let contact = Arc::new(Contact::default());
        let tries: Arc<dyn Tries> = Arc::<Contact>::clone(&contact);
        let leg = Leg::new(
            Way::Identity,
            client_options,
            retry,
            tries,
            DEADLINE,
            Arc::clone(&clock),
        )?;
        Ok(Self {
            leg,
            url,
            origin,
            selector,
            audience,
            contact,
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
            self.contact.made();
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
            selector: self
                .selector
                .as_ref()
                .map(|selector| (selector.parameter, selector.value.as_str())),
            audience: &self.audience,
            signs: &signs,
        });
        let is_imds = self.contact.is_made() || is_imds(answer);
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

    /// A success that is none: its body may hold most of a token, so only its outside is told.
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
        let mut failure = ConnectionFailure::of(&source, Peer::Imds(&self.origin));
        let headline = if failure.is_set_up {
            "the managed identity could not be asked".to_owned()
        } else if self.contact.is_made() || !failure.is_transient {
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

    /// What tells that this is a host with another endpoint.
    fn signs(&self) -> Signs {
        let found = OTHER_HOSTS
            .into_iter()
            .filter(|(variable, _)| self.environment.var(variable).is_some());
        Signs {
            found: found.collect(),
        }
    }
}

impl IdentityHost for Imds {
    fn kind(&self) -> ManagedIdentityHost {
        ManagedIdentityHost::Imds
    }

    /// IMDS keeps a token for its life, and has no way to have it replaced.
    fn token<'a>(
        &'a self,
        _: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        Imds::token(self).boxed()
    }
}

/// The identity leg's deadline: 410 clears within 70 s, and one more answer fits behind that.
const DEADLINE: Duration = Duration::from_secs(75);

/// "IMDS is being updated … wait up to 70 seconds" (Microsoft Learn, as above, "Error handling").
const GONE_FOR_AT_MOST: Duration = Duration::from_secs(70);

/// Off Azure nothing ever takes a connection on that address; a machine that boots may need a moment.
/// No further try begins after this long without one.
const UNTIL_FIRST_CONTACT: Duration = Duration::from_secs(6);

/// Tries of statuses other than 410, as the retry guidance has it: the first and five more.
const MOST_TRIES: u32 = 6;

/// The guidance's statuses beyond those that any HTTP request is tried again for.
const TRIED_AGAIN: [StatusCode; 15] = {
    let mut all = [StatusCode::NotFound; 15];
    all[1] = StatusCode::Gone;
    let mut i = 0;
    while i < transport::TRANSIENT.len() {
        all[i + 2] = transport::TRANSIENT[i];
        i += 1;
    }
    all
};

/// Whether anything has ever taken a connection here, and with it how long to wait for an answer.
#[derive(Debug, Default)]
struct Contact(AtomicBool);

impl Contact {
    fn is_made(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn made(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Tries for Contact {
    fn next(&self, made: u32, elapsed: Duration, outcome: Outcome<'_>) -> Option<Duration> {
        let pause = transport::pause(Duration::from_secs(1), made.min(4));
        match outcome {
            Outcome::Answer(answer) => {
                if is_imds(answer) {
                    self.made();
                }
                match answer.status() {
                    StatusCode::Gone => (elapsed < GONE_FOR_AT_MOST).then_some(pause),
                    status if TRIED_AGAIN.contains(&status) || transport::is_transient(status) => {
                        (made < MOST_TRIES).then_some(pause)
                    }
                    _ => None,
                }
            }
            Outcome::NoAnswer { was_connected } => {
                if was_connected {
                    self.made();
                }
                let is_worth_it = self.is_made() || elapsed + pause < UNTIL_FIRST_CONTACT;
                (made < MOST_TRIES && is_worth_it).then_some(pause)
            }
        }
    }

    fn status_codes(&self) -> &'static [StatusCode] {
        &TRIED_AGAIN
    }
}

/// Other clouds have a service on that address too. It knows no such path and does not say so in
/// JSON; IMDS always does, and under load or update answers with statuses that theirs does not.
fn is_imds(answer: &RawResponse) -> bool {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(answer.body().as_ref()).is_ok();
    is_json || answer.status() == StatusCode::Gone || transport::is_transient(answer.status())
}

fn address(endpoint: Option<&str>, environment: &Environment) -> Result<Url, Error> {
    let address = match (endpoint, environment.var(POD_IDENTITY_AUTHORITY_HOST)) {
        (Some(endpoint), _) => parse_address("imds_endpoint", endpoint),
        (None, Some(named)) => address_of_variable(POD_IDENTITY_AUTHORITY_HOST, &named),
        (None, None) => parse_address("IMDS", ADDRESS),
    };
    address.map_err(Error::configuration)
}

/// The address that an environment variable names, if a variable may name it.
pub(crate) fn address_of_variable(variable: &str, value: &str) -> Result<Url, String> {
    let url = parse_address(variable, value)?;
    // What answers there speaks for the service. Somebody who can only set a variable must not be
    // able to bring in a machine of their own.
    let is_near = match url.host() {
        Some(Host::Ipv4(address)) => address.is_link_local() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_unicast_link_local() || address.is_unique_local(),
        _ => false,
    };
    if is_near || is_loopback(&url) {
        return Ok(url);
    }
    Err(format!(
        "{variable} names {}, which is neither this machine nor an address of its own network: give it in code or in a file of Settings, with imds_endpoint",
        quoted(value)
    ))
}

pub(crate) fn parse_address(what: &str, text: &str) -> Result<Url, String> {
    let wrong = |why: &str| {
        format!(
            "{what} is {}, {why}: give an origin such as {ADDRESS}",
            quoted(text)
        )
    };
    let url = Url::parse(text).map_err(|_| wrong("which is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("which is neither http nor https"));
    }
    if url.host().is_none()
        || url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(wrong("which is more than an origin"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        time::tests::TestClock,
        transport::scripted::{Scripted, Step},
    };
    use azure_core::error::ErrorKind;
    use azure_identity::UserAssignedId;

    const CANARY: &str = "canary-canary-canary";
    const GUID: &str = "11111111-1111-4111-8111-111111111111";

    fn imds(script: &Arc<Scripted>, clock: &Arc<TestClock>) -> Imds {
        imds_in(Environment::from([]), script, clock)
    }

    fn imds_in(environment: Environment, script: &Arc<Scripted>, clock: &Arc<TestClock>) -> Imds {
        let id = UserAssignedId::ClientId(GUID.into());
        Imds::new(
            None,
            Some(Selector::parse(&id).unwrap()),
            "api://AzureADTokenExchange".into(),
            script.client_options(),
            None,
            environment,
            Arc::new(Arc::clone(clock)),
        )
        .unwrap()
    }

    /// What an IMDS that plays these steps leads to: the result, the requests, the pauses.
    async fn play(
        steps: impl IntoIterator<Item = Step>,
    ) -> (Result<AccessToken, Error>, usize, Vec<Duration>) {
        let (script, clock) = (Scripted::new(steps), TestClock::new());
        let result = imds(&script, &clock).token().await;
        (result, script.count(), clock.slept())
    }

    fn token() -> Step {
        Step::answer(
            200,
            format!(
                r#"{{"access_token":"{CANARY}","expires_on":"1800086400","token_type":"Bearer"}}"#
            ),
        )
    }

    fn refusal(status: u16, error: &str, description: &str) -> Step {
        Step::answer(
            status,
            format!(r#"{{"error":"{error}","error_description":"{description}"}}"#),
        )
    }

    /// Containers have it set without an endpoint; IMDS is plain http, and has no use for it.
    #[tokio::test]
    async fn another_hosts_identity_header_is_sent_nowhere_and_shown_nowhere() {
        let variables = [
            ("IDENTITY_HEADER", "canary-header"),
            ("MSI_SECRET", "canary-secret"),
        ];
        let (script, clock) = (Scripted::new([refusal(400, "x", "y")]), TestClock::new());
        let imds = imds_in(Environment::from(variables), &script, &clock);
        let error = imds.token().await.unwrap_err();
        let sent = script.requests();
        let headers: Vec<_> = sent[0].headers().iter().collect();
        let seen = format!("{} {headers:?} {error} {error:?}", sent[0].url());
        for (_, secret) in variables {
            assert!(!seen.contains(secret), "{seen}");
        }
    }

    #[tokio::test]
    async fn the_request_is_the_documented_one() {
        let script = Scripted::new([token()]);
        imds(&script, &TestClock::new()).token().await.unwrap();
        let request = &script.requests()[0];
        assert_eq!(request.method(), Method::Get);
        assert_eq!(
            request.url().as_str(),
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api%3A%2F%2FAzureADTokenExchange&client_id=11111111-1111-4111-8111-111111111111"
        );
        let metadata = request
            .headers()
            .iter()
            .find(|(name, _)| name.as_str() == "metadata");
        assert_eq!(metadata.map(|(_, value)| value.as_str()), Some("true"));
    }

    #[tokio::test]
    async fn the_documented_statuses_are_tried_again_at_least_a_second_apart() {
        for status in [404, 408, 429, 500, 501, 503, 599] {
            let (result, requests, slept) = play([refusal(status, "unknown", "x"), token()]).await;
            assert!(result.is_ok(), "{status}: {result:?}");
            assert_eq!(requests, 2, "{status}");
            assert!(
                slept.iter().all(|pause| *pause >= Duration::from_secs(1)),
                "{slept:?}"
            );
        }
        for status in [400, 401, 403, 405, 409] {
            let (result, requests, _) =
                play([refusal(status, "invalid_request", "x"), token()]).await;
            assert_eq!(result.unwrap_err().status(), Some(status.into()));
            assert_eq!(requests, 1, "{status}");
        }
    }

    #[tokio::test]
    async fn an_outage_ends_after_six_tries_and_is_told_with_its_status() {
        let (result, requests, slept) = play([refusal(503, "unknown", "busy")]).await;
        let error = result.unwrap_err();
        assert!(
            error.is_transient() && error.to_string().contains("busy"),
            "{error}"
        );
        assert_eq!((requests, slept.len()), (6, 5));
        assert!(
            slept
                .windows(2)
                .all(|two| two[1] > two[0] || two[0] >= Duration::from_secs(8)),
            "{slept:?}"
        );
    }

    #[tokio::test]
    async fn gone_is_waited_out_for_seventy_seconds() {
        let (result, requests, slept) = play([refusal(410, "gone", "updating")]).await;
        let waited: Duration = slept.iter().sum();
        assert_eq!(result.unwrap_err().status(), Some(StatusCode::Gone));
        assert!(requests > 6, "{requests}");
        assert!(
            waited >= Duration::from_secs(60) && waited < DEADLINE,
            "{waited:?}"
        );
    }

    #[tokio::test]
    async fn a_longer_retry_after_ends_the_tries_and_a_short_one_is_kept() {
        let asked = |value: &str| Step::with_header(429, "retry-after", value, "{}");
        let (result, requests, _) = play([asked("3600"), token()]).await;
        assert_eq!(
            result.unwrap_err().retry_after(),
            Some(Duration::from_secs(3600))
        );
        assert_eq!(requests, 1);
        let (result, _, slept) = play([asked("4"), token()]).await;
        assert!(result.is_ok());
        assert_eq!(slept, [Duration::from_secs(4)]);
    }

    #[tokio::test]
    async fn off_azure_it_takes_six_seconds_to_learn_that_there_is_no_imds() {
        // Silence of a user's own transport may be that of an IMDS that is slow: one try's ten.
        for (silent, most) in [
            (Step::NoAnswer, UNTIL_FIRST_CONTACT),
            (Step::Silence, Duration::from_secs(10)),
        ] {
            let clock = TestClock::new();
            let script = Scripted::new([silent]);
            let error = imds(&script, &clock).token().await.unwrap_err();
            let said = error.to_string();
            assert!(
                said.contains("no IMDS here, or it has not started yet"),
                "{said}"
            );
            let told = error.diagnosis().unwrap().to_string();
            assert!(
                told.contains("not started yet") && told.contains("App Service"),
                "{told}"
            );
            assert_eq!(error.stage(), Stage::Assertion);
            assert!(clock.monotonic() <= most, "{:?}", clock.monotonic());
            assert!(script.count() <= 4);
        }
    }

    #[tokio::test]
    async fn a_machine_that_boots_is_waited_for() {
        let (result, requests, _) = play([Step::NoAnswer, Step::NoAnswer, token()]).await;
        assert!(result.is_ok(), "{result:?}");
        assert_eq!(requests, 3);
    }

    #[tokio::test]
    async fn once_it_has_answered_silence_is_an_outage_and_not_a_missing_imds() {
        let script = Scripted::new([token(), Step::Silence]);
        let clock = TestClock::new();
        let imds = imds(&script, &clock);
        imds.token().await.unwrap();
        let error = imds.token().await.unwrap_err();
        assert!(error.is_transient());
        assert!(
            error
                .to_string()
                .contains("gave no answer: no whole answer within"),
            "{error}"
        );
        assert!(clock.monotonic() > UNTIL_FIRST_CONTACT && clock.monotonic() <= DEADLINE);
    }

    #[tokio::test]
    async fn another_clouds_metadata_service_is_told_from_imds() {
        let html = Step::with_header(404, "content-type", "text/html", "<html>Not Found</html>");
        let (result, _, _) = play([html]).await;
        let error = result.unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("there is no IMDS at") && said.contains("HTTP 404"),
            "{said}"
        );
        assert!(!error.is_transient());
    }

    #[tokio::test]
    async fn the_hosts_own_variables_are_named_where_there_is_no_imds() {
        let mut imds = imds(&Scripted::new([Step::NoAnswer]), &TestClock::new());
        imds.environment = Environment::from([("MSI_ENDPOINT", "http://localhost:50342")]);
        let said = imds.token().await.unwrap_err().to_string();
        assert!(said.contains("MSI_ENDPOINT is set"), "{said}");
    }

    #[tokio::test]
    async fn a_redirect_is_refused_with_the_reason() {
        let redirect = Step::with_header(302, "location", "https://evil.example/", "{}");
        let (result, requests, _) = play([redirect]).await;
        let error = result.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("redirect, which is never followed"),
            "{error}"
        );
        assert_eq!(requests, 1);
    }

    #[tokio::test]
    async fn a_success_cut_anywhere_shows_not_one_byte_of_the_token() {
        let Step::Answer { body, .. } = token() else {
            panic!()
        };
        for cut in 0..body.len() {
            let (result, _, _) = play([Step::answer(200, &body[..cut])]).await;
            let error = result.unwrap_err();
            let shown = format!(
                "{error} {error:?} {:?}",
                azure_core::Error::from(error.clone())
            );
            assert!(
                !shown.contains("canary") && !shown.contains("can"),
                "{cut}: {shown}"
            );
            assert!(
                shown.contains(&format!("HTTP 200 with {cut} bytes of application/json")),
                "{shown}"
            );
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_is_not_read_and_not_asked_for_again() {
        let (result, requests, _) =
            play([Step::answer(200, "x".repeat(transport::LARGEST_ANSWER + 1))]).await;
        assert!(
            result
                .unwrap_err()
                .to_string()
                .contains("larger than 1024 KiB")
        );
        assert_eq!(requests, 1);
    }

    #[tokio::test]
    async fn the_answers_own_words_reach_the_message_and_its_response_the_source() {
        let (result, _, _) = play([refusal(400, "invalid_request", "Identity not found")]).await;
        let error = result.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("invalid_request: Identity not found"),
            "{error}"
        );
        let source = std::error::Error::source(&error).unwrap();
        let source: &azure_core::Error = source.downcast_ref().unwrap();
        assert!(matches!(
            source.kind(),
            ErrorKind::HttpResponse {
                status: StatusCode::BadRequest,
                ..
            }
        ));
    }

    #[test]
    fn the_environment_may_name_only_a_near_imds() {
        let named = |value| {
            address(
                None,
                &Environment::from([(POD_IDENTITY_AUTHORITY_HOST, value)]),
            )
        };
        for near in [
            "http://127.0.0.1:2579",
            "http://localhost:80/",
            "http://10.0.0.4",
            "http://169.254.1.1",
            "http://[fe80::1]:80",
        ] {
            assert!(named(near).is_ok(), "{near}");
        }
        for far in [
            "http://evil.example",
            "http://8.8.8.8",
            "http://localhost.evil.example",
            "http://[2001:db8::1]",
        ] {
            assert!(
                named(far)
                    .unwrap_err()
                    .to_string()
                    .contains(POD_IDENTITY_AUTHORITY_HOST),
                "{far}"
            );
        }
        assert!(
            address(Some("http://metadata.internal"), &Environment::from([])).is_ok(),
            "code may"
        );
    }

    #[test]
    fn an_address_is_an_origin() {
        for bad in [
            "",
            "127.0.0.1:80",
            "ftp://127.0.0.1",
            "http://127.0.0.1/metadata",
            "http://u:p@127.0.0.1",
            "http://127.0.0.1?x",
        ] {
            let why = address(Some(bad), &Environment::from([]))
                .unwrap_err()
                .to_string();
            assert!(why.starts_with("imds_endpoint is"), "{why}");
        }
    }
}
