//! The scope of a call: exactly one, for one resource.

use crate::error::Error;
use std::sync::Arc;

/// The one scope of a call, if all of these are equal.
///
/// A token is for one resource (Microsoft Learn, "Microsoft identity platform and the OAuth 2.0
/// client credentials flow": scopes for several resources are an error, AADSTS700022), and client
/// credentials accept one scope of it, `.default`. So two different scopes are two tokens. That
/// includes `https://storage.azure.com/.default` and `https://storage.azure.com//.default`: the
/// `aud` of the second token ends in a slash, and a service can check it. Each scope is sent
/// unchanged.
pub(crate) fn only_scope(scopes: &[&str]) -> Result<Arc<str>, Error> {
    for scope in scopes {
        check(scope)?;
    }
    let Some((first, others)) = scopes.split_first() else {
        return Err(Error::configuration(
            "get_token was called without a scope: give the resource's, such as https://management.azure.com/.default",
        ));
    };
    match others.iter().find(|other| *other != first) {
        None => Ok((*first).into()),
        Some(other) => Err(Error::several_resources(first, other)),
    }
}

/// Client credentials accept a resource's `.default` scope and no other (Microsoft Learn, "Scopes
/// and permissions in the Microsoft identity platform", "Client credentials grant flow and
/// .default"). RFC 6749 §3.3 lists the allowed characters.
///
/// The scopes of OpenID Connect, such as `openid`, request tokens that this flow never issues: an
/// ID token, a refresh token. Entra refuses such a scope alone (AADSTS1002012), and other SDKs
/// report that it ignores it beside `.default`. This crate refuses both, so that no caller waits
/// for a token that never comes.
fn check(scope: &str) -> Result<(), Error> {
    let is_scope_char = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let resource = scope.strip_suffix("/.default").unwrap_or_default();
    if resource.is_empty() || !scope.bytes().all(is_scope_char) {
        return Err(Error::bad_scope(scope));
    }
    Ok(())
}
