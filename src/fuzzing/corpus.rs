//! Writes `tests/corpus` again: the emulator's responses to correct and wrong requests.

use azure_core::{
    base64::decode_url_safe,
    http::{Context, Method, Request, Transport, Url},
};
use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, Scenario, Step, Times};
use serde_json::Value;
use std::{fs, path::Path, time::Duration};
use url::form_urlencoded;

const ARM: &str = "https://management.azure.com";

struct World {
    azure: Emulator,
    scenario: Scenario,
    transport: Transport,
}

/// A response in two forms: one to read values from, one to write to a file.
struct Answered {
    body: Value,
    wire: String,
}

impl World {
    fn new(left_out: Option<Step>) -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = match left_out {
            Some(step) => azure.create_scenario_without(step),
            None => azure.create_scenario(),
        };
        let transport = azure.client_options().transport.unwrap();
        Self {
            azure,
            scenario,
            transport,
        }
    }

    async fn send(&self, mut request: Request) -> Answered {
        let answer = self.transport.send(&Context::new(), &mut request).await;
        let answer = answer.unwrap().try_into_raw_response().await.unwrap();
        let mut wire = format!("HTTP/1.1 {} \r\n", u16::from(answer.status()));
        for (name, value) in answer.headers().iter() {
            if super::wire::READ.contains(&name.as_str()) {
                wire.push_str(&format!("{}: {}\r\n", name.as_str(), value.as_str()));
            }
        }
        let text = String::from_utf8_lossy(answer.body().as_ref()).into_owned();
        wire.push_str("\r\n");
        wire.push_str(&unsigned(&text));
        Answered {
            body: serde_json::from_str(&text).unwrap_or_default(),
            wire,
        }
    }

    async fn identity(&self, query: &str, metadata: bool) -> Answered {
        let url = format!(
            "{}/metadata/identity/oauth2/token?{query}",
            self.azure.imds_url()
        );
        let mut request = Request::new(Url::parse(&url).unwrap(), Method::Get);
        if metadata {
            request.insert_header("metadata", "true");
        }
        self.send(request).await
    }

    async fn assertion(&self) -> Answered {
        let query = format!(
            "api-version=2018-02-01&resource=api://AzureADTokenExchange&client_id={}",
            self.scenario.identity_client_id
        );
        self.identity(&query, true).await
    }

    async fn exchange(&self, tenant: &str, scope: &str, assertion: &str) -> Answered {
        let url = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
        let mut request = Request::new(Url::parse(&url).unwrap(), Method::Post);
        request.insert_header("content-type", "application/x-www-form-urlencoded");
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.scenario.client_id)
            .append_pair("scope", scope)
            .append_pair("grant_type", "client_credentials")
            .append_pair(
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            )
            .append_pair("client_assertion", assertion)
            .finish();
        request.set_body(form);
        self.send(request).await
    }

    async fn token(&self) -> Answered {
        let assertion = text(&self.assertion().await.body, "access_token");
        let tenant = &self.scenario.target_tenant_id;
        self.exchange(tenant, &format!("{ARM}/.default"), &assertion)
            .await
    }

    async fn groups(&self, subscription: &str, token: Option<&str>) -> Answered {
        let url =
            format!("{ARM}/subscriptions/{subscription}/resourcegroups?api-version=2021-04-01");
        let mut request = Request::new(Url::parse(&url).unwrap(), Method::Get);
        if let Some(token) = token {
            request.insert_header("authorization", format!("Bearer {token}"));
        }
        self.send(request).await
    }
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap().to_owned()
}

/// Without the signatures: a corpus does not need them, and a reader need not ask whether they are
/// secret.
fn unsigned(answer: &str) -> String {
    let Ok(mut body) = serde_json::from_str::<Value>(answer) else {
        return answer.to_owned();
    };
    if let Some(token) = body["access_token"].as_str() {
        let payload = token.split('.').nth(1).unwrap();
        body["access_token"] = format!("e30.{payload}.c2ln").into();
    }
    body.to_string()
}

fn payload(token: &str) -> String {
    let payload = decode_url_safe(token.split('.').nth(1).unwrap()).unwrap();
    String::from_utf8(payload).unwrap()
}

fn write(target: &str, name: &str, seed: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), seed).unwrap();
}

#[tokio::test]
#[ignore = "writes tests/corpus anew; run it when the emulator has learnt another answer"]
async fn write_the_responses_of_the_emulator_to_the_corpus() {
    identity().await;
    token().await;
    refusal().await;
    challenge().await;
    for (name, wait) in [
        ("seconds", "5"),
        ("milliseconds", "1500"),
        ("date", "Fri, 15 Jan 2027 08:00:10 GMT"),
        ("past", "Fri, 15 Jan 2021 08:00:10 GMT"),
        ("negative", "-1"),
        ("large", "18446744073709551615"),
    ] {
        write("wait_asked_for", name, wait);
    }
}

async fn identity() {
    let world = World::new(None);
    let token = world.assertion().await;
    write("identity_answer", "token", &token.wire);
    write(
        "claims",
        "assertion",
        &payload(&text(&token.body, "access_token")),
    );
    let resource = "api-version=2018-02-01&resource=api://AzureADTokenExchange";
    for (name, query, metadata) in [
        ("no_header", resource.to_owned(), false),
        (
            "unknown_identity",
            format!("{resource}&client_id=44444444-4444-4444-8444-444444444444"),
            true,
        ),
        (
            "unknown_resource",
            "api-version=2018-02-01&resource=api://nothing".to_owned(),
            true,
        ),
        (
            "no_version",
            "resource=api://AzureADTokenExchange".to_owned(),
            true,
        ),
    ] {
        let refused = world.identity(&query, metadata).await;
        write("identity_answer", name, &refused.wire);
    }
    for (name, fault) in [
        ("gone", Fault::status(410)),
        ("throttled", Fault::retry_after(429, "3")),
        ("page", Fault::Html),
        ("no_json", Fault::NotJson),
    ] {
        world
            .azure
            .set_fault(Endpoint::Imds, fault, Times::Count(1));
        write("identity_answer", name, &world.assertion().await.wire);
    }
}

async fn token() {
    let world = World::new(None);
    world.azure.set_refresh_in(Some(Duration::from_secs(1800)));
    let token = world.token().await;
    write("token_answer", "token", &token.wire);
    write(
        "claims",
        "access_token",
        &payload(&text(&token.body, "access_token")),
    );
    write(
        "claims",
        "odd",
        r#"{"aud":["a","b"],"sub":7,"iss":"i","exp":1700000000.9}"#,
    );
    for (name, fault) in [
        ("page", Fault::Html),
        ("no_json", Fault::NotJson),
        ("unwell", Fault::retry_after(503, "1")),
        (
            "elsewhere",
            Fault::Redirect {
                location: "https://login.example/".to_owned(),
            },
        ),
    ] {
        world
            .azure
            .set_fault(Endpoint::Token, fault, Times::Count(1));
        write("token_answer", name, &world.token().await.wire);
    }
}

async fn refusal() {
    let scope = format!("{ARM}/.default");
    for step in Step::ALL {
        let world = World::new(Some(step));
        if step == Step::HostIdentity {
            continue;
        }
        let assertion = text(&world.assertion().await.body, "access_token");
        let target = world.scenario.target_tenant_id.clone();
        let refused = world.exchange(&target, &scope, &assertion).await;
        if refused.body.get("error_codes").is_some() {
            let seed = format!("{}\n{}", payload(&assertion), refused.wire);
            write("refusal", &step.to_string(), &seed);
        }
    }
    let world = World::new(None);
    let assertion = text(&world.assertion().await.body, "access_token");
    let target = world.scenario.target_tenant_id.as_str();
    let nobody = "44444444-4444-4444-8444-444444444444";
    for (name, tenant, scope, assertion) in [
        ("unknown_tenant", nobody, scope.as_str(), assertion.as_str()),
        ("no_default_scope", target, ARM, &assertion),
        (
            "unknown_resource",
            target,
            "https://nothing.example/.default",
            &assertion,
        ),
        ("no_jwt", target, &scope, "nothing"),
    ] {
        let refused = world.exchange(tenant, scope, assertion).await;
        let claims = assertion.contains('.').then(|| payload(assertion));
        let seed = format!("{}\n{}", claims.unwrap_or_default(), refused.wire);
        write("refusal", name, &seed);
    }
    world.azure.set_clock_offset(26 * 3600);
    let refused = world.exchange(target, &scope, &assertion).await;
    let seed = format!("{}\n{}", payload(&assertion), refused.wire);
    write("refusal", "expired_assertion", &seed);
    // Found by fuzzing: header values that a proxy can echo.
    write(
        "refusal",
        "echo",
        "{}\nHTTP/1.1 200 \r\ncontent-type: e30.e30.c2lnbmF0dXJlLWNhbmFyeQ\r\n\r\n{}",
    );
}

async fn challenge() {
    let world = World::new(None);
    let token = text(&world.token().await.body, "access_token");
    let ours = world.scenario.target_subscription_id.as_str();
    for (name, subscription, token) in [
        ("no_token", ours, None),
        ("no_jwt", ours, Some("nothing")),
        (
            "unknown_subscription",
            "44444444-4444-4444-8444-444444444444",
            Some(token.as_str()),
        ),
    ] {
        let refused = world.groups(subscription, token).await;
        write("challenge", name, &refused.wire);
    }
    let without = World::new(Some(Step::Role));
    let token = text(&without.token().await.body, "access_token");
    let refused = without.groups(ours, Some(&token)).await;
    write("challenge", "no_role", &refused.wire);
    // Services that the emulator does not have.
    write(
        "challenge",
        "storage",
        "HTTP/1.1 403 \r\nx-ms-error-code: AuthorizationPermissionMismatch\r\ncontent-type: application/xml\r\n\r\n<?xml version=\"1.0\"?><Error><Code>AuthorizationPermissionMismatch</Code></Error>",
    );
    write(
        "challenge",
        "vault",
        "HTTP/1.1 403 \r\ncontent-type: application/json\r\n\r\n{\"error\":{\"code\":\"Forbidden\",\"message\":\"Caller is not authorized to perform action on resource.\\r\\nCaller: appid=44444444-4444-4444-8444-444444444444;oid=22222222-2222-4222-8222-222222222222;iss=https://sts.windows.net/33333333-3333-4333-8333-333333333333/\\r\\nResource: '/subscriptions/x/resourcegroups/g/providers/microsoft.keyvault/vaults/v'\",\"innererror\":{\"code\":\"ForbiddenByRbac\"}}}",
    );
    write(
        "challenge",
        "claims",
        "HTTP/1.1 401 \r\nwww-authenticate: Bearer authorization_uri=\"https://login.windows.net/33333333-3333-4333-8333-333333333333\", error=\"insufficient_claims\", claims=\"e30=\"\r\n\r\n",
    );
    write(
        "challenge",
        "wrong_tenant",
        "HTTP/1.1 401 \r\nwww-authenticate: Bearer authorization_uri=\"https://login.windows.net/33333333-3333-4333-8333-333333333333\", error=\"invalid_token\"\r\n\r\n{\"error\":{\"code\":\"InvalidAuthenticationTokenTenant\",\"message\":\"The access token is from the wrong issuer 'https://sts.windows.net/22222222-2222-4222-8222-222222222222/'. It must match one of the tenants 'https://sts.windows.net/33333333-3333-4333-8333-333333333333/,https://sts.windows.net/44444444-4444-4444-8444-444444444444/' associated with this subscription.\"}}",
    );
}
