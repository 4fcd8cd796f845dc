//! The scopes of a call.

use crate::error::Error;
use std::sync::Arc;

/// The same set of scopes is the same text, in whatever order they come.
pub(super) fn canonical(scopes: &[&str]) -> Result<Arc<str>, Error> {
    for scope in scopes {
        check_scope(scope)?;
    }
    match scopes {
        [] => Err(Error::configuration(
            "get_token was called without a scope: give the resource's, such as https://management.azure.com/.default",
        )),
        [one] => Ok((*one).into()),
        several => {
            let mut sorted = several.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            Ok(sorted.join(" ").into())
        }
    }
}

/// Client credentials take a resource's `.default` scope and no other (Microsoft Learn, "Scopes
/// and permissions in the Microsoft identity platform", "Client credentials grant flow and
/// .default"). RFC 6749 §3.3 gives the characters.
fn check_scope(scope: &str) -> Result<(), Error> {
    let is_scope_char = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let resource = scope.strip_suffix("/.default").unwrap_or_default();
    if resource.is_empty() || !scope.bytes().all(is_scope_char) {
        return Err(Error::bad_scope(scope));
    }
    Ok(())
}
