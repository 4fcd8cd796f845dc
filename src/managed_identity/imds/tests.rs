use super::{address::POD_IDENTITY_AUTHORITY_HOST, tries::LONGEST_UNREACHED, *};
use crate::{
    time::tests::TestClock,
    transport::scripted::{Scripted, Step},
};
use azure_core::error::ErrorKind;
use azure_identity::UserAssignedId;
use std::time::Duration;

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

/// The result, the number of requests and the pauses, with an IMDS that answers in these steps.
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
        format!(r#"{{"access_token":"{CANARY}","expires_on":"1800086400","token_type":"Bearer"}}"#),
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
async fn the_identity_header_of_another_host_is_neither_sent_nor_shown() {
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
        let (result, requests, _) = play([refusal(status, "invalid_request", "x"), token()]).await;
        assert_eq!(result.unwrap_err().status(), Some(status.into()));
        assert_eq!(requests, 1, "{status}");
    }
}

#[tokio::test]
async fn an_outage_ends_after_six_tries_and_its_status_is_in_the_error() {
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
async fn status_410_is_tried_again_for_seventy_seconds() {
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
        (Step::NoAnswer, LONGEST_UNREACHED),
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
async fn imds_may_need_some_seconds_on_a_machine_that_is_starting() {
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
    assert!(clock.monotonic() > LONGEST_UNREACHED && clock.monotonic() <= DEADLINE);
}

#[tokio::test]
async fn the_metadata_service_of_another_cloud_is_not_taken_for_imds() {
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
async fn an_answer_that_is_too_large_is_not_read_and_not_requested_again() {
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
async fn the_message_quotes_the_answer_and_the_source_has_the_response() {
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
