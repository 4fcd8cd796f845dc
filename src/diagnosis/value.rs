//! The values that commands contain. Each was parsed, or is text of this crate.

use crate::{
    authority::{AuthorityHost, ClientId, TenantId, parse_guid},
    error_body::starts_with_ignoring_case,
    redact,
};
use std::{borrow::Cow, fmt};
use url::Url;

/// A value that was parsed, and can be part of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value(String);

impl Value {
    pub(super) fn guid(text: &str) -> Option<Self> {
        parse_guid(text).map(Self)
    }

    pub(super) fn tenant(tenant: &TenantId) -> Self {
        Self(tenant.as_str().to_owned())
    }

    pub(super) fn client(client: &ClientId) -> Self {
        Self(client.as_str().to_owned())
    }

    /// The token-exchange audience of the cloud, from this crate's own table.
    pub(super) fn audience(authority: &AuthorityHost) -> Option<Self> {
        authority.audience().map(|known| Self(known.to_owned()))
    }

    /// An https issuer, byte for byte: Entra compares every byte.
    pub(super) fn issuer(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_safe = is_claim(text, b":/._-") && text.starts_with("https://");
        (is_safe && url.host().is_some()).then(|| Self(text.to_owned()))
    }

    /// The subject of an assertion, byte for byte.
    pub(super) fn subject(text: &str) -> Option<Self> {
        // A GitHub environment and a Terraform project can have spaces in their names.
        let is_safe = is_claim(text, b":/._-@+=%~,#*|() ") && text.trim() == text;
        is_safe.then(|| Self(text.to_owned()))
    }

    /// A name of letters, digits and hyphens, such as the name of a key vault.
    pub(super) fn name(text: &str) -> Option<Self> {
        const LONGEST: usize = 127;
        let is_safe = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !text.starts_with('-');
        is_safe.then(|| Self(text.to_owned()))
    }

    /// Text of a resource that is a constant in this crate.
    pub(super) fn fixed(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// A resource id or a scope of Azure Resource Manager.
    pub(super) fn resource_id(text: &str) -> Option<Self> {
        const LONGEST: usize = 1024;
        let is_safe = text.len() <= LONGEST
            && ["/subscriptions/", "/providers/"]
                .iter()
                .any(|start| starts_with_ignoring_case(text, start))
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/._()-".contains(&b));
        is_safe.then(|| Self(text.to_owned()))
    }
}

/// Whether a claim of an assertion can be part of a command: it is not longer than the directory
/// accepts (Microsoft Graph, "federatedIdentityCredential resource type": 600 characters), has only
/// letters, digits and these signs, and contains nothing that has the shape of a token.
fn is_claim(text: &str, signs: &[u8]) -> bool {
    const LONGEST: usize = 600;
    (1..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || signs.contains(&b))
        && matches!(redact::redact(text, &[]), Cow::Borrowed(_))
}

/// JSON made of fixed text, parsed values and placeholders.
pub(super) struct Body(pub(super) serde_json::Value);

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What must not change in a shell, and become no value.
    pub(in super::super) const HOSTILE: [&str; 9] = [
        "it's",
        "$(reboot)",
        "`reboot`",
        "a\nb",
        "a;b",
        "a\"b",
        "a b",
        "\u{2019}; reboot; \u{2018}",
        "",
    ];

    #[test]
    fn only_text_that_parses_becomes_a_value() {
        for bad in HOSTILE {
            assert_eq!(Value::guid(bad), None, "{bad:?}");
            for text in [
                bad.to_owned(),
                format!("https://login.example/{bad}"),
                format!("/subscriptions/{bad}"),
            ] {
                if text.ends_with('/') {
                    continue;
                }
                assert_eq!(Value::issuer(&text), None, "{text:?}");
                assert_eq!(Value::resource_id(&text), None, "{text:?}");
            }
        }
        for bad in [
            "http://login.example/x",
            "https://",
            "https://user@login.example/",
            "https://login.example/?x=1",
            "https://login.example/\u{202e}",
        ] {
            assert_eq!(Value::issuer(bad), None, "{bad:?}");
        }
        let issuer = "https://sts.windows.net/AAAAAAAA-86f1-41af-91ab-2d7cd011db47/";
        assert_eq!(Value::issuer(issuer).unwrap().0, issuer);
        assert_eq!(Value::resource_id("/etc/passwd"), None);
        assert!(Value::resource_id("/SUBSCRIPTIONS/x/resourceGroups/a(b)").is_some());
    }
}
