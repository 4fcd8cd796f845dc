//! Refusals of the host's identity endpoint.

use super::{
    Actor, Diagnosis,
    case::shown,
    codes_in,
    command::{Command, Value},
};

/// What an answer of IMDS or App Service means, if it is known (Microsoft Learn, "How to use
/// managed identities for Azure resources on an Azure VM to acquire an access token", "Error
/// handling"). `selector` is the parameter by which the identity was chosen, and its value.
pub(crate) fn of_identity_refusal(
    status: u16,
    error: Option<&str>,
    description: Option<&str>,
    selector: Option<(&str, &str)>,
    audience: &str,
) -> Option<Diagnosis> {
    let text = description.unwrap_or_default().to_ascii_lowercase();
    let says = |words: &str| text.contains(words);
    match status {
        400 if says("identity not found") || says("managed identity found for specified") => {
            Some(not_assigned(selector))
        }
        400 if says("multiple user assigned identities") => Some(Diagnosis::new(
            Actor::Developer,
            "The host has several user-assigned managed identities, and the request names none.",
            "Set managed_identity.user_assigned_id to the client id, object id or resource id of the one that the app's federated identity credential trusts.",
        )),
        400 if error == Some("bad_request_102") || says("required metadata header") => {
            Some(Diagnosis::new(
                Actor::Operator,
                "The header Metadata: true did not reach the identity endpoint.",
                "Let the service reach 169.254.169.254 directly: a proxy or a service mesh in between drops the header.",
            ))
        }
        400 if error == Some("invalid_resource") => {
            let code = codes_in(description.unwrap_or_default()).first().copied();
            let to_do = "Set managed_identity.audience to the token-exchange audience of the cloud that the host runs in: api://AzureADTokenExchange in the public cloud, api://AzureADTokenExchangeUSGov in Azure Government, api://AzureADTokenExchangeChina in China.";
            let happened = format!(
                "The identity's tenant knows no resource {}: it is not the token exchange of this cloud.",
                shown(audience)
            );
            Some(Diagnosis::new(Actor::Developer, happened, to_do).with_code(code))
        }
        403 if says("unreachable") || error.is_some_and(|error| error.contains("unreachable")) => {
            Some(Diagnosis::new(
                Actor::Operator,
                "Something else answers in the place of IMDS, as Docker Desktop does: this host has no managed identity.",
                "Run the service on an Azure host with a user-assigned managed identity; for development, give another assertion with with_assertion.",
            ))
        }
        404 | 410 => Some(Diagnosis::new(
            Actor::Nobody,
            "The identity endpoint is being updated.",
            "Wait: a 410 clears within 70 seconds, and the next call tries again.",
        )),
        429 => Some(Diagnosis::new(
            Actor::Nobody,
            "The identity endpoint throttles: it takes 20 requests a second and 5 at once from one machine, over all of its processes.",
            "Wait. If it keeps on, let fewer processes of the machine ask for tokens, or start them apart.",
        )),
        408 | 500..=599 => Some(Diagnosis::new(
            Actor::Nobody,
            "The identity endpoint, or Microsoft Entra behind it, has a transient error.",
            "Wait: the next call tries again after the back-off.",
        )),
        _ => None,
    }
}

fn not_assigned(selector: Option<(&str, &str)>) -> Diagnosis {
    let Some((parameter, value)) = selector else {
        return Diagnosis::new(
            Actor::Operator,
            "The host has no managed identity.",
            "Assign the user-assigned managed identity to the host that the app's federated identity credential trusts.",
        )
        .with_commands([assign(None)]);
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
            "Assign the identity to the host, or correct managed_identity.user_assigned_id: it takes the identity's own client id, not its object id and not the multi-tenant app's client id.",
            Value::guid(value).map(|id| Command::az("identity list").query("clientId", &id)),
        ),
        "object_id" | "principal_id" => (
            "Assign the identity to the host, or correct managed_identity.user_assigned_id: it takes the identity's principal (object) id, not its client id.",
            Value::guid(value).map(|id| Command::az("identity list").query("principalId", &id)),
        ),
        _ => (
            "Assign the identity to the host, or correct managed_identity.user_assigned_id: it takes the identity's resource id, /subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/….",
            Value::resource_id(value).map(|id| Command::az("identity show").value("--ids", &id)),
        ),
    };
    Diagnosis::new(Actor::Operator, happened, to_do)
        .with_commands(find)
        .with_commands([assign(Value::resource_id(value).as_ref())])
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
mod tests {
    use super::*;

    const ID: &str = "11111111-1111-4111-8111-111111111111";
    const AUDIENCE: &str = "api://AzureADTokenExchange";

    fn told(
        status: u16,
        error: &str,
        description: &str,
        selector: Option<(&str, &str)>,
    ) -> Diagnosis {
        of_identity_refusal(status, Some(error), Some(description), selector, AUDIENCE)
            .unwrap_or_else(|| panic!("{status} {error} {description}"))
    }

    #[test]
    fn each_known_refusal_has_its_own_explanation() {
        let several = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request";
        let mut seen = std::collections::HashSet::new();
        for (status, error, description, who) in [
            (
                400,
                "invalid_request",
                "Identity not found",
                Actor::Operator,
            ),
            (400, "invalid_request", several, Actor::Developer),
            (
                400,
                "bad_request_102",
                "Required metadata header not specified",
                Actor::Operator,
            ),
            (
                400,
                "invalid_resource",
                "AADSTS500011: The resource principal …",
                Actor::Developer,
            ),
            (
                403,
                "",
                "A socket operation was attempted to an unreachable network.",
                Actor::Operator,
            ),
            (410, "", "", Actor::Nobody),
            (429, "", "", Actor::Nobody),
            (
                500,
                "unknown",
                "Failed to retrieve token from the Active directory",
                Actor::Nobody,
            ),
        ] {
            let diagnosis = told(status, error, description, None);
            assert_eq!(diagnosis.who(), who, "{diagnosis}");
            assert!(seen.insert(diagnosis.what_happened().to_owned()));
        }
        for unknown in [302, 400, 401, 403] {
            assert_eq!(
                of_identity_refusal(unknown, Some("x"), Some("y"), None, AUDIENCE),
                None
            );
        }
    }

    #[test]
    fn a_header_that_was_lost_is_known_by_its_code_or_by_its_words() {
        for (error, description) in [
            ("bad_request_102", "?"),
            ("?", "Required metadata header not specified"),
        ] {
            let diagnosis = told(400, error, description, None);
            assert!(diagnosis.what_happened().contains("Metadata: true"));
        }
    }

    #[test]
    fn the_wrong_audience_keeps_entras_number() {
        let diagnosis = told(
            400,
            "invalid_resource",
            "AADSTS500011: The resource …",
            None,
        );
        assert_eq!(diagnosis.code(), Some(500_011));
        assert!(diagnosis.what_happened().contains(AUDIENCE));
    }

    #[test]
    fn an_identity_that_is_not_assigned_is_named_as_it_was_chosen() {
        let resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n";
        for (parameter, value, command) in [
            (
                "client_id",
                ID,
                "az identity list --query '[?clientId=='\\''11111111-1111-4111-8111-111111111111'\\'']'",
            ),
            (
                "object_id",
                ID,
                "az identity list --query '[?principalId=='\\''11111111-1111-4111-8111-111111111111'\\'']'",
            ),
            (
                "msi_res_id",
                resource,
                "az identity show --ids /subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n",
            ),
        ] {
            let diagnosis = told(
                400,
                "invalid_request",
                "Identity not found",
                Some((parameter, value)),
            );
            assert!(
                diagnosis
                    .what_happened()
                    .contains(&value[..40.min(value.len())])
            );
            assert_eq!(diagnosis.commands()[0].text(), command);
            assert_eq!(diagnosis.commands().len(), 2);
        }
        let app_service = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.";
        assert_eq!(
            told(400, "", app_service, Some(("client_id", ID))).who(),
            Actor::Operator
        );
    }

    #[test]
    fn a_hostile_selector_reaches_no_command() {
        for parameter in ["client_id", "object_id", "msi_res_id"] {
            let bad = "/subscriptions/$(reboot)'\n\u{1b}[31m";
            let diagnosis = told(
                400,
                "invalid_request",
                "Identity not found",
                Some((parameter, bad)),
            );
            for command in diagnosis.commands() {
                assert!(!command.text().contains("reboot"), "{command}");
            }
            assert!(!diagnosis.what_happened().contains(char::is_control));
        }
    }
}
