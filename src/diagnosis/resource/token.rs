//! Problems of a token that any service can report: expired, for another audience, from another
//! tenant.

use super::{
    super::{Actor, Diagnosis, after, contains_ignoring_case, guid_after, shown},
    answer::{Answer, scope_of},
};

/// The words decide, because each service has its own codes. The numbers come from Microsoft's own
/// libraries: IDX10223 and S2S12086 for an expired token, IDX10222 for a token that is not valid
/// yet, IDX10214 for another audience, IDX10205 for another issuer.
pub(super) fn of(answer: &Answer) -> Option<Diagnosis> {
    if !matches!(answer.status, 401 | 403) {
        return None;
    }
    if answer.says("insufficient_claims") {
        return Some(claims_challenge());
    }
    if is_about_a_missing_principal(answer) {
        return Some(no_principal(answer));
    }
    if answer.is("InvalidAuthenticationTokenTenant")
        || answer.says_any(&[
            "wrong issuer",
            "issuer validation failed",
            "issuer did not match",
            "issuer is invalid",
            "invalid issuer",
            "IDX10205",
        ])
    {
        return Some(other_tenant(answer));
    }
    if is_not_valid_yet(answer) {
        return Some(not_valid_yet());
    }
    if is_expired(answer) {
        return Some(expired());
    }
    if is_other_audience(answer) {
        return Some(other_audience(answer));
    }
    None
}

/// A 401 of a service that gives a challenge as its only reason, or no reason.
pub(super) fn of_challenge(answer: &Answer) -> Option<Diagnosis> {
    let is_unauthenticated = answer.is_any(&[
        "NoAuthenticationInformation",
        "AuthenticationFailed",
        "InvalidAuthenticationInfo",
        "InvalidAuthenticationToken",
        "Unauthorized",
    ]);
    let has_challenge = answer.tenant().is_some() || answer.scope().is_some();
    match answer.status {
        401 if is_unauthenticated || has_challenge => {}
        403 if answer.is("AuthenticationFailed") => {}
        _ => return None,
    }
    let is_without = answer.is("NoAuthenticationInformation");
    let happened = match (is_without, answer.code.as_str()) {
        (true, _) => {
            "The request carried no token, or none that the service looks at, and the service demands one."
        }
        (_, "InvalidAuthenticationToken") => {
            "The resource does not take the access token: it is for another resource or another cloud, or is no token."
        }
        _ => {
            "The resource could not authenticate the request: the access token is missing, is for another resource, or is of another tenant."
        }
    };
    let to_do = match (answer.scope(), answer.tenant()) {
        (Some(scope), Some(tenant)) => format!(
            "Send a token of tenant {tenant} for the scope \"{scope}\": that is what the service's challenge asks for. Give tenant_id that tenant, or call for_tenant with it."
        ),
        (Some(scope), None) => format!(
            "Send a token for the scope \"{scope}\": that is what the service's challenge asks for. Check that tenant_id is the tenant of the resource."
        ),
        (None, Some(tenant)) => format!(
            "Send a token of tenant {tenant}: that is what the service's challenge asks for. Give tenant_id that tenant, or call for_tenant with it, and check that the scope is the resource's."
        ),
        (None, None) => {
            "Check that the scope is the resource's, and that tenant_id is its tenant. Azure Resource Manager has \"https://management.azure.com/.default\", Storage \"https://storage.azure.com/.default\".".to_owned()
        }
    };
    Some(Diagnosis::new(Actor::Developer, happened, to_do))
}

fn is_expired(answer: &Answer) -> bool {
    answer.is("ExpiredAuthenticationToken")
        || answer.says_any(&[
            "TokenExpired",
            "token is expired",
            "token expired",
            "token has expired",
            "access token expiry",
            "lifetime validation failed",
            "IDX10223",
            "S2S12086",
        ])
}

pub(super) fn expired() -> Diagnosis {
    Diagnosis::new(
        Actor::Operator,
        "The access token had expired when it arrived.",
        "Set the host's clock by NTP. If it is right, let the client ask the credential for each request instead of keeping a token of its own.",
    )
}

fn is_not_valid_yet(answer: &Answer) -> bool {
    answer.says_any(&["not yet valid", "IDX10222", "S2S12084"])
}

fn not_valid_yet() -> Diagnosis {
    Diagnosis::new(
        Actor::Operator,
        "The access token was not valid yet when it arrived, by the service's clock.",
        "Try again in a moment. If it lasts, compare the host's clock with another one.",
    )
}

fn is_other_audience(answer: &Answer) -> bool {
    answer.is("InvalidAuthenticationTokenAudience")
        || answer.says_any(&[
            "wrong audience",
            "invalid audience",
            "audience validation failed",
            "audience did not match",
            "audience is invalid",
            "audience is not valid",
            "invalid authorization token audience",
            "IDX10214",
        ])
}

pub(super) fn other_audience(answer: &Answer) -> Diagnosis {
    let expected = expected_audience(&answer.message)
        .or_else(|| expected_audience(&answer.detail))
        .or_else(|| answer.scope());
    let found = found_audience(&answer.message);
    let happened = match found {
        Some(found) => format!(
            "The access token is for {}, and the resource takes tokens for itself only.",
            shown(found)
        ),
        None => "The access token is for another resource.".to_owned(),
    };
    let to_do = match expected {
        Some(scope) => format!("Set the scope to \"{scope}\"."),
        None => "Set the scope to the resource's own, the resource followed by /.default. Check that it is of the right cloud.".to_owned(),
    };
    Diagnosis::new(Actor::Developer, happened, to_do)
}

/// "It should exactly match … 'https://b/'" of Azure Resource Manager, "Expected https://b, found:
/// https://a." of Key Vault, "Did not match: validationParameters.ValidAudience: 'https://b'" of
/// others.
fn expected_audience(message: &str) -> Option<String> {
    for words in [
        "should exactly match",
        "must match",
        "ValidAudiences",
        "ValidAudience",
    ] {
        let Some(rest) = after(message, words) else {
            continue;
        };
        let scopes: Vec<String> = rest
            .split('\'')
            .skip(1)
            .step_by(2)
            .take(8)
            .flat_map(|list| list.split(',').filter_map(scope_of))
            .collect();
        let preferred = scopes
            .iter()
            .find(|scope| scope.starts_with("https://management.azure."));
        if let Some(scope) = preferred.or(scopes.first()) {
            return Some(scope.clone());
        }
    }
    let rest = after(message, "expected")?;
    let word = rest
        .trim_start_matches([' ', ':'])
        .trim_start_matches("one of ")
        .trim_start_matches("audience ");
    let word = word.split([' ', ',']).next()?;
    scope_of(word.trim_matches(['\'', '"', '.', '[', ']']))
}

/// The audience that the message gives for the token.
fn found_audience(message: &str) -> Option<&str> {
    for words in ["audience or resource", "found", "Audiences"] {
        let Some(rest) = after(message, words) else {
            continue;
        };
        let rest = rest.trim_start_matches([' ', ':']);
        let word = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next()?,
            None => rest.split([' ', ',']).next()?.trim_end_matches('.'),
        };
        if !word.is_empty() {
            return Some(word);
        }
    }
    None
}

/// Azure Resource Manager's words for a token that the app got without a service principal.
fn is_about_a_missing_principal(answer: &Answer) -> bool {
    answer.says("'puid' or 'altsecid' or 'oid'")
        || answer.says("service principal is properly created in the tenant")
}

fn no_principal(answer: &Answer) -> Diagnosis {
    use super::super::{command::Command, value::Value};
    let app = guid_after(&answer.message, "appid").and_then(|id| Value::guid(&id));
    let tenant = answer.tenant().and_then(|id| Value::guid(&id));
    const APP: &str = "client id of the app";
    Diagnosis::new(
        Actor::TargetAdministrator,
        "The access token has no oid: the app has no service principal in the tenant of the resource.",
        "Create the app's service principal in the target tenant. It then needs a role on the resource too, and a token that is in use has to be renewed.",
    )
    .with_commands([
        Command::az("login")
            .value_or("--tenant", tenant.as_ref(), "target tenant id")
            .fixed("--allow-no-subscriptions"),
        Command::az("ad sp create").value_or("--id", app.as_ref(), APP),
        Command::powershell("Connect-AzAccount").value_or("-Tenant", tenant.as_ref(), "target tenant id"),
        Command::powershell("New-AzADServicePrincipal").value_or("-ApplicationId", app.as_ref(), APP),
    ])
}

pub(super) fn other_tenant(answer: &Answer) -> Diagnosis {
    const ISSUER: &str = "https://sts.windows.net/";
    let ours = guid_after(&answer.message, &format!("wrong issuer '{ISSUER}"))
        .or_else(|| guid_after(&answer.message, &format!("found {ISSUER}")));
    let right = tenants_that_match(&answer.message);
    let happened = match &ours {
        Some(ours) => {
            format!("The access token is of tenant {ours}, which the resource does not belong to.")
        }
        None => "The access token is of another tenant than the resource.".to_owned(),
    };
    let to_do = match (right.as_slice(), answer.tenant()) {
        ([one], _) => use_tenant(one),
        ([], Some(one)) => use_tenant(&one),
        ([], None) => "Set tenant_id to the tenant that the resource belongs to.".to_owned(),
        (several, _) => format!(
            "Use the target tenant among these: {}. Set tenant_id to it, or call for_tenant with it.",
            several.join(", ")
        ),
    };
    Diagnosis::new(Actor::Developer, happened, to_do)
}

pub(super) fn use_tenant(tenant: &str) -> String {
    format!("Use tenant {tenant}: set tenant_id to it, or call for_tenant with it.")
}

/// "It must match the tenant 'https://sts.windows.net/{b}/'", or "one of the tenants" and several
/// in one pair of quotes, where others manage the subscription too.
fn tenants_that_match(message: &str) -> Vec<String> {
    const MOST: usize = 8;
    let Some(rest) = after(message, "must match") else {
        return Vec::new();
    };
    let Some(list) = rest.split('\'').nth(1) else {
        return Vec::new();
    };
    list.split(',')
        .filter_map(|issuer| guid_after(issuer, "https://sts.windows.net/"))
        .take(MOST)
        .collect()
}

/// Microsoft Learn, "Claims challenges, claims requests, and client capabilities".
fn claims_challenge() -> Diagnosis {
    Diagnosis::new(
        Actor::TargetAdministrator,
        "The resource rejected the access token before its expiry and demands further claims: the service principal was disabled, or a Conditional Access policy refuses it.",
        "Check in the target tenant that the app's service principal is enabled. Then check which Conditional Access policy for workload identities applies to it. The service drops the token with invalidate and asks again.",
    )
}

/// Whether the network rules of the resource refuse the request.
pub(super) fn is_about_the_network(answer: &Answer) -> bool {
    answer.says_any(&[
        "firewall",
        "public network access",
        "public access is disabled",
        "private endpoint",
        "private link",
        "virtual network",
        "client address is not authorized",
        "not allowed to access",
    ]) || contains_ignoring_case(&answer.inner_code, "ForbiddenByFirewall")
        || contains_ignoring_case(&answer.inner_code, "ForbiddenByConnection")
}

pub(super) fn network(what: &str) -> Diagnosis {
    Diagnosis::new(
        Actor::TargetAdministrator,
        format!(
            "The firewall or the private endpoint of {what} does not let the service's network in. The token is not to blame."
        ),
        format!(
            "Allow the service's address or virtual network on {what}. With public access switched off, the service needs a private endpoint to it, and its DNS has to lead there."
        ),
    )
}
