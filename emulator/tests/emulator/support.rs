//! An HTTP client for the emulator, and the requests of the scenario.

use cross_tenant_identity_emulator::{Emulator, ManagedIdentity, Scenario};
use reqwest::{Client, Method, header::HeaderMap};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const STORAGE: &str = "https://storage.azure.com";
pub(crate) const ARM: &str = "https://management.azure.com";
pub(crate) const EXCHANGE: &str = "api://AzureADTokenExchange";
pub(crate) const IMDS_PATH: &str = "/metadata/identity/oauth2/token";
pub(crate) const EXCHANGE_APP_ID: &str = "fb60f99c-7a34-4190-8149-302f77469936";

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no header {name}"))
            .to_str()
            .expect("text")
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name]
            .as_str()
            .unwrap_or_else(|| panic!("no text {name} in {}", self.body))
    }
}

/// An HTTP client that trusts only the emulator's CA.
pub(crate) fn http(emulator: &Emulator) -> Client {
    let ca = reqwest::Certificate::from_pem(emulator.ca_pem().as_bytes()).expect("a certificate");
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([ca])
        .build()
        .expect("a client")
}

pub(crate) async fn send(
    emulator: &Emulator,
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    form: Option<&[(String, String)]>,
) -> Response {
    let mut request = http(emulator).request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(form) = form {
        request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encoded(form));
    }
    let response = request.send().await.expect("a response");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.expect("a body");
    Response {
        status,
        headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

pub(crate) async fn get(emulator: &Emulator, url: &str, headers: &[(&str, &str)]) -> Response {
    send(emulator, Method::GET, url, headers, None).await
}

pub(crate) fn encoded(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// The documented request to IMDS, with more query parameters.
pub(crate) async fn imds(emulator: &Emulator, resource: &str, more: &[(&str, &str)]) -> Response {
    let mut query = vec![
        ("api-version".to_owned(), "2018-02-01".to_owned()),
        ("resource".to_owned(), resource.to_owned()),
    ];
    query.extend(more.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())));
    let url = format!("{}{IMDS_PATH}?{}", emulator.imds_url(), encoded(&query));
    get(emulator, &url, &[("Metadata", "true")]).await
}

/// Adds a managed identity, and assigns it to the host.
pub(crate) fn assign_to_host(emulator: &Emulator, identity: &ManagedIdentity) {
    emulator
        .add_managed_identity(identity.clone())
        .expect("a tenant");
    emulator
        .assign_identity_to_host(&identity.principal_id)
        .expect("an identity");
}

pub(crate) async fn assertion(emulator: &Emulator) -> String {
    let response = imds(emulator, EXCHANGE, &[]).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response.text("access_token").to_owned()
}

/// A valid token request, which a test can change.
#[derive(Clone, Debug)]
pub(crate) struct TokenRequest {
    pub(crate) tenant: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl TokenRequest {
    pub(crate) fn new(scenario: &Scenario, assertion: &str, resource: &str) -> TokenRequest {
        let fields = [
            ("client_id", scenario.client_id.as_str()),
            ("scope", &format!("{resource}/.default")),
            ("grant_type", "client_credentials"),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion),
        ];
        TokenRequest {
            tenant: scenario.target_tenant_id.clone(),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    pub(crate) fn at(mut self, tenant: &str) -> TokenRequest {
        self.tenant = tenant.to_owned();
        self
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> TokenRequest {
        self = self.without(name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> TokenRequest {
        self.fields.retain(|(found, _)| found != name);
        self
    }

    pub(crate) async fn send(&self, emulator: &Emulator) -> Response {
        self.send_with(emulator, &[]).await
    }

    pub(crate) async fn send_with(
        &self,
        emulator: &Emulator,
        headers: &[(&str, &str)],
    ) -> Response {
        let url = format!("{}/{}/oauth2/v2.0/token", emulator.https_url(), self.tenant);
        send(emulator, Method::POST, &url, headers, Some(&self.fields)).await
    }
}

/// An access token of the app in the target tenant.
pub(crate) async fn access_token(
    emulator: &Emulator,
    scenario: &Scenario,
    resource: &str,
) -> String {
    let request = TokenRequest::new(scenario, &assertion(emulator).await, resource);
    let response = request.send(emulator).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response.text("access_token").to_owned()
}

/// Checks every part of a refusal by Entra: status, `error`, code, description, ids, headers.
#[track_caller]
pub(crate) fn assert_refused(response: &Response, status: u16, error: &str, code: u32) {
    let body = &response.body;
    let description = response.text("error_description");
    assert_eq!(body["error_codes"], json!([code]), "{description}");
    assert_eq!(response.status, status, "{description}");
    assert_eq!(response.text("error"), error, "{description}");
    assert!(description.starts_with(&format!("AADSTS{code}: ")));
    let ending = format!(
        " Trace ID: {} Correlation ID: {} Timestamp: {}",
        response.text("trace_id"),
        response.text("correlation_id"),
        response.text("timestamp")
    );
    assert!(description.ends_with(&ending), "{description}");
    let timestamp = response.text("timestamp");
    assert_eq!(timestamp.len(), "2026-11-24 02:01:51Z".len());
    assert!(timestamp.ends_with('Z') && timestamp.as_bytes()[10] == b' ');
    assert!(
        response
            .text("error_uri")
            .ends_with(&format!("error?code={code}"))
    );
    assert_eq!(
        response.header("x-ms-request-id"),
        response.text("trace_id")
    );
    assert!(!response.header("x-ms-ests-server").is_empty());
    assert_eq!(response.header("cache-control"), "no-store, no-cache");
}

/// Checks an error response in the format of Azure's services.
#[track_caller]
pub(crate) fn assert_error(response: &Response, status: u16, code: &str, message: &str) {
    assert_eq!(response.status, status, "{}", response.body);
    let error = &response.body["error"];
    assert_eq!(error["code"], code, "{}", response.body);
    let said = error["message"].as_str().expect("a message");
    assert!(said.contains(message), "{said}");
    assert_eq!(
        response.headers.contains_key("www-authenticate"),
        status == 401
    );
}

/// The claims of a JWT. The signature is not checked.
pub(crate) fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("three parts");
    let bytes = azure_core::base64::decode_url_safe(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[allow(clippy::disallowed_methods, reason = "tokens contain their expiry")]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("a time that fits")
}

/// The claims of a valid assertion, for tests that change one of them.
pub(crate) fn assertion_claims(scenario: &Scenario) -> Value {
    json!({
        "aud": EXCHANGE_APP_ID,
        "iss": format!("https://login.microsoftonline.com/{}/v2.0", scenario.home_tenant_id),
        "iat": now() - 300,
        "nbf": now() - 300,
        "exp": now() + 3600,
        "azp": scenario.identity_client_id,
        "azpacr": "2",
        "idtyp": "app",
        "oid": scenario.identity_principal_id,
        "sub": scenario.identity_principal_id,
        "tid": scenario.home_tenant_id,
        "ver": "2.0",
    })
}
