//! What a caller may see in Resource Manager: the token, the tenant of the subscription, the roles.

use crate::{
    wire::http::{Request, Response},
    world::{
        bearer_token::{self, Caller, TokenProblem},
        directory::{Directory, Subscription},
        roles::contains,
        signing_key::SigningKey,
        tokens::v1_issuer,
    },
};

/// The audiences that Resource Manager takes tokens for.
const AUDIENCES: [&str; 3] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    // Its app id.
    "797f4846-ba00-4fd7-ba43-dac1f8f63013",
];

/// Checks the bearer token. The refusals have Resource Manager's codes and messages.
pub(crate) fn authenticate(
    key: &SigningKey,
    directory: &Directory,
    request: &Request,
    now: i64,
) -> Result<Caller, Response> {
    bearer_token::read(key, directory, request, &AUDIENCES, now).map_err(|problem| {
        let invalid = |message: &str| unauthorized(None, "InvalidAuthenticationToken", message);
        match problem {
            TokenProblem::Missing => unauthorized(
                None,
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            ),
            TokenProblem::NotAJwt => invalid("The access token is invalid."),
            TokenProblem::InvalidSignature => invalid(
                "The access token's signature is invalid: it was not issued by Microsoft Entra.",
            ),
            TokenProblem::Expired => unauthorized(
                None,
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time is earlier than the current UTC time.",
            ),
            TokenProblem::NotYetValid => invalid("The access token is not valid yet."),
            TokenProblem::WrongAudience(audience) => unauthorized(
                None,
                "InvalidAuthenticationTokenAudience",
                &format!(
                    "The access token has been obtained for wrong audience or resource \
                     '{audience}'. It should exactly match with one of the allowed audiences \
                     'https://management.core.windows.net/','https://management.core.windows.net',\
                     'https://management.azure.com/','https://management.azure.com'."
                ),
            ),
            TokenProblem::UnknownIssuer => invalid("The access token is from an unknown issuer."),
        }
    })
}

/// The subscription with this id, if it belongs to the caller's tenant.
pub(crate) fn subscription<'a>(
    directory: &'a Directory,
    caller: &Caller,
    id: &str,
) -> Result<&'a Subscription, Response> {
    let Some(subscription) = directory.subscription(id) else {
        return Err(Response::error(
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

/// Whether the caller has a role at `scope`, or above it, that allows reading.
pub(crate) fn may_read(directory: &Directory, caller: &Caller, scope: &str) -> bool {
    readable_scopes(directory, caller).any(|assigned| contains(assigned, scope))
}

/// Whether the caller has a role at, above or below `scope` that allows reading.
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

pub(crate) fn forbidden(caller: &Caller, action: &str, scope: &str) -> Response {
    Response::error(
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

/// RFC 6750 section 3.
fn unauthorized(tenant_id: Option<&str>, code: &str, message: &str) -> Response {
    let authority = tenant_id.unwrap_or("common");
    Response::error(401, code, message).with(
        "WWW-Authenticate",
        &format!(
            "Bearer authorization_uri=\"https://login.windows.net/{authority}\", \
             error=\"invalid_token\", error_description=\"{message}\""
        ),
    )
}
