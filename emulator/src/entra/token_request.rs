//! The form of a token request.

use crate::{
    entra::refusal::Refusal,
    wire::http::{Request, duplicate},
};

/// RFC 7523 section 2.2.
const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The fields of the form, after the check.
pub(crate) struct TokenRequest<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) credential: ClientCredential<'a>,
}

pub(crate) enum ClientCredential<'a> {
    Assertion(&'a str),
    /// Entra refuses it: no app of the emulator has a client secret.
    Secret,
}

impl<'a> TokenRequest<'a> {
    pub(crate) fn read(request: &'a Request) -> Result<TokenRequest<'a>, Refusal> {
        if request.method != "POST" {
            return Err(Refusal::only_post(&request.method));
        }
        if let Some(name) = duplicate(&request.form) {
            return Err(Refusal::duplicate_field(name));
        }
        let field = |name: &str| {
            request
                .form(name)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| Refusal::missing_field(name))
        };
        match field("grant_type")? {
            "client_credentials" => {}
            other => return Err(Refusal::unsupported_grant(other)),
        }
        let client_id = field("client_id")?;
        let resource = resource(field("scope")?)?;
        let credential = match (field("client_assertion"), field("client_secret")) {
            (Ok(assertion), _) => {
                if field("client_assertion_type")? != CLIENT_ASSERTION_TYPE {
                    return Err(Refusal::assertion_type());
                }
                ClientCredential::Assertion(assertion)
            }
            (Err(_), Ok(_)) => ClientCredential::Secret,
            (Err(_), Err(_)) => return Err(Refusal::no_client_credential()),
        };
        Ok(TokenRequest {
            client_id,
            resource,
            credential,
        })
    }
}

/// The resource of the scopes. There has to be exactly one. Microsoft Learn, "Microsoft identity platform and
/// the OAuth 2.0 client credentials flow": `{resource}/.default`.
fn resource(scope: &str) -> Result<&str, Refusal> {
    /// OpenID Connect Core section 5.4 and section 11: scopes without a resource.
    const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

    let mut found: Option<&str> = None;
    for scope in scope.split_whitespace() {
        if OPENID.contains(&scope) {
            continue;
        }
        let Some(resource) = scope.strip_suffix("/.default") else {
            return Err(Refusal::scope_without_default(scope));
        };
        if resource.is_empty() || resource.contains(char::is_control) {
            return Err(Refusal::malformed_scope(scope));
        }
        if found.is_some_and(|before| before != resource) {
            return Err(Refusal::several_resources());
        }
        found = Some(resource);
    }
    found.ok_or_else(Refusal::no_resource)
}
