//! Shows what a token says, and never the token.

use azure_core::{
    base64::decode_url_safe,
    time::{OffsetDateTime, to_rfc3339},
};
use serde_json::{Map, Value};

/// The first-party app that Entra writes into `aud` when a token for
/// `api://AzureADTokenExchange` is asked for.
const TOKEN_EXCHANGE: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// The claims of a JWT, unverified: for people to look at.
pub fn of(jwt: &str) -> Map<String, Value> {
    jwt.split('.')
        .nth(1)
        .and_then(|payload| decode_url_safe(payload).ok())
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default()
}

/// The claims that tell who asks, who has issued the token, and for what.
pub fn lines(jwt: &str) -> Vec<String> {
    let claims = of(jwt);
    let names = [
        "aud", "iss", "idp", "tid", "sub", "oid", "appid", "azp", "iat", "exp",
    ];
    let line = |name: &str| {
        let value = claims.get(name)?;
        Some(format!("     {name:<6} {}", readable(name, value)))
    };
    names.into_iter().filter_map(line).collect()
}

fn readable(name: &str, value: &Value) -> String {
    match (name, value) {
        ("aud", Value::String(id)) if id == TOKEN_EXCHANGE => {
            format!("{id} (what Entra writes for api://AzureADTokenExchange)")
        }
        ("iat" | "exp", Value::Number(seconds)) => {
            let date = seconds
                .as_i64()
                .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
            date.map_or_else(
                || seconds.to_string(),
                |date| format!("{} (UTC)", to_rfc3339(&date)),
            )
        }
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}
