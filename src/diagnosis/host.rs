//! Refusals of the identity endpoints that the environment variables of a host name.

use super::{
    Actor, Diagnosis, codes_in, command::Command, contains_ignoring_case, guide::Section, shown,
    value::Value,
};
use crate::error_body::ErrorBody;

/// The response of such an endpoint, and the request that it answers.
pub(crate) struct HostRefusal<'a> {
    /// The host's name in plain words.
    pub(crate) host: &'a str,
    pub(crate) link: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) endpoint_variable: &'a str,
    /// The variable that contains the secret header, if there is one.
    pub(crate) header_variable: Option<&'a str>,
    pub(crate) status: u16,
    pub(crate) body: &'a ErrorBody,
    pub(crate) selector: Option<(&'a str, &'a str)>,
    pub(crate) audience: &'a str,
}

pub(crate) fn of_host_refusal(refusal: &HostRefusal<'_>) -> Diagnosis {
    let code = codes_in(refusal.body.text()).first().copied();
    explained(refusal)
        .in_guide(Section::Host)
        .with_link(refusal.link)
        .with_code(code)
}

fn explained(refusal: &HostRefusal<'_>) -> Diagnosis {
    let HostRefusal {
        host,
        origin,
        status,
        endpoint_variable,
        ..
    } = *refusal;
    let says = |words: &str| contains_ignoring_case(refusal.body.text(), words);
    if (300..400).contains(&status) {
        return Diagnosis::new(
            Actor::Operator,
            format!(
                "What answers at {origin} redirects the request, which the identity endpoint of {host} never does. A redirect is never followed: it would carry the host's secret elsewhere."
            ),
            format!("Find out what answers there. {endpoint_variable} names that address."),
        );
    }
    if matches!(status, 401 | 403)
        || says("SecretHeaderNotFound")
        || (status == 400 && says("secret header"))
    {
        return match refusal.header_variable {
            Some(variable) => Diagnosis::new(
                Actor::Operator,
                format!("The identity endpoint of {host} does not take the value of {variable}."),
                format!(
                    "Give the process {endpoint_variable} and {variable} as the host sets them for this very instance. They change when it restarts, so copies of them grow stale."
                ),
            ),
            None => Diagnosis::new(
                Actor::Operator,
                format!("The identity endpoint of {host} does not let this process in."),
                "Read the endpoint's own words.",
            ),
        };
    }
    if says("aadsts500011") || says("invalid_resource") {
        return Diagnosis::new(
            Actor::Developer,
            format!(
                "The identity's tenant knows no resource {}: it is not the token exchange of this cloud.",
                shown(refusal.audience)
            ),
            "Set managed_identity.audience to the token-exchange audience of the cloud that the host runs in. It is api://AzureADTokenExchange in the public cloud, api://AzureADTokenExchangeUSGov in Azure Government, api://AzureADTokenExchangeChina in China.",
        );
    }
    if status == 404
        && says("ManagedIdentityNotFound")
        && let Some(variable) = refusal.header_variable
    {
        return not_found(host, variable, refusal.selector);
    }
    let is_unknown = [
        "managed identity found for specified",
        "load the proper managed identity",
        "identity not found",
    ];
    if is_unknown.iter().any(|words| says(words)) {
        return not_assigned(host, refusal.selector);
    }
    match status {
        408 | 429 | 500..=599 => Diagnosis::new(
            Actor::Nobody,
            format!(
                "The identity endpoint of {host}, or Microsoft Entra behind it, has a transient error or too many requests."
            ),
            "Wait: the next call tries again after the back-off.",
        ),
        _ => Diagnosis::new(
            Actor::Operator,
            format!(
                "The identity endpoint of {host} refused the request for a reason that this version does not know."
            ),
            format!(
                "Read the endpoint's own words. Check the identity's assignment to this host, and that {endpoint_variable} names the host's own endpoint."
            ),
        ),
    }
}

/// Service Fabric has one answer for "unknown authentication code" and for "the application was not
/// assigned a managed identity" (Microsoft Learn, "How to leverage a Service Fabric application's
/// managed identity to access Azure services", "Error handling").
fn not_found(host: &str, header_variable: &str, selector: Option<(&str, &str)>) -> Diagnosis {
    let identity = match selector {
        Some((_, value)) => format!(
            "the application has no managed identity with the object id {}",
            shown(value)
        ),
        None => "the application has no managed identity".to_owned(),
    };
    Diagnosis::new(
        Actor::Operator,
        format!(
            "{host} found no managed identity for this request. Either {identity}, or the value of {header_variable} is out of date: it changes each time the code package of the service restarts."
        ),
        format!(
            "Check that the deployment assigns the identity to the application. Then restart the code package, and let the process read {header_variable} from its own environment: no copy of the value, and not that of another process."
        ),
    )
}

fn not_assigned(host: &str, selector: Option<(&str, &str)>) -> Diagnosis {
    let Some((parameter, value)) = selector else {
        return Diagnosis::new(
            Actor::Operator,
            format!(
                "{host} has no managed identity for a request that names none: it never chooses a user-assigned identity by itself."
            ),
            "Set managed_identity.user_assigned_id to the identity that the app trusts, and assign that identity to the host. On Azure Arc and Service Fabric, give the host its identity.",
        );
    };
    let (id, field) = match parameter {
        "client_id" | "clientid" => ("client id", "clientId"),
        "mi_res_id" => ("resource id", "id"),
        _ => ("object id", "principalId"),
    };
    let find = Value::guid(value)
        .map(|guid| Command::az("identity list").query(field, &guid))
        .or_else(|| {
            let id = Value::resource_id(value)?;
            Some(Command::az("identity show").value("--ids", &id))
        });
    Diagnosis::new(
        Actor::Operator,
        format!(
            "The managed identity with the {id} {} is not assigned to this host ({host}).",
            shown(value)
        ),
        format!(
            "Assign the identity to the host, or correct managed_identity.user_assigned_id. It takes the identity's own {id}, not one of the multi-tenant app."
        ),
    )
    .with_commands(find)
}

/// A success status with a body that is not a token.
pub(crate) fn of_unreadable_host_token(host: &str, origin: &str, variable: &str) -> Diagnosis {
    of_host(
        Actor::Operator,
        format!(
            "What answers at {origin} says success and sends no token with its expiry, which the identity endpoint of {host} always does."
        ),
        format!("Find out what answers there. {variable} names that address."),
    )
}

/// The server certificate is not the one that the host names.
#[cfg(feature = "rustls")]
pub(crate) fn of_wrong_thumbprint(origin: &str) -> Diagnosis {
    of_host(
        Actor::Operator,
        format!(
            "What answers at {origin} has another certificate than the one that IDENTITY_SERVER_THUMBPRINT names. Nothing was sent to it."
        ),
        "Give the process IDENTITY_ENDPOINT and IDENTITY_SERVER_THUMBPRINT as the host sets them for this very instance. If they are right, find out what answers in the host's place.",
    )
}

/// The host returned a token for an identity that was not requested.
pub(crate) fn of_other_identity(host: &str, wanted: &str, got: &str) -> Diagnosis {
    of_host(
        Actor::Operator,
        format!(
            "{host} gave a token of the identity with the object id {}, and not of {}. Its version may not be able to choose.",
            shown(got),
            shown(wanted)
        ),
        "Let the deployment of the application fix the identity that the app trusts, and leave managed_identity.user_assigned_id out.",
    )
}

/// Azure Arc's challenge named a file that this crate does not send. `why` is half a sentence.
pub(crate) fn of_key_file(why: &str, directory: &str) -> Diagnosis {
    of_host(
        Actor::Operator,
        format!("Azure Arc's agent asks for a key that this process does not send: {why}."),
        format!(
            "Let this process read the agent's key files in {}: it needs the group himds on Linux, or the group \"Hybrid agent extension applications\" on Windows. If the file is another one, something else answers in the agent's place.",
            shown(directory)
        ),
    )
    .with_link("https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication")
}

/// Azure Arc's agent refused the key that it named itself.
pub(crate) fn of_refused_key() -> Diagnosis {
    of_host(
        Actor::Operator,
        "Azure Arc's agent did not take the key from the file that it named.",
        "Wait: the next call asks for a new key. If it lasts, restart the agent with `azcmagent`, and look into its log.",
    )
    .with_link("https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication")
}

/// A file that should contain the assertion. `path` is already escaped, `why` is half a sentence.
pub(crate) fn of_token_file(path: &str, why: &str) -> Diagnosis {
    of_host(
        Actor::Operator,
        format!("The file {path} brought no token: {why}."),
        "Let this process read the file, and let whoever writes it write one JWT and nothing else. On AKS, check that the pod's service account token is projected to that path.",
    )
    .with_link("https://learn.microsoft.com/azure/aks/workload-identity-overview")
}

/// With its section of the troubleshooting guide.
fn of_host(who: Actor, happened: impl Into<String>, to_do: impl Into<String>) -> Diagnosis {
    Diagnosis::new(who, happened, to_do).in_guide(Section::Host)
}
