//! Tenants and clients. Their ids are parsed once, where they come in.

use super::quoted;
use azure_core::Uuid;
use std::{fmt, sync::Arc};

/// Names under which Entra finds a tenant by the user who signs in. A service signs nobody in,
/// so for client credentials they name no tenant at all.
const NOT_A_TENANT: [&str; 3] = ["common", "organizations", "consumers"];

/// A tenant: its id (a GUID) or one of its domain names. Lower case, safe in a URL's path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TenantId(Arc<str>);

impl TenantId {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::named("tenant_id", text)
    }

    /// `what` is the name of the value for a message.
    pub(crate) fn named(what: &str, text: &str) -> Result<Self, String> {
        if NOT_A_TENANT
            .iter()
            .any(|name| text.eq_ignore_ascii_case(name))
        {
            return Err(format!(
                "{what} is \"{text}\", which names no tenant: give the target tenant's id (a GUID) or one of its domain names"
            ));
        }
        if parse_guid(text).is_some() || is_domain_name(text) {
            return Ok(Self(text.to_ascii_lowercase().into()));
        }
        Err(format!(
            "{what} {} is neither a GUID nor a domain name: give the target tenant's id, as `az account show --query tenantId` prints it, or one of its domain names",
            quoted(text)
        ))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an id rather than a domain name. Only ids can be compared with a token's `tid`.
    pub(crate) fn is_guid(&self) -> bool {
        parse_guid(&self.0).is_some()
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An application's client id, a GUID in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClientId(Arc<str>);

impl ClientId {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::named("client_id", text)
    }

    /// `what` is the name of the value for a message.
    pub(crate) fn named(what: &str, text: &str) -> Result<Self, String> {
        parse_guid(text).map(|guid| Self(guid.into())).ok_or_else(|| {
            format!(
                "{what} {} is not a GUID: give the application (client) id of the multi-tenant app, not its name and not its identifier URI",
                quoted(text)
            )
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A GUID in its hyphenated form, in lower case.
pub(crate) fn parse_guid(text: &str) -> Option<String> {
    const HYPHENATED: usize = 36;
    // The length rules out the braced, urn and simple forms that the parser would take too:
    // Entra takes none of them in a path.
    (text.len() == HYPHENATED)
        .then(|| Uuid::try_parse(text).ok())
        .flatten()
        .map(|guid| guid.hyphenated().to_string())
}

/// RFC 1123 §2.1 host names with at least two labels, the last of which is not a number.
fn is_domain_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(is_label)
        && text
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()))
}
