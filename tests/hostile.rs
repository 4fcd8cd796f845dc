//! Responses that try to send a secret elsewhere, to use up memory or time, or to attack the
//! reader's terminal and shell.

#[path = "../examples/support/arm.rs"]
#[allow(dead_code)]
mod arm;
mod support;
#[path = "../examples/support/vault.rs"]
mod vault;

use arm::ResourceManager;
use azure_core::credentials::TokenCredential;
use azure_identity::ClientAssertion;
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use cross_tenant_identity::{Diagnosis, Error, Stage};
use cross_tenant_identity_emulator::{Endpoint, Fault, Times};
use futures::TryStreamExt;
use support::{ARM, World, refused};

#[tokio::test]
async fn a_next_link_to_another_origin_gets_no_token() {
    let world = World::new();
    // Another port of the same machine, where a server would answer: only the check of the origin
    // prevents the request.
    let elsewhere = format!("{}/subscriptions", world.azure.https_url());
    for link in [
        elsewhere.as_str(),
        "http://management.azure.com/subscriptions",
        "https://management.azure.com.example.com/",
        "https://management.azure.com@example.com/",
        "//example.com/",
    ] {
        let page = serde_json::json!({ "value": [], "nextLink": link }).to_string();
        world.azure.clear_requests();
        world.azure.set_fault(
            Endpoint::ResourceManager,
            Fault::json(200, &page),
            Times::Count(1),
        );
        let error = list_fails(&world).await;
        assert!(error.to_string().contains("leads away"), "{link}: {error}");
        let asked = world.azure.requests();
        let bearers = asked
            .iter()
            .filter(|it| it.header("authorization").is_some());
        assert_eq!(bearers.count(), 1, "{link}");
    }
}

/// The error of an SDK client that lists all resource groups.
async fn list_fails(world: &World) -> azure_core::Error {
    let arm = ResourceManager::new(world.credential(), world.azure.client_options()).unwrap();
    arm.resource_groups(&world.scenario.target_subscription_id)
        .unwrap()
        .try_collect::<Vec<_>>()
        .await
        .unwrap_err()
}

/// A vault's challenge names an authority and a resource. But the credential decides where the
/// assertion goes, and the client decides what the token is for.
#[tokio::test]
async fn a_challenge_cannot_redirect_the_assertion_or_a_token() {
    const VAULT: &str = "https://vault.azure.net";
    let world = World::new();
    let url = vault::emulated(&world.azure, &world.scenario, "greeting").unwrap();
    for (authority, resource, is_answered) in [
        ("https://login.evil.example/x", VAULT, true),
        (&*format!("{}/x", world.azure.https_url()), VAULT, true),
        (
            "https://login.microsoftonline.com/x",
            "https://evil.example",
            false,
        ),
    ] {
        world.azure.clear_requests();
        let challenge = format!(r#"Bearer authorization="{authority}", resource="{resource}""#);
        let fault = Fault::Response {
            status: 401,
            headers: vec![("www-authenticate".into(), challenge)],
            body: Vec::new(),
        };
        world
            .azure
            .set_fault(Endpoint::KeyVault, fault, Times::Count(1));
        let options = SecretClientOptions {
            client_options: world.azure.client_options(),
            ..Default::default()
        };
        let client = SecretClient::new(&url, world.credential(), Some(options)).unwrap();
        let answer = client.get_secret("greeting", None).await;
        assert_eq!(answer.is_ok(), is_answered, "{authority} {resource}");
        let asked = world.azure.requests_to(Endpoint::Token);
        assert_eq!(asked.len(), usize::from(is_answered), "{asked:?}");
        for request in asked {
            assert_eq!(request.host, "login.microsoftonline.com");
            assert!(
                request
                    .path
                    .starts_with(&format!("/{}/", world.scenario.target_tenant_id))
            );
        }
        assert_eq!(world.count(Endpoint::Other), 0);
    }
}

#[derive(Debug)]
struct Endless;

#[async_trait::async_trait]
impl ClientAssertion for Endless {
    async fn secret(
        &self,
        _: Option<azure_core::http::ClientMethodOptions<'_>>,
    ) -> azure_core::Result<String> {
        let claims = format!(r#"{{"exp":9999999999,"x":"{}"}}"#, "x".repeat(5_000_000));
        let claims = azure_core::base64::encode_url_safe(claims);
        Ok(format!("eyJhbGciOiJub25lIn0.{claims}.c2ln"))
    }
}

#[tokio::test]
async fn a_jwt_with_megabytes_of_claims_is_refused_before_it_is_sent() {
    let world = World::new();
    let credential = world.with_assertion(Endless, world.options());
    let error = refused(&credential, ARM).await;
    assert_eq!(error.stage(), Stage::Assertion);
    assert!(error.to_string().contains("64 KiB"), "{error}");
    assert!(error.to_string().len() < 1000);
    assert_eq!(world.count(Endpoint::Token), 0);
}

#[tokio::test]
async fn text_of_a_response_cannot_attack_the_terminal_or_shell() {
    let world = World::new();
    let text = "AADSTS7000229: \u{1b}]0;owned\u{7}\u{1b}[2J $(reboot) `reboot` '; reboot #\0\u{202e} the tenant 'x'; reboot; '";
    let body = serde_json::json!({
        "error": "invalid_client\u{1b}[31m",
        "error_description": text,
        "error_codes": [7000229],
        "trace_id": "\u{1b}[2J; reboot",
        "correlation_id": "$(reboot)",
        "error_uri": "javascript:reboot()",
    });
    let fault = Fault::json(401, &body.to_string());
    world
        .azure
        .set_fault(Endpoint::Token, fault, Times::UntilCleared);
    let error = refused(&world.credential(), ARM).await;
    assert_eq!(error.code(), Some(7000229));
    let diagnosis = error.diagnosis().unwrap();
    for shown in [
        error.to_string(),
        format!("{error:?}"),
        diagnosis.to_string(),
    ] {
        let is_raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(is_raw), "{shown:?}");
    }
    for command in diagnosis.commands() {
        let command = command.to_string();
        assert!(!command.contains("reboot"), "{command}");
    }
    assert!(diagnosis.commands().len() >= 2);
}

#[tokio::test]
async fn text_of_resource_manager_cannot_attack_the_terminal_or_shell() {
    let world = World::new();
    let body = serde_json::json!({ "error": {
        "code": "AuthorizationFailed",
        "message": "The client '$(reboot)' with object id '; reboot #' does not have authorization to perform action '\u{1b}[2J' over scope '/subscriptions/x; reboot' or the scope is invalid.",
    }});
    let fault = Fault::json(403, &body.to_string());
    world
        .azure
        .set_fault(Endpoint::ResourceManager, fault, Times::UntilCleared);
    let error = list_fails(&world).await;
    assert!(Error::find(&error).is_none());
    let diagnosis = Diagnosis::of(&error).unwrap();
    assert!(!diagnosis.to_string().contains('\u{1b}'), "{diagnosis:?}");
    for command in diagnosis.commands() {
        let command = command.to_string();
        assert!(!command.contains("reboot"), "{command}");
    }
}

#[tokio::test]
async fn a_redirect_is_refused_on_both_legs_and_not_followed() {
    let world = World::new();
    for (status, location) in [
        (302, format!("{}/steal", world.azure.https_url())),
        (307, format!("{}/steal", world.azure.https_url())),
        (308, "http://login.microsoftonline.com/steal".to_owned()),
    ] {
        for endpoint in [Endpoint::Imds, Endpoint::Token] {
            world.azure.clear_requests();
            world.azure.clear_faults();
            let fault = Fault::Response {
                status,
                headers: vec![("location".into(), location.clone())],
                body: Vec::new(),
            };
            world.azure.set_fault(endpoint, fault, Times::UntilCleared);
            let error = world
                .credential()
                .get_token(&[ARM], None)
                .await
                .unwrap_err();
            assert!(error.to_string().contains("redirect"), "{error}");
            assert_eq!(world.count(endpoint), 1);
            assert_eq!(world.count(Endpoint::Other), 0);
        }
    }
}
