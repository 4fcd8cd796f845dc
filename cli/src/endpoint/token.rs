//! The request for a token.
//!
//! Microsoft Learn: "How to use managed identities for App Service and Azure Functions", section
//! "REST endpoint reference".

use super::{
    Client, Clients, Peer, Service,
    answer::{Answer, Refusal},
};
use crate::{clock, output::one_line};
use aws_lc_rs::digest::{SHA256, digest};
use azure_core::credentials::{AccessToken, TokenCredential};
use cross_tenant_identity::{Error as IdentityError, Stage};
use hyper::{StatusCode, http::request::Parts};
use serde_json::json;
use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};
use tracing::{info, warn};

const HEADER: &str = "x-identity-header";

const API_VERSION: &str = "2019-08-01";
/// MSAL for .NET asks with it when a service has rejected a token.
const REFRESH_API_VERSION: &str = "2025-03-30";
/// The SHA-256 of the rejected token, in hexadecimal digits. Microsoft's document of it is
/// "MSAL Support for MSI v1 Token Revocation and Capabilities", in the repository of MSAL for .NET. By
/// that it comes with the version above; MSAL for JavaScript sends it with the other one. The parameter
/// `xms_cc` that comes with it is not heeded: tokens of a multi-tenant app cannot be revoked early.
const REJECTED: &str = "token_sha256_to_refresh";

/// The client asks again after this; the credential goes on and keeps what comes.
pub(super) const LONGEST: Duration = Duration::from_secs(100);
const LONGEST_RESOURCE: usize = 512;

/// Statuses of 4xx after which the same request may succeed.
const PASSING: [u16; 4] = [404, 408, 410, 429];

/// Tokens for it come from the host's identity endpoint and not from here.
const TOKEN_EXCHANGE: &str = "api://azureadtokenexchange";
const TOKEN_EXCHANGE_APP_ID: &str = "fb60f99c-7a34-4190-8149-302f77469936";

pub(super) async fn respond(
    service: &Service,
    clients: &Clients,
    head: &Parts,
    peer: &Peer,
) -> Answer {
    let started = clock::start();
    let client = match authenticate(clients, head) {
        Ok(client) => client,
        Err(refusal) => return service.refuse_unknown(refusal, peer),
    };
    let peer = peer.remote;
    let answer = answer(service, &client, head.uri.query().unwrap_or_default()).await;
    let outcome = answer.as_ref().map_or_else(|it| it.outcome, |_| "ok");
    service
        .metrics
        .answered(&client.name, outcome, started.elapsed());
    match answer {
        Ok(answer) => answer,
        Err(refusal) => {
            let status = refusal.status.as_u16();
            let why = &refusal.message;
            warn!(client = client.name, %peer, status, outcome, why, "no token");
            refusal.into()
        }
    }
}

fn authenticate(clients: &Clients, head: &Parts) -> Result<Arc<Client>, Refusal> {
    let mut given = head.headers.get_all(HEADER).iter();
    let client = match (given.next(), given.next()) {
        (Some(secret), None) => clients.with_secret(secret.as_bytes()),
        _ => None,
    };
    // The same for all: whoever has no secret learns nothing.
    client.ok_or_else(|| {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "The header X-IDENTITY-HEADER is missing or is not that of a client: send the value of the variable IDENTITY_HEADER.",
        )
    })
}

async fn answer(service: &Service, client: &Client, query: &str) -> Result<Answer, Refusal> {
    let query = Query::parse(query)?;
    query.check_tenant(client)?;
    query.check_selectors(client)?;
    let resource = query.resource()?;
    if !client.resources.allow(resource) {
        let message = format!(
            "The client {} may not get tokens for {resource}: add it to the client's resources in the configuration of this endpoint.",
            client.name
        );
        return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    let scope = format!("{resource}/.default");
    let token = clock::within(LONGEST, token(client, &scope, query.get(REJECTED)));
    let token = match token.await {
        Some(Ok(token)) => token,
        Some(Err(error)) => {
            service.metrics.no_token(&client.name, &kind(&error));
            return Err(refusal(&error));
        }
        None => {
            let message = format!("There was no token within {} s.", LONGEST.as_secs());
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                message,
            ));
        }
    };
    service.metrics.token(client, resource, token.expires_on);
    Ok(Answer::json(
        StatusCode::OK,
        &json!({
            "access_token": token.token.secret(),
            "client_id": client.app_id,
            "expires_on": token.expires_on.unix_timestamp().to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }),
    ))
}

/// The token, and another one if it is the one that a service has rejected.
async fn token(
    client: &Client,
    scope: &str,
    rejected: Option<&str>,
) -> azure_core::Result<AccessToken> {
    let scopes = [scope];
    let token = client.credential.get_token(&scopes, None).await?;
    if !rejected.is_some_and(|hash| sha256(&token).eq_ignore_ascii_case(hash)) {
        return Ok(token);
    }
    client.credential.invalidate(&scopes, &token);
    let next = client.credential.get_token(&scopes, None).await?;
    // At most once a minute, whoever asks: see `invalidate` of the credential.
    let replaced = next.token.secret() != token.token.secret();
    info!(
        client = client.name,
        scope, replaced, "a service has rejected a token"
    );
    Ok(next)
}

fn sha256(token: &AccessToken) -> String {
    let hash = digest(&SHA256, token.token.secret().as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// SDKs repeat a request after 5xx, for minutes: only what may pass by itself is 503. After 400 that of
/// Rust shows a text of its own in place of the message, so a refusal is 403.
fn refusal(error: &azure_core::Error) -> Refusal {
    let message = one_line(error);
    let ours = IdentityError::find(error);
    if ours.is_some_and(|it| it.stage() == Stage::Configuration) {
        return Refusal::bad_request(message);
    }
    let status = ours.and_then(IdentityError::status).map(u16::from);
    // Also one that passes when a new registration is known everywhere: a person has to see it first.
    let is_refused = status.is_some_and(|it| (400..500).contains(&it) && !PASSING.contains(&it));
    if is_refused || !ours.is_some_and(IdentityError::is_transient) {
        return Refusal::new(StatusCode::FORBIDDEN, "refused", message);
    }
    Refusal {
        retry_after: ours.and_then(IdentityError::retry_after),
        ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }
}

/// In a word: the code, the status, or where it happened.
pub(super) fn kind(error: &azure_core::Error) -> String {
    let Some(ours) = IdentityError::find(error) else {
        return "other".to_owned();
    };
    match (ours.code(), ours.status()) {
        (Some(code), _) => format!("AADSTS{code}"),
        (None, Some(status)) => u16::from(status).to_string(),
        (None, None) => match ours.stage() {
            Stage::Assertion => "identity".to_owned(),
            Stage::TokenEndpoint => "token".to_owned(),
            _ => "configuration".to_owned(),
        },
    }
}

/// The parameters, each of which is given once.
struct Query<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> Query<'a> {
    fn parse(query: &'a str) -> Result<Self, Refusal> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if parameters.insert(name, value).is_some() {
                return Err(Refusal::bad_request(
                    "A parameter is given twice: give it once.",
                ));
            }
        }
        let query = Self(parameters);
        match query.get("api-version") {
            Some(API_VERSION | REFRESH_API_VERSION) => Ok(query),
            _ => Err(Refusal::bad_request(format!(
                "The parameter api-version is missing or unknown: give {API_VERSION}."
            ))),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|value| &**value)
            .filter(|value| !value.is_empty())
    }

    fn resource(&self) -> Result<&str, Refusal> {
        let resource = self.get("resource").ok_or_else(|| {
            Refusal::bad_request(
                "The parameter resource is missing: give what the token is for, such as https://management.azure.com.",
            )
        })?;
        let resource = resource.strip_suffix("/.default").unwrap_or(resource);
        if resource.len() > LONGEST_RESOURCE
            // It is shown in the log, where nothing may act on a terminal.
            || !resource.chars().all(|it| it.is_ascii_graphic())
        {
            return Err(Refusal::bad_request(
                "The parameter resource is no resource: give one, such as https://management.azure.com.",
            ));
        }
        let lower = resource.to_ascii_lowercase();
        if lower.starts_with(TOKEN_EXCHANGE) || lower.contains(TOKEN_EXCHANGE_APP_ID) {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "This endpoint gives tokens of the target tenant, and none of them can be a client assertion (AADSTS700231). A program that makes assertions needs the identity endpoint of the host: run it without the variables IDENTITY_ENDPOINT and IDENTITY_HEADER of cross-tenant-identity.",
            ));
        }
        Ok(resource)
    }

    /// App Service has no such parameter. Whoever sends it nevertheless must not believe that it was
    /// heeded.
    fn check_tenant(&self, client: &Client) -> Result<(), Refusal> {
        for name in ["tenant", "tenant_id", "tenantId"] {
            if self
                .get(name)
                .is_some_and(|it| !it.eq_ignore_ascii_case(&client.target_tenant_id))
            {
                let message = format!(
                    "The client {} gets tokens of the tenant {} only: leave the parameter {name} out.",
                    client.name, client.target_tenant_id
                );
                return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message));
            }
        }
        Ok(())
    }

    fn check_selectors(&self, client: &Client) -> Result<(), Refusal> {
        for name in ["client_id", "principal_id", "object_id", "mi_res_id"] {
            if self.get(name).is_some_and(|it| !client.is_selected_by(it)) {
                return Err(Refusal::bad_request(format!(
                    "This endpoint has one identity, the app {}, and {name} selects another one: let the program select none (for example, unset AZURE_CLIENT_ID), or select the app.",
                    client.app_id
                )));
            }
        }
        Ok(())
    }
}
