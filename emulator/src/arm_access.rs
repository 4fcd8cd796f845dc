//! Who may see what in Resource Manager: the bearer token, the subscription's tenant, roles.

use serde_json::json;

use crate::{
    bearer::{self, Caller, Flaw},
    directory::{Directory, Subscription},
    keys::SigningKey,
    principals::v1_issuer,
    wire::{Answer, Request},
};

/// The audiences that Resource Manager takes tokens for.
const AUDIENCES: [&str; 3] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    // Its app id.
    "797f4846-ba00-4fd7-ba43-dac1f8f63013",
];

/// Reads the bearer token, in Resource Manager's words.
pub(crate) fn authenticate(
    key: &SigningKey,
    directory: &Directory,
    request: &Request,
    now: i64,
) -> Result<Caller, Answer> {
    bearer::read(key, directory, request, &AUDIENCES, now).map_err(|flaw| {
        let invalid = |message: &str| unauthorized(None, "InvalidAuthenticationToken", message);
        match flaw {
            Flaw::Missing => unauthorized(
                None,
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            ),
            Flaw::NoJwt => invalid("The access token is invalid."),
            Flaw::Signature => invalid(
                "The access token's signature is invalid: it was not issued by Microsoft Entra.",
            ),
            Flaw::Expired => unauthorized(
                None,
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time is earlier than the current UTC time.",
            ),
            Flaw::NotYet => invalid("The access token is not valid yet."),
            Flaw::Audience(audience) => unauthorized(
                None,
                "InvalidAuthenticationTokenAudience",
                &format!(
                    "The access token has been obtained for wrong audience or resource \
                     '{audience}'. It should exactly match with one of the allowed audiences \
                     'https://management.core.windows.net/','https://management.core.windows.net',\
                     'https://management.azure.com/','https://management.azure.com'."
                ),
            ),
            Flaw::Issuer => invalid("The access token is from an unknown issuer."),
        }
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
