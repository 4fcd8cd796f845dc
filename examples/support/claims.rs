//! Shows what a token says, and never the token.

use azure_core::base64::decode_url_safe;
use serde_json::{Map, Value};

/// The claims of a JWT, unverified: for people to look at.
pub fn of(jwt: &str) -> Map<String, Value> {
    jwt.split('.')
        .nth(1)
        .and_then(|payload| decode_url_safe(payload).ok())
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default()
}

/// Prints the claims that tell who vouches for whom.
pub fn print(jwt: &str) {
    let claims = of(jwt);
    for name in [
        "aud", "iss", "idp", "tid", "sub", "oid", "appid", "azp", "exp",
    ] {
        if let Some(value) = claims.get(name) {
            println!(
                "     {name:<6} {}",
                value.as_str().map_or(value.to_string(), str::to_owned)
            );
        }
    }
}
