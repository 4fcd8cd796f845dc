//! What a token says, and never the token. Nothing is verified.

use crate::{clock, table::printable};
use azure_core::{
    base64::decode_url_safe,
    time::{OffsetDateTime, to_rfc3339},
};
use serde_json::{Map, Value};

/// Those that are seconds since 1970 (RFC 7519, section 4.1; Microsoft Learn, "Access token claims
/// reference").
const TIMES: [&str; 4] = ["exp", "iat", "nbf", "auth_time"];

/// The parts of a JWT that may be shown.
#[derive(Debug)]
pub(crate) struct Jwt {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

impl Jwt {
    /// # Errors
    ///
    /// Why it is none. No part of it is in the message.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split('.').collect();
        let [header, claims, _signature] = parts[..] else {
            return Err(match parts.len() {
                5 => "it is an encrypted JWT (JWE), which only its receiver can read".to_owned(),
                parts => format!(
                    "it is no JWT: it has {parts} part{}, and a JWT has three with dots between them",
                    if parts == 1 { "" } else { "s" }
                ),
            });
        };
        Ok(Self {
            header: object(header).ok_or("it is no JWT: its first part is no JSON in base64url")?,
            claims: object(claims)
                .ok_or("it is no JWT: its second part is no JSON in base64url")?,
        })
    }

    /// The claims in lines, with times that a person can read.
    pub(crate) fn lines(&self) -> Vec<(String, String)> {
        let lines = self.claims.iter().map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) if TIMES.contains(&name.as_str()) => time(number),
                other => other.to_string(),
            };
            (printable(name), printable(&text))
        });
        lines.collect()
    }
}

/// Of a part, without what has itself the shape of a token.
fn object(part: &str) -> Option<Map<String, Value>> {
    let json = decode_url_safe(part.trim_end_matches('=')).ok()?;
    let mut object: Map<String, Value> = serde_json::from_slice(&json).ok()?;
    object.values_mut().for_each(redact);
    Some(object)
}

fn redact(value: &mut Value) {
    match value {
        // The head of every token: `{"` in base64url.
        Value::String(text) if text.contains("eyJ") => *text = "[redacted]".to_owned(),
        Value::Array(values) => values.iter_mut().for_each(redact),
        Value::Object(object) => object.values_mut().for_each(redact),
        _ => {}
    }
}

fn time(number: &serde_json::Number) -> String {
    let at = number.as_f64().map(|seconds| seconds as i64);
    let at = at.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    match at {
        Some(at) => format!("{number} ({})", moment(&at)),
        None => number.to_string(),
    }
}

/// Without the fraction, which tells a reader nothing.
pub(crate) fn in_seconds(at: OffsetDateTime) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.unix_timestamp()).unwrap_or(at)
}

/// The time, and how far it is from now.
pub(crate) fn moment(at: &OffsetDateTime) -> String {
    let at = &in_seconds(*at);
    let ahead = at.unix_timestamp() - clock::now().unix_timestamp();
    let distance = clock::distance(ahead);
    match ahead >= 0 {
        true => format!("{}, in {distance}", to_rfc3339(at)),
        false => format!("{}, {distance} ago", to_rfc3339(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::base64::encode_url_safe;

    fn jwt(claims: &str) -> String {
        format!(
            "{}.{}.c2ln",
            encode_url_safe("{\"alg\":\"none\"}"),
            encode_url_safe(claims)
        )
    }

    #[test]
    fn claims_are_shown_and_tokens_within_them_are_not() {
        let inner = jwt("{}");
        let read = Jwt::read(&jwt(&format!(r#"{{"aud":"a","n":["{inner}"],"exp":0}}"#))).unwrap();
        let lines = read.lines();
        assert_eq!(lines[0], ("aud".to_owned(), "a".to_owned()));
        assert!(lines[1].1.starts_with("0 (1970-01-01T00:00:00Z, "));
        assert_eq!(lines[2].1, r#"["[redacted]"]"#);
        assert_eq!(read.header["alg"], "none");
    }

    #[test]
    fn what_is_no_jwt_is_told_without_a_part_of_it() {
        for (text, why) in [
            ("", "1 part,"),
            ("a.b", "2 parts,"),
            ("secret.secret.secret", "first part"),
            ("e30.secret.c2ln", "second part"),
            ("a.b.c.d.e", "encrypted"),
        ] {
            let said = Jwt::read(text).unwrap_err();
            assert!(said.contains(why) && !said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn times_that_no_calendar_has_stay_numbers() {
        for number in ["1e300", "-99999999999999", "9223372036854775807"] {
            assert!(Jwt::read(&jwt(&format!(r#"{{"exp":{number}}}"#))).is_ok());
        }
    }
}
