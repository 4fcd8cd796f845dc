//! Who may see what in Resource Manager: the bearer token, the subscription's tenant, roles.

use azure_core::base64;
use serde_json::{Value, json};

use crate::{
    directory::{Directory, Subscription},
    keys::SigningKey,
    principals::{issuer, v1_issuer},
    wire::{Answer, Request},
};

/// Who asks, by a token that is good for Resource Manager.
pub(crate) struct Caller {
    pub(crate) tenant_id: String,
    pub(crate) client_id: String,
    /// Empty for a token of an app without service principal: it can have no role.
    pub(crate) object_id: String,
}

/// The audiences that Resource Manager takes tokens for.
const AUDIENCES: [&str; 3] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    // Its app id.
    "797f4846-ba00-4fd7-ba43-dac1f8f63013",
];

/// Reads the bearer token: signature, expiry, audience, then issuer.
pub(crate) fn authenticate(
    key: &SigningKey,
    directory: &Directory,
    request: &Request,
    now: i64,
) -> Result<Caller, Answer> {
    // RFC 9110 section 11.1: the scheme's case does not matter.
    let token = request
        .header("authorization")
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .map(|(_, token)| token.trim());
    let Some(token) = token else {
        return Err(unauthorized(
            None,
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        ));
    };
    let invalid = |message: &str| unauthorized(None, "InvalidAuthenticationToken", message);
    let claims: Value = token
        .split('.')
        .nth(1)
        .and_then(|part| base64::decode_url_safe(part).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| invalid("The access token is invalid."))?;
    if !key.signed(token) {
        return Err(invalid(
            "The access token's signature is invalid: it was not issued by Microsoft Entra.",
        ));
    }
    let (from, until) = (number(&claims, "nbf"), number(&claims, "exp"));
    if now >= until {
        return Err(unauthorized(
            None,
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time is earlier than the current UTC time.",
        ));
    }
    if now < from {
        return Err(invalid("The access token is not valid yet."));
    }
    let audience = text(&claims, "aud");
    if !AUDIENCES.contains(&audience.trim_end_matches('/')) {
        return Err(unauthorized(
            None,
            "InvalidAuthenticationTokenAudience",
            &format!(
                "The access token has been obtained for wrong audience or resource '{audience}'. \
                 It should exactly match with one of the allowed audiences \
                 'https://management.core.windows.net/','https://management.core.windows.net',\
                 'https://management.azure.com/','https://management.azure.com'."
            ),
        ));
    }
    let tenant_id = text(&claims, "tid").to_owned();
    let of_tenant = directory.tenant(&tenant_id).is_some_and(|tenant| {
        [v1_issuer(&tenant.id), issuer(&tenant.id)].contains(&text(&claims, "iss").to_owned())
    });
    if !of_tenant {
        return Err(invalid("The access token is from an unknown issuer."));
    }
    let client_id = match text(&claims, "appid") {
        "" => text(&claims, "azp"),
        client_id => client_id,
    };
    Ok(Caller {
        tenant_id,
        client_id: client_id.to_owned(),
        object_id: text(&claims, "oid").to_owned(),
    })
}

/// The subscription, if it is one and is of the caller's tenant.
pub(crate) fn subscription<'a>(
    directory: &'a Directory,
    caller: &Caller,
    id: &str,
) -> Result<&'a Subscription, Answer> {
    let Some(subscription) = directory.subscription(id) else {
        return Err(error(
            404,
            "SubscriptionNotFound",
            &format!("The subscription '{id}' could not be found."),
        ));
    };
    if !subscription
        .tenant_id
        .eq_ignore_ascii_case(&caller.tenant_id)
    {
        let (theirs, ours) = (
            v1_issuer(&caller.tenant_id),
            v1_issuer(&subscription.tenant_id),
        );
        return Err(unauthorized(
            Some(&subscription.tenant_id),
            "InvalidAuthenticationTokenTenant",
            &format!(
                "The access token is from the wrong issuer '{theirs}'. It must match the tenant \
                 '{ours}' associated with this subscription. Please use the authority (URL) \
                 'https://login.windows.net/{}' to get the token. Note, if the subscription is \
                 transferred to another tenant there is no impact to the services, but \
                 information about new tenant could take time to propagate (up to an hour). If \
                 you just transferred your subscription and see this error message, please try \
                 back later.",
                subscription.tenant_id
            ),
        ));
    }
    Ok(subscription)
}

/// Whether a role of the caller's lets it read at `scope`: one there, or further up.
pub(crate) fn may_read(directory: &Directory, caller: &Caller, scope: &str) -> bool {
    readable_scopes(directory, caller).any(|assigned| contains(assigned, scope))
}

/// Whether a role of the caller's lets it read something at or below `scope`.
pub(crate) fn may_read_within(directory: &Directory, caller: &Caller, scope: &str) -> bool {
    readable_scopes(directory, caller)
        .any(|assigned| contains(assigned, scope) || contains(scope, assigned))
}

fn readable_scopes<'a>(
    directory: &'a Directory,
    caller: &'a Caller,
) -> impl Iterator<Item = &'a str> {
    directory
        .role_assignments
        .iter()
        .filter(|assignment| {
            !caller.object_id.is_empty()
                && assignment.principal_id == caller.object_id
                && assignment.role.reads_control_plane()
        })
        .map(|assignment| assignment.scope.as_str())
}

/// Whether `inner` is `outer` or lies below it. The case of ARM ids does not matter.
pub(crate) fn contains(outer: &str, inner: &str) -> bool {
    let outer = outer.trim_end_matches('/').to_ascii_lowercase();
    let inner = inner.trim_end_matches('/').to_ascii_lowercase();
    inner
        .strip_prefix(&outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(crate) fn forbidden(caller: &Caller, action: &str, scope: &str) -> Answer {
    error(
        403,
        "AuthorizationFailed",
        &format!(
            "The client '{}' with object id '{}' does not have authorization to perform action \
             '{action}' over scope '{scope}' or the scope is invalid. If access was recently \
             granted, please refresh your credentials.",
            caller.client_id, caller.object_id
        ),
    )
}

/// Microsoft Learn, "Troubleshoot common Azure deployment errors": the body's shape.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"error": {"code": code, "message": message}}),
    )
}

/// RFC 6750 section 3.
fn unauthorized(tenant_id: Option<&str>, code: &str, message: &str) -> Answer {
    let authority = tenant_id.unwrap_or("common");
    error(401, code, message).with(
        "WWW-Authenticate",
        &format!(
            "Bearer authorization_uri=\"https://login.windows.net/{authority}\", \
             error=\"invalid_token\", error_description=\"{message}\""
        ),
    )
}

fn text<'a>(claims: &'a Value, name: &str) -> &'a str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(claims: &Value, name: &str) -> i64 {
    claims.get(name).and_then(Value::as_i64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_scope_contains_what_lies_below_it_and_no_namesake() {
        assert!(contains(
            "/subscriptions/1",
            "/Subscriptions/1/resourceGroups/a"
        ));
        assert!(contains("/", "/subscriptions/1"));
        assert!(contains("/subscriptions/1/", "/subscriptions/1"));
        assert!(!contains("/subscriptions/1", "/subscriptions/11"));
        assert!(!contains(
            "/subscriptions/1/resourceGroups/a",
            "/subscriptions/1"
        ));
    }
}
