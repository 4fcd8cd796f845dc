//! What the tokens of Entra and of managed identities have in common.

use std::time::Duration;

use crate::{
    guid::guid,
    world::{
        app_roles::{GRAPH, GraphPermission},
        directory::Directory,
    },
};

/// The app id of Entra's token exchange endpoint. It is `aud` in tokens for
/// [`Cloud::token_exchange_audience`](crate::Cloud::token_exchange_audience). No document names another one for
/// the other clouds.
pub(crate) const TOKEN_EXCHANGE_APP_ID: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// `iat` and `nbf` are five minutes before the token is issued, so that a client whose clock is
/// slow can use it.
pub(crate) const BACKDATED_SECONDS: i64 = 5 * 60;

/// Microsoft Learn, "Access tokens in the Microsoft identity platform", `iss` of v1.0.
pub(crate) fn v1_issuer(tenant_id: &str) -> String {
    format!("https://sts.windows.net/{tenant_id}/")
}

/// The value of the claim `roles` for this resource: the application permissions that the principal
/// has on it (Microsoft Learn, "Access token claims reference"). Without a permission there is no
/// claim.
pub(crate) fn roles(
    directory: &Directory,
    principal_id: &str,
    resource: &str,
) -> Option<Vec<&'static str>> {
    if !resource.trim_end_matches('/').eq_ignore_ascii_case(GRAPH) {
        return None;
    }
    let roles: Vec<_> = directory
        .permissions(principal_id)
        .map(GraphPermission::name)
        .collect();
    Some(roles).filter(|roles| !roles.is_empty())
}

/// The value of a claim that only Entra can read.
pub(crate) fn opaque() -> String {
    guid().replace('-', "")
}

/// Small enough that a time can be added to it.
pub(crate) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 4)
}
