//! What Microsoft Graph says of the app, as far as the caller may read it.

use crate::{output::one_line, rest::JsonService};
use azure_core::http::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};

/// Microsoft Learn, "application resource type".
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Application {
    #[serde(default)]
    pub(super) display_name: Option<String>,
    #[serde(default)]
    pub(super) sign_in_audience: Option<String>,
    #[serde(default)]
    pub(super) password_credentials: Vec<KeyCredential>,
    #[serde(default)]
    pub(super) key_credentials: Vec<KeyCredential>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyCredential {
    #[serde(default)]
    pub(super) key_id: Option<String>,
    #[serde(default)]
    pub(super) display_name: Option<String>,
    #[serde(default)]
    pub(super) end_date_time: Option<String>,
}

/// Microsoft Learn, "federatedIdentityCredential resource type".
#[derive(Clone, Debug, Deserialize)]
pub(super) struct FederatedCredential {
    pub(super) name: String,
    #[serde(default)]
    pub(super) issuer: String,
    /// `null` in one that matches by an expression.
    #[serde(default)]
    pub(super) subject: Option<String>,
    #[serde(default)]
    pub(super) audiences: Vec<String>,
}

/// Microsoft Learn, "servicePrincipal resource type".
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServicePrincipal {
    pub(super) id: String,
    #[serde(default)]
    pub(super) account_enabled: Option<bool>,
    #[serde(default)]
    pub(super) app_owner_organization_id: Option<String>,
}

/// Why something could not be read.
#[derive(Clone, Debug)]
pub(super) enum Unread {
    /// It does not exist in this tenant.
    Missing,
    /// The caller has no permission. In a line.
    Denied(String),
    /// In a line.
    Failed(String),
}

impl Unread {
    pub(super) fn told(&self) -> &str {
        match self {
            Self::Missing => "there is none",
            Self::Denied(why) | Self::Failed(why) => why,
        }
    }
}

/// A tenant's directory, by the eyes of one caller.
pub(super) struct Directory<'a> {
    pub(super) graph: &'a JsonService,
    pub(super) client_id: &'a str,
}

impl Directory<'_> {
    pub(super) async fn application(&self) -> Result<Application, Unread> {
        let query = [(
            "$select",
            "displayName,signInAudience,passwordCredentials,keyCredentials",
        )];
        self.get(&format!("applications(appId='{}')", self.client_id), &query)
            .await
    }

    pub(super) async fn federated_credentials(&self) -> Result<Vec<FederatedCredential>, Unread> {
        let app = format!("applications(appId='{}')", self.client_id);
        let path = ["v1.0", &app, "federatedIdentityCredentials"];
        self.graph.list(&path, &[]).await.map_err(unread)
    }

    pub(super) async fn service_principal(&self) -> Result<ServicePrincipal, Unread> {
        let query = [("$select", "id,accountEnabled,appOwnerOrganizationId")];
        self.get(
            &format!("servicePrincipals(appId='{}')", self.client_id),
            &query,
        )
        .await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        object: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Unread> {
        let url = self.graph.url(&["v1.0", object], query).map_err(unread)?;
        self.graph.get(url).await.map_err(unread)
    }
}

fn unread(error: azure_core::Error) -> Unread {
    // The token endpoint's refusals have an error of ours above them.
    let is_graphs = cross_tenant_identity::Error::find(&error).is_none();
    match error.http_status() {
        Some(StatusCode::NotFound) if is_graphs => Unread::Missing,
        Some(StatusCode::Forbidden) if is_graphs => Unread::Denied(one_line(&error)),
        _ => Unread::Failed(one_line(&error)),
    }
}
