//! What is about to go wrong, as far as it can be known.

use super::clock::Difference;
use crate::{
    authority::TenantId,
    claims::Claims,
    diagnosis::Actor,
    error::Error,
    managed_identity::{Chosen, ManagedIdentityHost},
    redact,
    report::{Warning, WarningKind},
};
use azure_core::{credentials::AccessToken, time::OffsetDateTime};

/// An assertion with less than this left is close to its end, unless it lives for minutes only.
const SOON: i64 = 10 * 60;

pub(super) fn of_host(chosen: &Chosen) -> Option<Warning> {
    let [(first, _), ..] = chosen.other_hosts.as_slice() else {
        return None;
    };
    let others: Vec<_> = chosen
        .other_hosts
        .iter()
        .map(|(variable, host)| format!("{variable} ({host})"))
        .collect();
    let what_to_do = match chosen.other_hosts.iter().any(|(it, _)| *it == FEDERATED) {
        true => format!(
            "If the pod's service account is the identity that the app trusts, use TokenFileAssertion with with_assertion; else unset {FEDERATED}."
        ),
        false => format!(
            "Check that IMDS is meant, or leave managed_identity.host out. Else unset {first}."
        ),
    };
    Some(Warning {
        kind: WarningKind::OtherHost,
        who: Actor::Developer,
        message: format!(
            "IMDS is asked although the environment has the variables of another host: {}. On AKS, IMDS gives the identity of the node and not that of the pod.",
            others.join(", ")
        ),
        what_to_do,
    })
}

const FEDERATED: &str = "AZURE_FEDERATED_TOKEN_FILE";

pub(super) fn of_assertion(
    token: &AccessToken,
    claims: Option<&Claims>,
    now: OffsetDateTime,
    target: &TenantId,
    chosen: Option<&Chosen>,
) -> Vec<Warning> {
    [
        ends_soon(token, claims, now),
        same_tenant(claims, target),
        chosen.and_then(|chosen| no_selector(chosen, claims)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ends_soon(token: &AccessToken, claims: Option<&Claims>, now: OffsetDateTime) -> Option<Warning> {
    // Of an assertion that states no expiry nothing is known.
    let expires = claims?.exp?.min(token.expires_on.unix_timestamp());
    let left = expires.saturating_sub(now.unix_timestamp());
    let life = claims
        .and_then(|it| it.iat)
        .map(|iat| expires.saturating_sub(iat));
    let is_soon = left < SOON && life.is_none_or(|life| left < life / 4);
    is_soon.then(|| Warning {
        kind: WarningKind::AssertionEndsSoon,
        who: Actor::Operator,
        message: match left {
            ..=0 => "The assertion has expired, by this machine's clock.".to_owned(),
            _ => format!("The assertion expires in {left} s, so an exchange may soon fail."),
        },
        what_to_do:
            "Check this machine's clock, and that whoever issues the assertion replaces it in time."
                .to_owned(),
    })
}

fn same_tenant(claims: Option<&Claims>, target: &TenantId) -> Option<Warning> {
    let home = claims?.tid.as_deref()?;
    let is_same = target.is_guid() && home.eq_ignore_ascii_case(target.as_str());
    is_same.then(|| Warning {
        kind: WarningKind::SameTenant,
        who: Actor::Developer,
        message: "The identity is of the target tenant itself, so nothing crosses tenants.".to_owned(),
        what_to_do: "Check tenant_id: it is the tenant that owns the resource. If both are one, the identity can be given its roles directly.".to_owned(),
    })
}

fn no_selector(chosen: &Chosen, claims: Option<&Claims>) -> Option<Warning> {
    if chosen.names_identity {
        return None;
    }
    let shown = |text: &Option<String>| {
        let text = text.as_deref()?;
        Some(redact::printable(&redact::redact(text, &[]), 200))
    };
    let is_system_assigned = match chosen.host.kind() {
        // It never chooses a user-assigned identity by itself.
        ManagedIdentityHost::AppService => Some(true),
        _ => claims.and_then(|it| it.xms_mirid.as_deref()).map(|id| {
            let id = id.to_ascii_lowercase();
            !id.contains("/microsoft.managedidentity/userassignedidentities/")
        }),
    };
    let chose = match is_system_assigned {
        Some(true) => "the host gave its system-assigned identity, which ends with the host".to_owned(),
        Some(false) => "the host gave its only user-assigned identity, and will give another as soon as it has a system-assigned one".to_owned(),
        None => "the host chose one: its system-assigned identity if it has one, which ends with the host, else the only user-assigned one".to_owned(),
    };
    let who = claims
        .and_then(|it| shown(&it.azp))
        .map(|azp| format!(" It is the one with the client id {azp}."))
        .unwrap_or_default();
    Some(Warning {
        kind: WarningKind::NoSelector,
        who: Actor::Developer,
        message: format!("No identity is named, so {chose}.{who}"),
        what_to_do: "Set managed_identity.user_assigned_id to the identity that the app trusts."
            .to_owned(),
    })
}

/// Entra used to issue such tokens; from 2026 on it wants a service principal at home, too.
pub(super) fn no_service_principal() -> Warning {
    Warning {
        kind: WarningKind::NoServicePrincipal,
        who: Actor::HomeAdministrator,
        message: "The home tenant gave a token without oid: the app has no service principal there. Microsoft Entra is retiring such tokens.".to_owned(),
        what_to_do: "Create the app's service principal in the home tenant, if tokens are wanted there. The target tenant is not concerned.".to_owned(),
    }
}

pub(super) fn refused_at_home(error: &Error) -> Warning {
    let code = error.code().unwrap_or_default();
    Warning {
        kind: WarningKind::HomeExchange,
        who: error
            .diagnosis()
            .map_or(Actor::HomeAdministrator, |it| it.who()),
        message: format!(
            "The exchange in the home tenant was refused with AADSTS{code}, which says nothing of the trust between app and identity, and nothing of the target tenant."
        ),
        what_to_do: "To test the trust at home, the app has to be registered there and have a service principal there.".to_owned(),
    }
}

pub(super) fn clock_skew(difference: &Difference) -> Warning {
    Warning {
        kind: WarningKind::ClockSkew,
        who: Actor::Operator,
        message: format!(
            "This machine's clock is {}. Tokens are refused as expired or not yet valid when it is off by minutes.",
            difference.in_words()
        ),
        what_to_do: "Set this machine's clock by NTP.".to_owned(),
    }
}

pub(super) fn web_page(url: &str) -> Warning {
    Warning {
        kind: WarningKind::WebPage,
        who: Actor::Operator,
        message: format!(
            "{url} answered with a web page, which may be that of a proxy or a captive portal."
        ),
        what_to_do: "Check that the resource itself answers there.".to_owned(),
    }
}
