//! The hosts' identity endpoints: one file each, and what their contracts have in common.

mod app_service;
mod azure_arc;
mod azure_ml;
mod choice;
mod endpoint;
mod host;
pub(crate) mod imds;
mod service_fabric;

pub(crate) use choice::{Chosen, choose};
pub use host::ManagedIdentityHost;
pub(crate) use host::{Host, Setup, selector_named};

use crate::{authority, claims::Claims, error::Error, error_body::without_mark};
use azure_core::{credentials::AccessToken, time::OffsetDateTime};
use azure_identity::UserAssignedId;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Which of a host's identities is asked for, under the name that the endpoint's query has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) parameter: &'static str,
    pub(crate) value: String,
}

impl Selector {
    /// The names are those of IMDS (Microsoft Learn, "How to use managed identities for Azure
    /// resources on an Azure VM to acquire an access token").
    pub(crate) fn parse(id: &UserAssignedId) -> Result<Self, Error> {
        Self::named("user_assigned_id", id).map_err(Error::configuration)
    }

    /// The parameter of a query, for a diagnosis.
    fn parts(&self) -> (&str, &str) {
        (self.parameter, &self.value)
    }

    /// `name` is the name of the value for a message.
    pub(crate) fn named(name: &str, id: &UserAssignedId) -> Result<Self, String> {
        let guid = |parameter, what: &str, value: &str| match authority::parse_guid(value) {
            Some(value) => Ok(Self { parameter, value }),
            None => Err(format!(
                "{name}: the {what} {} is not a GUID: give the one that `az identity show` prints",
                authority::quoted(value)
            )),
        };
        match id {
            UserAssignedId::ClientId(id) => guid("client_id", "client id", id),
            UserAssignedId::ObjectId(id) => guid("object_id", "object (principal) id", id),
            UserAssignedId::ResourceId(id) if is_identity_resource_id(id) => Ok(Self {
                parameter: "msi_res_id",
                value: id.clone(),
            }),
            UserAssignedId::ResourceId(id) => Err(format!(
                "{name}: {} is not the resource id of a user-assigned identity: give one of the form /subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/…",
                authority::quoted(id)
            )),
            other => Err(format!(
                "{name}: this version does not know {other:?}: use a client id, an object id or a resource id"
            )),
        }
    }
}

fn is_identity_resource_id(id: &str) -> bool {
    let lower = id.to_ascii_lowercase();
    lower.starts_with("/subscriptions/")
        && lower.contains("/providers/microsoft.managedidentity/userassignedidentities/")
        && !id.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// What identity endpoints answer. IMDS sends every value as a string, other hosts send numbers
/// or leave fields out; only the token and one expiry are needed.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_on: Value,
    #[serde(default)]
    expires_in: Value,
}

/// Reads a success body. `None` when it is none: the caller knows status and type, and the body,
/// which may hold most of a token, goes no further.
pub(crate) fn parse_token(body: &[u8], received: OffsetDateTime) -> Option<AccessToken> {
    let answer: TokenAnswer = serde_json::from_slice(without_mark(body)).ok()?;
    if !is_token(&answer.access_token) {
        return None;
    }
    let stated = number(&answer.expires_on)
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        // Counted from when the token was issued: for one that the endpoint had cached it says too
        // much. The JWT's own expiry, below, puts that right.
        .or_else(|| {
            let seconds = u64::try_from(number(&answer.expires_in)?).ok()?;
            received.checked_add(Duration::from_secs(seconds).try_into().ok()?)
        });
    let own = Claims::peek(&answer.access_token)
        .and_then(|claims| OffsetDateTime::from_unix_timestamp(claims.exp?).ok());
    let expires_on = match (stated, own) {
        (Some(stated), Some(own)) => stated.min(own),
        (stated, own) => stated.or(own)?,
    };
    Some(AccessToken::new(answer.access_token, expires_on))
}

/// Entra's tokens are 1 KB to 3 KB. No service takes a header of this size, and what is larger would
/// only be carried around.
const LONGEST_TOKEN: usize = 64 * 1024;

/// A token goes into a form or a header; RFC 6749 appendix A.12 gives its characters.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_TOKEN
        && text.bytes().all(|b| matches!(b, 0x20..=0x7e))
        && text.trim() == text
}

/// A whole number, whether sent as one or as a string.
pub(crate) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::base64::encode_url_safe;

    const NOW: i64 = 1_800_000_000;

    fn parse(body: &str) -> Option<i64> {
        let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
        parse_token(body.as_bytes(), now).map(|token| token.expires_on.unix_timestamp() - NOW)
    }

    fn jwt(exp: i64) -> String {
        format!(
            "{}.{}.sig",
            encode_url_safe("{}"),
            encode_url_safe(format!(r#"{{"exp":{exp}}}"#))
        )
    }

    #[test]
    fn the_expiry_is_read_in_each_form_that_hosts_send() {
        for (fields, expected) in [
            (format!(r#""expires_on":"{}""#, NOW + 100), Some(100)),
            (format!(r#""expires_on":{}"#, NOW + 100), Some(100)),
            (
                format!(r#""expires_on":"{}","expires_in":"7""#, NOW + 100),
                Some(100),
            ),
            (r#""expires_in":"300""#.to_owned(), Some(300)),
            (r#""expires_in":300"#.to_owned(), Some(300)),
            (
                r#""expires_on":"1/16/2027 12:00:00 AM +00:00","expires_in":"300""#.to_owned(),
                Some(300),
            ),
            (
                r#""expires_on":null,"expires_in":300"#.to_owned(),
                Some(300),
            ),
            (r#""expires_in":-1"#.to_owned(), None),
            (r#""expires_on":99999999999999999"#.to_owned(), None),
            (r#""expires_in":9223372036854775807"#.to_owned(), None),
            (r#""token_type":"Bearer""#.to_owned(), None),
        ] {
            assert_eq!(
                parse(&format!(r#"{{"access_token":"t",{fields}}}"#)),
                expected,
                "{fields}"
            );
        }
    }

    #[test]
    fn the_earlier_of_the_answers_expiry_and_the_tokens_own_counts() {
        for (stated, own, expected) in [(100, 50, 50), (50, 100, 50)] {
            let body = format!(
                r#"{{"access_token":"{}","expires_on":"{}"}}"#,
                jwt(NOW + own),
                NOW + stated
            );
            assert_eq!(parse(&body), Some(expected));
        }
        assert_eq!(
            parse(&format!(r#"{{"access_token":"{}"}}"#, jwt(NOW + 60))),
            Some(60)
        );
    }

    #[test]
    fn what_cannot_be_a_token_is_none() {
        for token in ["", " t", "t\\n", "t\\u0000", "é"] {
            assert_eq!(
                parse(&format!(r#"{{"access_token":"{token}","expires_in":1}}"#)),
                None,
                "{token:?}"
            );
        }
        for body in [
            "",
            "{",
            "[]",
            "null",
            r#"{"access_token":1,"expires_in":1}"#,
        ] {
            assert_eq!(parse(body), None, "{body}");
        }
    }

    #[test]
    fn an_identity_is_named_by_a_well_formed_id() {
        let guid = "72F988BF-86f1-41af-91ab-2d7cd011db47";
        let resource = "/subscriptions/x/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n";
        for (id, parameter) in [
            (UserAssignedId::ClientId(guid.into()), "client_id"),
            (UserAssignedId::ObjectId(guid.into()), "object_id"),
            (UserAssignedId::ResourceId(resource.into()), "msi_res_id"),
        ] {
            assert_eq!(Selector::parse(&id).unwrap().parameter, parameter);
        }
        for id in [
            UserAssignedId::ClientId("my-identity".into()),
            UserAssignedId::ObjectId(String::new()),
            UserAssignedId::ResourceId("umi-multi-tenant-example".into()),
            UserAssignedId::ResourceId(format!("{resource}\n")),
        ] {
            assert!(
                Selector::parse(&id)
                    .unwrap_err()
                    .to_string()
                    .starts_with("user_assigned_id")
            );
        }
    }
}
