//! Refusals of the token endpoint.

use super::{
    Actor, Diagnosis,
    case::Case,
    guide::Section,
    table::{self, Row},
};
use crate::{
    authority::{AuthorityHost, ClientId, TenantId},
    claims::Claims,
};
use azure_core::time::OffsetDateTime;
use std::sync::Arc;

/// Whether the token request can be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// No: nothing changes without somebody's action.
    Never,
    /// Yes, with another assertion, if the host has one.
    NewAssertionOnce,
    /// Not inside this call. A later call can succeed.
    Later,
}

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

/// What a refusal of the token endpoint means, and whether to repeat the request.
pub(crate) fn of_refusal(refusal: &Refusal<'_>, exchange: &Exchange<'_>) -> (Diagnosis, Retry) {
    let listed = match refusal.codes {
        [] => codes_in(refusal.description.unwrap_or_default()),
        codes => codes.to_vec(),
    };
    let clears_by_itself = refusal.error == Some("temporarily_unavailable")
        || matches!(refusal.status, 408 | 429 | 500..=599);
    let known = listed
        .iter()
        .find_map(|&code| table::row(code).map(|row| (code, row)));
    if let Some((code, row)) = known {
        let retry = match row.retry {
            Retry::Never if clears_by_itself => Retry::Later,
            retry => retry,
        };
        return (Case::new(refusal, exchange).explain(code, row), retry);
    }
    let diagnosis = if clears_by_itself {
        Case::new(refusal, exchange).fill(&Row::UNAVAILABLE)
    } else {
        unknown(refusal, exchange)
    };
    let retry = match clears_by_itself {
        true => Retry::Later,
        false => Retry::Never,
    };
    let diagnosis = diagnosis.in_guide(Section::Entra);
    (diagnosis.with_code(listed.first().copied()), retry)
}

/// A refusal without a known number: only the status and the OAuth `error` describe it.
fn unknown(refusal: &Refusal<'_>, exchange: &Exchange<'_>) -> Diagnosis {
    let authority = exchange.authority;
    match (refusal.status, refusal.error) {
        (300..=399, _) => Diagnosis::new(
            Actor::Operator,
            format!(
                "Something other than Microsoft Entra answers at {authority}, and redirects the request. A redirect is never followed: the assertion must not go anywhere else."
            ),
            format!(
                "Let the service reach {authority} directly. Look for a proxy, a captive portal or a firewall that asks for a sign-in. If client_options.cloud names the authority host, check it."
            ),
        ),
        (407, _) => Diagnosis::new(
            Actor::Operator,
            "A proxy on the way to Microsoft Entra asks for a user name and password.",
            "Give the proxy's user name and password in HTTPS_PROXY, or let the service pass without them.",
        ),
        _ if !refusal.is_entras => Diagnosis::new(
            Actor::Operator,
            format!(
                "The answer is not in Microsoft Entra's form, so something else answered for {authority}."
            ),
            format!(
                "Find out what answers for {authority}. A proxy, a captive portal or a firewall in between is the usual reason; let the requests of the service through."
            ),
        ),
        (_, Some("invalid_scope")) => Diagnosis::new(
            Actor::Developer,
            "Microsoft Entra does not accept the scope.",
            "Set the scope to the resource's application ID URI and /.default.",
        ),
        _ => Diagnosis::new(
            Actor::Developer,
            "Microsoft Entra refused the request for a reason that this version does not know.",
            "Read Microsoft Entra's own sentence. The sign-in logs of the tenant have the request under its correlation id.",
        ),
    }
}

/// A success status without a token: it is not known what answered, and the body can contain a
/// token.
pub(crate) fn of_unreadable_answer(authority: &AuthorityHost, encoding: Option<&str>) -> Diagnosis {
    let diagnosis = match encoding {
        Some(encoding) => Diagnosis::new(
            Actor::Operator,
            format!(
                "The answer for {authority} came with the content encoding {encoding}, which was not asked for."
            ),
            "Let the proxy or gateway in between pass answers on as they are. Only one that changes them adds an encoding that the request did not ask for.",
        ),
        None => Diagnosis::new(
            Actor::Operator,
            format!(
                "Something other than Microsoft Entra answers for {authority}: the answer says success and holds no bearer token with its life."
            ),
            format!(
                "Find out what answers for {authority}. A proxy or a captive portal in between is the usual reason; let the requests of the service through."
            ),
        ),
    };
    diagnosis.in_guide(Section::Entra)
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
