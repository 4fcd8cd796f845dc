//! A refusal of the token endpoint, and the request that was refused. [`token_endpoint`] explains it.
//!
//! [`token_endpoint`]: super::token_endpoint

use crate::{
    authority::{AuthorityHost, ClientId, TenantId},
    claims::Claims,
};
use azure_core::time::OffsetDateTime;
use std::sync::Arc;

/// The fields of the token endpoint's refusal (RFC 6749 §5.2, and Entra's additions).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal<'a> {
    pub(crate) status: u16,
    pub(crate) error: Option<&'a str>,
    pub(crate) description: Option<&'a str>,
    /// Entra's error numbers, from the list of codes or from any text of the response.
    pub(crate) codes: &'a [u32],
    pub(crate) suberror: Option<&'a str>,
    /// Whether the response has `claims`, which name the policy that refused the request.
    pub(crate) has_claims: bool,
    /// Whether the response has the form of RFC 6749 or contains an error number of Entra.
    pub(crate) is_entras: bool,
}

/// The request that was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) authority: &'a AuthorityHost,
    pub(crate) tenant: &'a TenantId,
    pub(crate) client_id: &'a ClientId,
    /// Separated by spaces, as in the request.
    pub(crate) scopes: &'a str,
    pub(crate) assertion: Option<&'a Claims>,
    pub(crate) asked: &'a AssertionRequest,
    /// When the response arrived, by the host's clock.
    pub(crate) now: OffsetDateTime,
}

/// The request for the assertion.
#[derive(Clone, Debug)]
pub(crate) struct AssertionRequest {
    /// The audience, a URI.
    pub(crate) audience: Arc<str>,
    /// Whether the host selected the identity because the request named none.
    pub(crate) is_hosts_choice: bool,
}

impl AssertionRequest {
    /// For an assertion whose identity the host did not select.
    pub(crate) fn of(audience: impl Into<Arc<str>>) -> Self {
        Self {
            audience: audience.into(),
            is_hosts_choice: false,
        }
    }
}

/// The numbers in a text such as "AADSTS700213: No matching …". A response of another service can
/// contain Entra's sentence without the list of codes.
pub(crate) fn codes_in(text: &str) -> Vec<u32> {
    const MOST: usize = 8;
    let mut codes = Vec::new();
    for rest in text.split("AADSTS").skip(1) {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        match rest[..end].parse() {
            Ok(code) if !codes.contains(&code) && codes.len() < MOST => codes.push(code),
            _ => {}
        }
    }
    codes
}
