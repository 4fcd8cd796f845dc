//! Refusals of the host's identity endpoint.

use super::{
    Actor, Diagnosis, codes_in,
    command::Command,
    guide::Section,
    no_imds::{LINK, Signs, answered_by_another},
    remedy::identities_of_host,
    shown,
    value::Value,
};
use crate::error_body::{ErrorBody, object_in};
use azure_core::http::headers::Headers;

/// The response of an identity endpoint, and the request that it answers.
#[derive(Clone, Copy)]
pub(crate) struct IdentityRefusal<'a> {
    pub(crate) origin: &'a str,
    pub(crate) status: u16,
    pub(crate) headers: &'a Headers,
    pub(crate) body: &'a ErrorBody,
    /// The parameter that selected the identity, and its value.
    pub(crate) selector: Option<(&'a str, &'a str)>,
    pub(crate) audience: &'a str,
    pub(crate) signs: &'a Signs,
}

/// The meaning of a response of IMDS (Microsoft Learn, "How to use managed identities for Azure
/// resources on an Azure VM to acquire an access token", "Error handling"), or of another service
/// that answers at its address.
pub(crate) fn of_identity_refusal(refusal: &IdentityRefusal<'_>) -> Diagnosis {
    let said = Said::of(refusal.body);
    let code = codes_in(refusal.body.text()).first().copied();
    of_imds(refusal, &said)
        .or_else(|| {
            answered_by_another(
                refusal.origin,
                refusal.status,
                refusal.headers,
                refusal.body,
                refusal.signs,
            )
        })
        .unwrap_or_else(|| by_status(refusal.status))
        .in_guide(Section::Imds)
        .with_code(code)
}

/// A success status with a body that is not a token. The body can contain most of a token, so only
/// its type is shown.
pub(crate) fn of_unreadable_token(
    origin: &str,
    content_type: &str,
    encoding: Option<&str>,
) -> Diagnosis {
    let (happened, to_do) = if let Some(encoding) = encoding {
        (
            format!(
                "The answer from {origin} came with the content encoding {encoding}, which was not asked for."
            ),
            format!(
                "Let the service reach {origin} directly. IMDS encodes no answers, so something in between does."
            ),
        )
    } else if content_type.contains("html") {
        (
            format!(
                "A web page came back from {origin} instead of a token: a proxy or a captive portal answers in the place of IMDS."
            ),
            format!("Let the service reach {origin} directly, without any proxy in between."),
        )
    } else {
        (
            format!(
                "What answers at {origin} says success and sends no token with its expiry. IMDS always sends both."
            ),
            format!(
                "Find out what answers at {origin}. If imds_endpoint or AZURE_POD_IDENTITY_AUTHORITY_HOST names it, check that address."
            ),
        )
    };
    Diagnosis::new(Actor::Operator, happened, to_do).in_guide(Section::Imds)
}

/// The error and its description, also if an agent puts them into a sentence of its own.
#[derive(Default)]
struct Said {
    error: String,
    text: String,
}

impl Said {
    fn of(body: &ErrorBody) -> Self {
        let inner = match body.is_json() {
            true => None,
            false => object_in(body.text()),
        };
        let error = match &inner {
            Some(inner) => inner["error"].as_str().unwrap_or_default().to_owned(),
            None => body.code().unwrap_or_default().into_owned(),
        };
        Self {
            error,
            text: body.text().to_ascii_lowercase(),
        }
    }

    fn has(&self, words: &str) -> bool {
        self.text.contains(words)
    }
}

/// Errors that only IMDS writes, whatever status an agent gives them when it passes them on.
fn of_imds(refusal: &IdentityRefusal<'_>, said: &Said) -> Option<Diagnosis> {
    let status = refusal.status;
    let is_refused = (400..500).contains(&status) && !matches!(status, 404 | 408 | 410 | 429);
    let is_known = |error: &str| said.error.eq_ignore_ascii_case(error);
    if is_refused
        && [
            "identity not found",
            "managed identity found for specified",
            "no msi found for specified",
        ]
        .iter()
        .any(|words| said.has(words))
    {
        return Some(not_assigned(refusal.selector));
    }
    if is_refused && said.has("multiple user assigned identities") {
        return Some(Diagnosis::new(
            Actor::Developer,
            "The host has several user-assigned managed identities, and the request names none.",
            "Set managed_identity.user_assigned_id to the identity that the app trusts. It takes the identity's client id, object id or resource id.",
        )
        .with_commands([identities_of_host()])
        .with_link(LINK));
    }
    if is_refused && (is_known("bad_request_102") || said.has("required metadata header")) {
        return Some(Diagnosis::new(
            Actor::Operator,
            "The header Metadata: true did not reach the identity endpoint.",
            format!("Let the service reach {} directly. A proxy or a service mesh in between drops the header.", refusal.origin),
        )
        .with_link(LINK));
    }
    if is_refused && (is_known("invalid_resource") || said.has("aadsts500011")) {
        return Some(Diagnosis::new(
            Actor::Developer,
            format!(
                "The identity's tenant knows no resource {}: it is not the token exchange of this cloud.",
                shown(refusal.audience)
            ),
            "Set managed_identity.audience to the token-exchange audience of the cloud that the host runs in. It is api://AzureADTokenExchange in the public cloud, api://AzureADTokenExchangeUSGov in Azure Government, api://AzureADTokenExchangeChina in China.",
        ));
    }
    // Entra refused the identity itself, and IMDS passed the refusal on.
    if is_refused && (said.has("aadsts700016") || said.has("aadsts7000112")) {
        return Some(Diagnosis::new(
            Actor::HomeAdministrator,
            "Microsoft Entra does not know the managed identity any more, or its service principal is disabled: it was deleted, or its subscription has moved to another tenant.",
            "Create the managed identity anew, and assign it to the host. The app's federated identity credential then needs the new principal id.",
        ));
    }
    match (status, refusal.body.is_json()) {
        (404, true) => Some(Diagnosis::new(
            Actor::Operator,
            "The identity endpoint says that there is nothing under the address that was asked for. IMDS does so while it is being updated; something else in its place does so always.",
            "Wait: the next call tries again. If it lasts, check what answers at the address of IMDS, and imds_endpoint if it is set.",
        )),
        (410, _) => Some(Diagnosis::new(
            Actor::Nobody,
            "The identity endpoint is being updated.",
            "Wait: a 410 clears within 70 seconds, and the next call tries again.",
        )),
        _ => None,
    }
}

fn by_status(status: u16) -> Diagnosis {
    match status {
        429 => Diagnosis::new(
            Actor::Nobody,
            "The identity endpoint throttles: it takes 20 requests a second and 5 at once from one machine, over all of its processes.",
            "Wait: the next call tries again. If it keeps on, let fewer processes of the machine ask for tokens, or start them apart.",
        ),
        // Microsoft Learn, "Azure Instance Metadata Service", "Proxies"; Azure/azure-sdk-for-net#18479.
        502 | 504 => Diagnosis::new(
            Actor::Operator,
            "A gateway error came back. IMDS itself is no gateway, so a proxy probably stands in between, and IMDS cannot be used through one.",
            "Wait: the next call tries again. If it lasts, let the service reach IMDS directly, without any proxy.",
        ),
        408 | 500..=599 => Diagnosis::new(
            Actor::Nobody,
            "The identity endpoint, or Microsoft Entra behind it, has a transient error.",
            "Wait: the next call tries again after the back-off.",
        ),
        _ => Diagnosis::new(
            Actor::Operator,
            "The identity endpoint refused the request for a reason that this version does not know.",
            "Read the endpoint's own words. Check the identity's assignment to this host, and what else may answer at that address.",
        ),
    }
    .with_link(LINK)
}

fn not_assigned(selector: Option<(&str, &str)>) -> Diagnosis {
    let Some((parameter, value)) = selector else {
        return Diagnosis::new(
            Actor::Operator,
            "The host has no managed identity.",
            "Assign a user-assigned managed identity to the host. It has to be the one that the app's federated identity credential trusts.",
        )
        .with_commands([assign(None)])
        .with_link(LINK);
    };
    let happened = format!(
        "The managed identity with {} is not assigned to this host.",
        match parameter {
            "client_id" => format!("the client id {}", shown(value)),
            "object_id" | "principal_id" => format!("the object id {}", shown(value)),
            _ => format!("the resource id {}", shown(value)),
        }
    );
    let (to_do, find) = match parameter {
        "client_id" => (
            "Assign the identity to the host, or correct managed_identity.user_assigned_id. It takes the identity's own client id, not its object id and not the multi-tenant app's client id.",
            Value::guid(value).map(|id| Command::az("identity list").query("clientId", &id)),
        ),
        "object_id" | "principal_id" => (
            "Assign the identity to the host, or correct managed_identity.user_assigned_id. It takes the identity's principal (object) id, not its client id.",
            Value::guid(value).map(|id| Command::az("identity list").query("principalId", &id)),
        ),
        _ => (
            "Assign the identity to the host, or correct managed_identity.user_assigned_id. It takes the identity's resource id, /subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/….",
            Value::resource_id(value).map(|id| Command::az("identity show").value("--ids", &id)),
        ),
    };
    Diagnosis::new(Actor::Operator, happened, to_do)
        .with_commands(find)
        .with_commands([assign(Value::resource_id(value).as_ref())])
        .with_link(LINK)
}

fn assign(identity: Option<&Value>) -> Command {
    Command::az("vm identity assign")
        .placeholder("--ids", "resource id of the virtual machine")
        .value_or(
            "--identities",
            identity,
            "resource id of the managed identity",
        )
}

#[cfg(test)]
mod tests;
