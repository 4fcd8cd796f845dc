//! What Contoso's service responds: one credential, shared by all the SDK clients that it has.

use super::arm::ResourceManager;
use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use azure_core::{credentials::TokenCredential, http::ClientOptions};
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use cross_tenant_identity::{Diagnosis, Error};
use futures::TryStreamExt;
use serde_json::{Value, json};
use std::sync::Arc;

/// Shared by all requests; a clone is a handle.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    credential: Arc<dyn TokenCredential>,
    arm: ResourceManager,
    subscription_id: String,
    vault: Option<SecretClient>,
}

/// The secret of Litware's vault that the service has a use for.
pub const SECRET: &str = "greeting";

impl Service {
    pub fn new(
        credential: Arc<dyn TokenCredential>,
        arm: ResourceManager,
        subscription_id: String,
        vault: Option<SecretClient>,
    ) -> Self {
        Self(Arc::new(Inner {
            credential,
            arm,
            subscription_id,
            vault,
        }))
    }

    pub fn router(&self) -> Router {
        Router::new()
            .route("/groups", get(groups))
            .route("/secret", get(secret))
            .route("/ready", get(ready))
            .route("/live", get(async || "alive"))
            .with_state(self.clone())
    }

    /// The names of the resource groups that Litware lets Contoso see.
    pub async fn groups(&self) -> azure_core::Result<Vec<String>> {
        self.0
            .arm
            .resource_groups(&self.0.subscription_id)?
            .map_ok(|group| group.name)
            .try_collect()
            .await
    }
}

/// A client of the vault at `url`.
///
/// # Errors
///
/// When the URL makes no sense.
pub fn vault_client(
    url: &str,
    credential: Arc<dyn TokenCredential>,
    client_options: ClientOptions,
) -> azure_core::Result<SecretClient> {
    // An emulator at https://localhost asks for a token for vault.azure.net, which the client refuses
    // otherwise.
    let is_emulator = url.starts_with("https://localhost") || url.starts_with("https://127.0.0.1");
    let options = SecretClientOptions {
        client_options,
        verify_challenge_resource: Some(!is_emulator),
        ..Default::default()
    };
    SecretClient::new(url, credential, Some(options))
}

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

async fn groups(State(service): State<Service>) -> Answer {
    match service.groups().await {
        Ok(names) => Ok(Json(json!({ "groups": names }))),
        Err(error) => Err((StatusCode::BAD_GATEWAY, explained(&error))),
    }
}

/// Uses a secret of Litware's vault, and shows no more of it than its length.
async fn secret(State(service): State<Service>) -> Answer {
    let Some(vault) = &service.0.vault else {
        let why = json!({ "error": "no vault is configured: set TARGET_VAULT_URL" });
        return Err((StatusCode::NOT_FOUND, Json(why)));
    };
    let secret = match vault.get_secret(SECRET, None).await {
        Ok(answer) => answer.into_model(),
        Err(error) => Err(error),
    };
    match secret {
        Ok(secret) => {
            let characters = secret.value.unwrap_or_default().chars().count();
            Ok(Json(json!({ "secret": SECRET, "characters": characters })))
        }
        Err(error) => Err((StatusCode::BAD_GATEWAY, explained(&error))),
    }
}

/// Whether the service can get a token, which everything else that it does needs. Nearly always the
/// token is in the cache; in an outage, the last error is. So a probe may ask often.
async fn ready(State(service): State<Service>) -> Answer {
    match service
        .0
        .credential
        .get_token(&[service.0.arm.scope()], None)
        .await
    {
        Ok(_) => Ok(Json(json!({ "ready": true }))),
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, explained(&error))),
    }
}

/// For the operator: what happened, who has to act, what to run. It holds no secret.
fn explained(error: &azure_core::Error) -> Json<Value> {
    let why = Error::find(error).map_or_else(|| error.to_string(), ToString::to_string);
    tracing::warn!(%why, "refused");
    let diagnosis = Diagnosis::of(error);
    let commands = diagnosis.iter().flat_map(Diagnosis::commands);
    Json(json!({
        "error": why,
        "explanation": cross_tenant_identity::explain(error).to_string(),
        "who": diagnosis.as_ref().map(|diagnosis| diagnosis.who().to_string()),
        "commands": commands.map(ToString::to_string).collect::<Vec<_>>(),
    }))
}
