//! The claims of a token that a report shows.

use crate::{claims, redact};
use azure_core::time::{OffsetDateTime, to_rfc3339};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Those that say whom a token is from, whom it is for, and for how long (Microsoft Learn, "Access
/// token claims reference"). The others tell a reader nothing, or are the service's alone.
const SHOWN: [&str; 18] = [
    "iss",
    "sub",
    "aud",
    "tid",
    "oid",
    "azp",
    "appid",
    "app_displayname",
    "idp",
    "idtyp",
    "roles",
    "scp",
    "wids",
    "xms_mirid",
    "ver",
    "iat",
    "nbf",
    "exp",
];

/// Those that are seconds since 1970.
const TIMES: [&str; 3] = ["iat", "nbf", "exp"];

const LONGEST_TEXT: usize = 300;
const LONGEST_LIST: usize = 20;

/// Claims that are shown, in the order of [`SHOWN`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ShownClaims(Vec<(&'static str, Shown)>);

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Shown {
    Text(String),
    Number(i64),
    List(Vec<String>),
}

impl ShownClaims {
    /// Those of a JWT; none if it cannot be read.
    pub(crate) fn of(jwt: &str) -> Self {
        let payload = claims::payload(jwt).unwrap_or_default();
        let shown = SHOWN.into_iter().filter_map(|name| {
            let value = payload.get(name)?;
            Some((name, Shown::of(value)?))
        });
        Self(shown.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(name, value)| {
            let text = match value {
                Shown::Text(text) => text.clone(),
                Shown::List(list) => list.join(", "),
                Shown::Number(number) if TIMES.contains(name) => instant(*number),
                Shown::Number(number) => number.to_string(),
            };
            (*name, text)
        })
    }

    pub(super) fn redact(&mut self, secrets: &[&str]) {
        for (_, value) in &mut self.0 {
            let texts = match value {
                Shown::Text(text) => std::slice::from_mut(text),
                Shown::List(list) => list.as_mut_slice(),
                Shown::Number(_) => &mut [],
            };
            for text in texts {
                *text = redact::redact(text, secrets).into_owned();
            }
        }
    }
}

impl Shown {
    /// A claim of a type that no such claim has is not shown.
    fn of(value: &Value) -> Option<Self> {
        let text = |text: &str| redact::printable(&redact::redact(text, &[]), LONGEST_TEXT);
        match value {
            Value::String(value) => Some(Self::Text(text(value))),
            Value::Number(number) => number
                .as_i64()
                .or_else(|| {
                    // RFC 7519 §2 allows a fraction.
                    let float = number.as_f64().filter(|float| float.abs() < 1e15)?;
                    Some(float as i64)
                })
                .map(Self::Number),
            Value::Array(list) => {
                let texts = list.iter().take(LONGEST_LIST).filter_map(Value::as_str);
                Some(Self::List(texts.map(text).collect()))
            }
            _ => None,
        }
    }
}

impl Serialize for ShownClaims {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The number, and the time that it means if a calendar has it.
fn instant(seconds: i64) -> String {
    const END_OF_9999: i64 = 253_402_300_799;
    let at = (0..=END_OF_9999)
        .contains(&seconds)
        .then(|| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .flatten();
    match at {
        Some(at) => format!("{seconds} ({})", to_rfc3339(&at)),
        None => seconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::base64::encode_url_safe;

    fn of(payload: &str) -> ShownClaims {
        let part = encode_url_safe;
        ShownClaims::of(&format!("{}.{}.c2ln", part("{}"), part(payload)))
    }

    #[test]
    fn known_claims_are_shown_in_a_fixed_order_and_others_are_not() {
        let claims =
            of(r#"{"exp":1700000000.9,"nonce":"x","roles":["A","B",7],"iss":"i","tid":{}}"#);
        let texts: Vec<_> = claims.texts().collect();
        assert_eq!(
            texts,
            [
                ("iss", "i".to_owned()),
                ("roles", "A, B".to_owned()),
                ("exp", "1700000000 (2023-11-14T22:13:20Z)".to_owned()),
            ]
        );
        assert_eq!(
            serde_json::to_string(&claims).unwrap(),
            r#"{"iss":"i","roles":["A","B"],"exp":1700000000}"#
        );
    }

    #[test]
    fn a_claim_that_is_a_token_or_speaks_to_the_terminal_is_made_harmless() {
        let long = "x ".repeat(1000);
        let claims = of(&format!(
            r#"{{"iss":"eyJhbGciOiJub25lIn0.e30.x","sub":"a\u001b[31m\u202eb","aud":"{long}"}}"#
        ));
        let texts: Vec<_> = claims.texts().map(|(_, text)| text).collect();
        assert_eq!(texts[0], "[redacted]");
        assert_eq!(texts[1], "a\\u{1b}[31m\\u{202e}b");
        assert!(texts[2].len() <= LONGEST_TEXT + '…'.len_utf8());
    }

    #[test]
    fn a_time_without_a_calendar_date_is_shown_as_a_number() {
        for odd in [-1, i64::MAX, i64::MIN] {
            assert_eq!(instant(odd), odd.to_string());
        }
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        for text in ["", "a.b.c", "opaque"] {
            assert_eq!(ShownClaims::of(text), ShownClaims::default());
        }
    }
}
