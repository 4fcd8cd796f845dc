//! The metadata of Entra: OpenID configuration and instance discovery.
//!
//! OpenID Connect Discovery 1.0 section 3; Microsoft Learn, "OpenID Connect on the Microsoft
//! identity platform".

use serde_json::json;

use crate::{
    entra::refusal::Refusal,
    wire::http::{Request, Response},
    world::{World, tokens::v1_issuer},
};

/// The names that stand for every tenant.
const ANY_TENANT: [&str; 3] = ["common", "organizations", "consumers"];

pub(crate) fn openid_configuration(
    world: &World,
    request: &Request,
    tenant: &str,
    v2: bool,
) -> Response {
    let id = match world.directory.tenant(tenant) {
        Some(known) => known.id.clone(),
        None if ANY_TENANT.contains(&tenant) => "{tenantid}".to_owned(),
        None => {
            let now = world.now();
            return Refusal::unknown_tenant(tenant).response(request, now);
        }
    };
    let cloud = world.directory.cloud;
    let (origin, path) = (request.https_origin(), if v2 { "/v2.0" } else { "" });
    Response::json(
        200,
        &json!({
            "issuer": if v2 { cloud.issuer(&id) } else { v1_issuer(&id) },
            "token_endpoint": format!("{origin}/{tenant}/oauth2{path}/token"),
            "authorization_endpoint": format!("{origin}/{tenant}/oauth2{path}/authorize"),
            "device_authorization_endpoint": format!("{origin}/{tenant}/oauth2{path}/devicecode"),
            "end_session_endpoint": format!("{origin}/{tenant}/oauth2{path}/logout"),
            "jwks_uri": format!("{origin}/{tenant}/discovery{path}/keys"),
            "token_endpoint_auth_methods_supported":
                ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver", "uti"],
            "tenant_region_scope": null,
            "cloud_instance_name": cloud.issuer_host().trim_start_matches("login."),
        }),
    )
}

/// Instance discovery: the host names that belong to the same authority.
pub(crate) fn instance_discovery(request: &Request) -> Response {
    let tenant_discovery_endpoint = request.query("authorization_endpoint").map_or_else(
        || {
            format!(
                "{}/common/v2.0/.well-known/openid-configuration",
                request.https_origin()
            )
        },
        |endpoint| {
            let authority = endpoint
                .split_once("/oauth2/")
                .map_or(endpoint, |(authority, _)| authority);
            format!("{authority}/v2.0/.well-known/openid-configuration")
        },
    );
    Response::json(
        200,
        &json!({
            "tenant_discovery_endpoint": tenant_discovery_endpoint,
            "api-version": "1.1",
            "metadata": [
                {
                    "preferred_network": "login.microsoftonline.com",
                    "preferred_cache": "login.windows.net",
                    "aliases": [
                        "login.microsoftonline.com",
                        "login.windows.net",
                        "login.microsoft.com",
                        "sts.windows.net",
                    ],
                },
                {
                    "preferred_network": "login.partner.microsoftonline.cn",
                    "preferred_cache": "login.partner.microsoftonline.cn",
                    "aliases": ["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
                },
                {
                    "preferred_network": "login.microsoftonline.us",
                    "preferred_cache": "login.microsoftonline.us",
                    "aliases": ["login.microsoftonline.us", "login.usgovcloudapi.net"],
                },
            ],
        }),
    )
}
