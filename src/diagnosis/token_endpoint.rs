//! What the refusals of the token endpoint mean.

use super::{
    Actor, Diagnosis,
    case::Case,
    guide::Section,
    refusal::{Exchange, Refusal, codes_in},
    table::{self, Retry, Row},
};
use crate::authority::AuthorityHost;

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
