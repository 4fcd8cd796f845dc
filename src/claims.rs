//! Reads the claims of a JWT, for expiry and diagnosis only. Nothing is verified, and no decision about
//! access depends on it: the service makes that decision.

use azure_core::base64::decode_url_safe;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The claims in a token of Entra are some 1 KB. Larger ones are not read.
const LARGEST_PAYLOAD: usize = 64 * 1024;

/// The claims of a managed identity token or an access token: identifiers, and no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Claims {
    #[serde(deserialize_with = "text")]
    pub(crate) iss: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) sub: Option<String>,
    /// Kubernetes writes it as a list of one.
    #[serde(deserialize_with = "text_or_only_one")]
    pub(crate) aud: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) tid: Option<String>,
    /// The client id of the identity that the token was issued to.
    #[serde(deserialize_with = "text")]
    pub(crate) azp: Option<String>,
    /// `app` for an app-only token.
    #[serde(deserialize_with = "text")]
    pub(crate) idtyp: Option<String>,
    /// The resource id of the managed identity, where the token tells it.
    #[serde(deserialize_with = "text")]
    pub(crate) xms_mirid: Option<String>,
    /// The object id of the identity or service principal.
    #[serde(deserialize_with = "text")]
    pub(crate) oid: Option<String>,
    /// When it was issued, in seconds since 1970 (RFC 7519 §4.1.6).
    #[serde(deserialize_with = "number")]
    pub(crate) iat: Option<i64>,
    /// Expiry in seconds since 1970 (RFC 7519 §4.1.4).
    #[serde(deserialize_with = "number")]
    pub(crate) exp: Option<i64>,
}

impl Claims {
    /// The claims of a JWT, or `None` if it has none that can be read.
    pub(crate) fn peek(jwt: &str) -> Option<Self> {
        // Through a map: serde would take an array for a struct, too.
        serde_json::from_value(Value::Object(payload(jwt)?)).ok()
    }
}

/// All claims of a JWT, or `None` if it has none that can be read.
pub(crate) fn payload(jwt: &str) -> Option<Map<String, Value>> {
    let mut parts = jwt.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || payload.len() > LARGEST_PAYLOAD {
        return None;
    }
    serde_json::from_slice(&decode_url_safe(payload).ok()?).ok()
}

/// A claim of an unexpected type is ignored, so that the others can still be read.
fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

/// RFC 7519 §4.1.3 allows a list; of one with several, none is the audience.
fn text_or_only_one<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        Value::Array(list) => match <[Value; 1]>::try_from(list) {
            Ok([Value::String(text)]) => Some(text),
            _ => None,
        },
        _ => None,
    })
}

/// RFC 7519 §2 allows a NumericDate with a fraction.
fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(value.as_i64().or_else(|| {
        value
            .as_f64()
            .filter(|float| float.abs() < 1e15)
            .map(|float| float as i64)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::base64::encode_url_safe;

    fn jwt(payload: &str) -> String {
        format!(
            "{}.{}.c2ln",
            encode_url_safe("{}"),
            encode_url_safe(payload)
        )
    }

    #[test]
    fn claims_are_read_without_being_verified() {
        let claims = Claims::peek(&jwt(
            r#"{"iss":"https://login.microsoftonline.com/x/v2.0","sub":"s","aud":"a","exp":1700000000,"other":[1]}"#,
        ))
        .unwrap();
        assert_eq!(
            claims.iss.as_deref(),
            Some("https://login.microsoftonline.com/x/v2.0")
        );
        assert_eq!(claims.exp, Some(1_700_000_000));
    }

    #[test]
    fn one_odd_claim_does_not_hide_the_others() {
        let claims = Claims::peek(&jwt(
            r#"{"aud":["a","b"],"sub":7,"iss":"i","exp":1700000000.9}"#,
        ))
        .unwrap();
        assert_eq!((claims.aud, claims.sub), (None, None));
        assert_eq!(
            (claims.iss.as_deref(), claims.exp),
            (Some("i"), Some(1_700_000_000))
        );
    }

    #[test]
    fn an_audience_may_be_a_list_of_one() {
        let of = |payload: &str| Claims::peek(&jwt(payload)).unwrap().aud;
        assert_eq!(of(r#"{"aud":["a"]}"#).as_deref(), Some("a"));
        assert_eq!(of(r#"{"aud":[7]}"#), None);
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        let large = jwt(&format!(r#"{{"iss":"{}"}}"#, "x".repeat(LARGEST_PAYLOAD)));
        for bad in [
            "",
            "a.b",
            "a.b.c",
            "a.b.c.d",
            "..",
            &jwt("[]"),
            &jwt("{\"iss\":"),
            &large,
        ] {
            assert_eq!(Claims::peek(bad), None, "{:.20}", bad);
        }
    }
}
