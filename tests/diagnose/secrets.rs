//! No token in a report, wherever it came back, and nothing that speaks to a terminal.

use super::*;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use cross_tenant_identity::ManagedIdentityAssertion;
use cross_tenant_identity_emulator::{Fault, Times};

/// All that can be seen of a report.
fn everything_of(report: &Report) -> String {
    let mut seen = format!(
        "{report} {report:?} {report:#?} {}",
        serde_json::to_string(report).unwrap()
    );
    for who in [
        Actor::HomeAdministrator,
        Actor::TargetAdministrator,
        Actor::BothAdministrators,
        Actor::Developer,
        Actor::Operator,
        Actor::Nobody,
    ] {
        let part = report.part_for(who);
        seen += &format!("{part} {part:?} {}", serde_json::to_string(&part).unwrap());
    }
    seen
}

/// Answers that hold a text where it does not belong.
fn echoes(secret: &str) -> Vec<Fault> {
    let json = |status, body: serde_json::Value| Fault::json(status, &body.to_string());
    vec![
        json(
            400,
            serde_json::json!({"error": "invalid_request", "error_description": secret}),
        ),
        json(
            401,
            serde_json::json!({"error": secret, "error_description": format!("AADSTS700213: presented assertion subject '{secret}', assertion issuer 'https://{secret}'."), "error_codes": [700213], "suberror": secret, "trace_id": secret, "correlation_id": secret, "timestamp": secret}),
        ),
        json(
            403,
            serde_json::json!({"error": {"code": "AuthorizationFailed", "message": format!("The client '{secret}' with object id '{secret}' does not have authorization to perform action '{secret}' over scope '{secret}'.")}}),
        ),
        json(
            403,
            serde_json::json!({"error": {"code": secret, "message": secret}}),
        ),
        Fault::Response {
            status: 502,
            headers: vec![("content-type".into(), "text/html".into())],
            body: format!("<p>POST client_assertion={secret}</p>").into_bytes(),
        },
        Fault::Response {
            status: 403,
            headers: vec![
                (
                    "www-authenticate".into(),
                    format!(
                        "Bearer error=\"invalid_token\", error_description=\"{secret}\", authorization_uri=\"https://login.microsoftonline.com/{secret}\""
                    ),
                ),
                ("content-type".into(), secret.into()),
            ],
            body: secret.as_bytes().to_vec(),
        },
        Fault::Redirect {
            location: format!("https://elsewhere.example/?token={secret}"),
        },
    ]
}

#[tokio::test]
async fn a_token_that_comes_back_in_any_answer_is_not_in_the_report() {
    let world = World::new();
    world.azure.set_loop_detection(false);
    let assertion = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    // The one that the host keeps, and so the one of each report.
    let secret = assertion.secret(None).await.unwrap();
    for endpoint in [Endpoint::Imds, Endpoint::Token, Endpoint::ResourceManager] {
        for fault in echoes(&secret) {
            let shown = format!("{endpoint:?} {fault:?}");
            world.azure.set_fault(endpoint, fault, Times::UntilCleared);
            let report = report_on(&world).await;
            world.azure.clear_faults();
            assert!(!report.is_ok(), "{report}");
            let seen = everything_of(&report);
            for part in secret.split('.') {
                assert!(!seen.contains(part), "{} is shown", &shown[..40]);
            }
            assert!(!seen.contains("eyJ"), "{report}");
        }
    }
}

#[derive(Debug)]
struct Opaque;

const OPAQUE: &str = "opaque canary/2f6c1d";

#[async_trait::async_trait]
impl ClientAssertion for Opaque {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(OPAQUE.to_owned())
    }
}

/// Without the shape of a token it can be known by its value alone.
#[tokio::test]
async fn a_token_that_does_not_look_like_one_is_not_in_the_report_either() {
    let world = World::new();
    world.azure.set_loop_detection(false);
    let issued = serde_json::json!({
        "token_type": "Bearer", "expires_in": 3599, "access_token": "opaque token/9b1d7e",
    })
    .to_string();
    let credential = world.with_assertion(Opaque, world.options());
    let both = format!("{OPAQUE} opaque+canary%2F2f6c1d opaque token/9b1d7e opaque+token%2F9b1d7e");
    for fault in echoes(&both) {
        world
            .azure
            .set_fault(Endpoint::Token, Fault::json(200, &issued), Times::Count(1));
        world.azure.set_fault(
            Endpoint::ResourceManager,
            fault.clone(),
            Times::UntilCleared,
        );
        let report = report_by(&world, &credential).await;
        assert_eq!(
            report.failed_step().unwrap().kind(),
            StepKind::Resource,
            "{report}"
        );
        assert!(
            report.to_string().contains("its claims cannot be read"),
            "{report}"
        );
        let seen = everything_of(&report);
        world.azure.clear_faults();
        // The token endpoint knows the assertion alone.
        for fault in echoes(OPAQUE) {
            world
                .azure
                .set_fault(Endpoint::Token, fault, Times::UntilCleared);
            let report = report_by(&world, &credential).await;
            let at = everything_of(&report).find("canary");
            assert_eq!(at, None, "{report}");
            world.azure.clear_faults();
        }
        for canary in ["canary", "2f6c1d", "token/9b1d7e", "token%2F9b1d7e"] {
            let at = seen.find(canary);
            let around = at.map(|at| &seen[at.saturating_sub(200)..at]);
            assert_eq!(around, None, "{canary}");
        }
    }
}

#[tokio::test]
async fn a_text_that_speaks_to_a_terminal_is_escaped() {
    const HOSTILE: &str = "\u{1b}[31m\u{202e}\u{0}\n$(rm -rf /) `id` '; drop";
    let world = World::new();
    world.azure.set_loop_detection(false);
    for endpoint in [Endpoint::Imds, Endpoint::Token, Endpoint::ResourceManager] {
        for fault in echoes(HOSTILE) {
            world.azure.set_fault(endpoint, fault, Times::UntilCleared);
            let report = report_on(&world).await;
            world.azure.clear_faults();
            for text in [
                report.to_string(),
                report.part_for(Actor::TargetAdministrator).to_string(),
                report.part_for(Actor::HomeAdministrator).to_string(),
            ] {
                let is_bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
                assert!(!text.contains(is_bad), "{text:?}");
            }
            for step in report.steps() {
                assert!(!step.summary().contains('\n'), "{report}");
                for command in step.diagnosis().iter().flat_map(|it| it.commands()) {
                    assert!(!command.text().contains("rm -rf"), "{command}");
                }
            }
        }
    }
}

#[tokio::test]
async fn claims_of_a_hostile_assertion_are_made_harmless() {
    #[derive(Debug)]
    struct Hostile(String);
    #[async_trait::async_trait]
    impl ClientAssertion for Hostile {
        async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
            Ok(self.0.clone())
        }
    }
    let world = World::new();
    let secret = world.azure.sign(&serde_json::json!({"a": 1}));
    let jwt = world.azure.sign(&serde_json::json!({
        "iss": secret, "sub": "\u{1b}[31m\nx", "aud": ["x".repeat(10_000)], "tid": "../../evil",
        "azp": {"a": 1}, "exp": i64::MAX, "iat": i64::MIN, "roles": [[]],
    }));
    let credential = world.with_assertion(Hostile(jwt), world.options());
    let report = report_by(&world, &credential).await;
    let home = report.step(StepKind::HomeExchange).unwrap();
    assert_eq!(home.outcome(), StepOutcome::Skipped, "{report}");
    let seen = everything_of(&report);
    for part in secret.split('.').skip(1) {
        assert!(!seen.contains(part), "{report}");
    }
    assert!(!report.to_string().contains('\u{1b}'), "{report}");
    assert!(report.to_string().len() < 10_000, "{report}");
}

/// It may hold a signature.
#[tokio::test]
async fn the_query_of_the_resources_url_is_not_shown() {
    let world = World::new();
    let options = DiagnoseOptions {
        resource_url: Some(format!("{}&sig=canary", groups_url(&world))),
        ..Default::default()
    };
    let credential = world.credential();
    for fault in [Fault::status(403), Fault::Reset, Fault::status(200)] {
        world
            .azure
            .set_fault(Endpoint::ResourceManager, fault, Times::Count(1));
        let report = credential.diagnose(&[ARM], Some(options.clone())).await;
        let seen = everything_of(&report);
        assert!(!seen.contains("canary"), "{report}");
    }
}
