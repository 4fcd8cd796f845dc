//! The client assertion (RFC 7523 section 2.2): its form, signature and time.

use azure_core::base64;
use serde_json::{Map, Value};

use crate::{entra::refusal::Refusal, world::signing_key::SigningKey};

/// An assertion with a valid form, signature and time.
pub(crate) struct ClientAssertion {
    claims: Map<String, Value>,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
}

impl ClientAssertion {
    /// Checks the assertion in Entra's order: form, signature, time.
    pub(crate) fn read(
        token: &str,
        key: &SigningKey,
        now: i64,
    ) -> Result<ClientAssertion, Refusal> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(_signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::malformed_assertion());
        };
        let header = object(header)?;
        let claims = object(claims)?;
        match header.get("alg").and_then(Value::as_str) {
            Some("RS256") => {}
            other => return Err(Refusal::unsupported_algorithm(other.unwrap_or_default())),
        }
        let Some(kid) = header.get("kid").and_then(Value::as_str) else {
            return Err(Refusal::no_key_id());
        };
        let (issuer, subject, audience) = (
            text(&claims, "iss")?,
            text(&claims, "sub")?,
            audience(&claims)?,
        );
        let until = number(&claims, "exp")?;

        if kid != key.kid() {
            return Err(Refusal::unknown_key(kid));
        }
        if !key.has_signed(token) {
            return Err(Refusal::bad_signature(kid));
        }

        let from = claims
            .get("nbf")
            .and_then(Value::as_i64)
            .unwrap_or(i64::MIN);
        if now < from || now >= until {
            return Err(Refusal::outside_its_time(now, from, until));
        }
        Ok(ClientAssertion {
            claims,
            issuer,
            subject,
            audience,
        })
    }

    pub(crate) fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    pub(crate) fn has_claim(&self, name: &str) -> bool {
        self.claims.contains_key(name)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    base64::decode_url_safe(part)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(Refusal::malformed_assertion)
}

fn text(claims: &Map<String, Value>, name: &str) -> Result<String, Refusal> {
    claims
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| Refusal::missing_claim(name))
}

/// Kubernetes writes it as a list of one (RFC 7519 section 4.1.3).
fn audience(claims: &Map<String, Value>) -> Result<String, Refusal> {
    match claims
        .get("aud")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        Some([Value::String(only)]) => Ok(only.clone()),
        _ => text(claims, "aud"),
    }
}

fn number(claims: &Map<String, Value>, name: &str) -> Result<i64, Refusal> {
    claims
        .get(name)
        .and_then(Value::as_i64)
        .ok_or_else(|| Refusal::missing_claim(name))
}
