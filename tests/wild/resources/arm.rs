//! Azure Resource Manager.

use super::*;

pub(super) fn refusals() -> Vec<(&'static str, Answer, Told)> {
    vec![
        (
            "a token without oid",
            json(
                401,
                "InvalidAuthenticationToken",
                "The received access token is not valid: at least one of the claims 'puid' or 'altsecid' or 'oid' should be present. If you are accessing as application please make sure service principal is properly created in the tenant.",
            ),
            Told::by(
                Target,
                &[
                    "no service principal in the tenant",
                    "az ad sp create --id",
                    "New-AzADServicePrincipal",
                ],
            ),
        ),
        (
            "another audience",
            json(
                401,
                "InvalidAuthenticationTokenAudience",
                "The access token has been obtained for wrong audience or resource 'https://graph.microsoft.com'. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'.",
            ),
            Told::by(
                Developer,
                &[
                    "Set the scope to \"https://management.azure.com/.default\"",
                    "for \"https://graph.microsoft.com\"",
                ],
            ),
        ),
        (
            "another audience, one allowed",
            json(
                401,
                "InvalidAuthenticationTokenAudience",
                "The access token has been obtained for wrong audience or resource 'A'. It should exactly match (including forward slash) with one of the allowed audiences 'https://b.example/'.",
            ),
            Told::by(
                Developer,
                &["Set the scope to \"https://b.example/.default\""],
            ),
        ),
        (
            "a linked scope",
            json(
                403,
                "LinkedAuthorizationFailed",
                &format!(
                    "The client '{APP}' with object id '{OBJECT}' has permission to perform action 'Microsoft.Compute/virtualMachines/write' on scope '{GROUP}/providers/Microsoft.Compute/virtualMachines/vm'; however, it does not have permission to perform action(s) 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id' (respectively) or the linked scope(s) are invalid."
                ),
            ),
            Told::by(
                Target,
                &[
                    "linked scope",
                    "'Managed Identity Operator'",
                    "--assignee-object-id 55555555-5555-4555-8555-555555555555",
                    "userAssignedIdentities/id",
                ],
            ),
        ),
        (
            "a linked subscription of another tenant",
            json(
                403,
                "LinkedAuthorizationFailed",
                &format!(
                    "The client has permission to perform action 'Microsoft.Compute/galleries/images/read' on scope '{GROUP}', however the current tenant '{TARGET}' is not authorized to access linked subscription '{SUBSCRIPTION}'."
                ),
            ),
            Told::by(
                Developer,
                &[
                    "x-ms-authorization-auxiliary",
                    "66666666-6666-4666-8666-666666666666",
                    "for_tenant",
                ],
            ),
        ),
        (
            "no subscription, quoted",
            json(
                404,
                "SubscriptionNotFound",
                &format!("The subscription '{SUBSCRIPTION}' could not be found."),
            ),
            Told::by(
                Developer,
                &["az account show --subscription 66666666-6666-4666-8666-666666666666"],
            ),
        ),
        (
            "no subscription, bare",
            json(
                404,
                "SubscriptionNotFound",
                &format!("The subscription {SUBSCRIPTION} could not be found."),
            ),
            Told::by(
                Developer,
                &["az account show --subscription 66666666-6666-4666-8666-666666666666"],
            ),
        ),
        (
            "an expired token",
            json(
                401,
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time '1' is earlier than current UTC time '2'.",
            ),
            Told::by(Operator, &["had expired"]),
        ),
    ]
}
