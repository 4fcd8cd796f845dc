//! Refusals of a client assertion for its form, its signature or its time.

use crate::clock;
use crate::entra::refusal::Refusal;

impl Refusal {
    pub(crate) fn malformed_assertion() -> Refusal {
        Refusal::request(50027, "JWT token is invalid or malformed.".to_owned())
    }

    pub(crate) fn unsupported_algorithm(algorithm: &str) -> Refusal {
        Refusal::client(
            5_002_738,
            format!(
                "Invalid JWT token. '{algorithm}' is not a supported signature algorithm. \
                 Supported signing algorithms are: 'RS256, RS384, RS512'."
            ),
        )
    }

    pub(crate) fn no_key_id() -> Refusal {
        Refusal::client(
            5_002_723,
            "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, \
             nor keyId specified in token header."
                .to_owned(),
        )
    }

    pub(crate) fn missing_claim(claim: &str) -> Refusal {
        Refusal::request(
            90014,
            format!(
                "The required field '{claim}' is missing from the credential. Ensure that you \
                 have all the necessary parameters for the login request."
            ),
        )
    }

    pub(crate) fn unknown_key(kid: &str) -> Refusal {
        Refusal::client(
            700_027,
            format!(
                "Client assertion failed signature validation. [Reason - The key was not found., \
                 Thumbprint of key used by client: '{kid}']"
            ),
        )
    }

    pub(crate) fn bad_signature(kid: &str) -> Refusal {
        Refusal::client(
            700_027,
            format!(
                "Client assertion failed signature validation. [Reason - The provided signature \
                 value did not match the expected signature value., Thumbprint of key used by \
                 client: '{kid}']"
            ),
        )
    }

    pub(crate) fn outside_its_time(now: i64, from: i64, until: i64) -> Refusal {
        Refusal::client(
            700_024,
            format!(
                "Client assertion is not within its valid time range. Current time: {}, \
                 assertion valid from {}, expiry time of assertion {}. Review the documentation \
                 at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
                clock::iso(now),
                clock::iso(from),
                clock::iso(until)
            ),
        )
    }
}
