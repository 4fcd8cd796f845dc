//! The claims of the access tokens that Entra issues.

use serde_json::{Value, json};

use crate::world::{
    cloud::Cloud,
    principals::Application,
    tokens::{TOKEN_EXCHANGE_APP_ID, opaque, v1_issuer},
};

pub(crate) struct Claims<'a> {
    pub(crate) cloud: Cloud,
    pub(crate) application: &'a Application,
    pub(crate) tenant_id: &'a str,
    /// `None` for an app without a service principal.
    pub(crate) principal_id: Option<&'a str>,
    pub(crate) resource: &'a str,
    /// The application permissions on the resource.
    pub(crate) roles: Option<Vec<&'static str>>,
    pub(crate) not_before: i64,
    pub(crate) expires_on: i64,
}

impl Claims<'_> {
    /// Microsoft Learn, "Access token claims reference": tokens for Azure's resources are v1.0. A
    /// token for token exchange is v2.0. `xms_ficinfo` marks it as issued through a federated
    /// identity credential.
    pub(crate) fn to_json(&self) -> Value {
        let mut claims = json!({
            "iat": self.not_before,
            "nbf": self.not_before,
            "exp": self.expires_on,
            "aio": opaque(),
            "idtyp": "app",
            "rh": opaque(),
            "tid": self.tenant_id,
            "uti": opaque(),
        });
        let exchange = self.cloud.token_exchange_audience();
        if self.resource.eq_ignore_ascii_case(exchange) {
            claims["aud"] = json!(TOKEN_EXCHANGE_APP_ID);
            claims["iss"] = json!(self.cloud.issuer(self.tenant_id));
            claims["azp"] = json!(self.application.client_id);
            claims["azpacr"] = json!("2");
            claims["ver"] = json!("2.0");
            claims["xms_ficinfo"] = json!(opaque());
        } else {
            claims["aud"] = json!(self.resource);
            claims["iss"] = json!(v1_issuer(self.tenant_id));
            claims["idp"] = json!(v1_issuer(self.tenant_id));
            claims["appid"] = json!(self.application.client_id);
            claims["appidacr"] = json!("2");
            claims["ver"] = json!("1.0");
        }
        if let Some(roles) = &self.roles {
            claims["roles"] = json!(roles);
        }
        if let Some(principal_id) = self.principal_id {
            claims["oid"] = json!(principal_id);
            claims["sub"] = json!(principal_id);
        }
        claims
    }
}
