//! Microsoft Graph.

use super::*;

const GRAPH_CHALLENGE: &str = "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"";

pub(super) fn refusals() -> Vec<(&'static str, Answer, Told)> {
    let invalid = |message| {
        challenged(
            json(401, "InvalidAuthenticationToken", message),
            GRAPH_CHALLENGE,
        )
    };
    vec![
        (
            "a permission of the directory",
            json(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            ),
            Told::by(
                Target,
                &[
                    "no permission in the target tenant",
                    "admin consent",
                    "appRoles[?value==",
                    "New-AzADServicePrincipalAppRoleAssignment",
                ],
            ),
        ),
        // microsoftgraph/microsoft-graph-docs#19105.
        (
            "a permission of Teams",
            json(
                403,
                "Forbidden",
                "Missing role permissions on the request. API requires one of 'TeamworkTag.Read, TeamworkTag.ReadWrite'. Roles on the request 'TeamSettings.Read.All, TeamworkTag.Read.All'.",
            ),
            Told::by(
                Target,
                &[
                    "It needs one of TeamworkTag.Read, TeamworkTag.ReadWrite.",
                    "-EQ TeamworkTag.Read\n",
                ],
            ),
        ),
        // kayasax/EasyPIM#37.
        (
            "a permission of role management",
            json(
                403,
                "UnknownError",
                r#"{"errorCode":"PermissionScopeNotGranted","message":"Authorization failed due to missing permission scope PrivilegedAccess.Read.AzureADGroup,PrivilegedAccess.ReadWrite.AzureADGroup.","instanceAnnotations":[]}"#,
            ),
            Told::by(
                Target,
                &[
                    "one of PrivilegedAccess.Read.AzureADGroup, PrivilegedAccess.ReadWrite.AzureADGroup.",
                ],
            ),
        ),
        // microsoftgraph/microsoft-graph-explorer-v4#3165.
        (
            "a permission for sign-in logs",
            json(
                403,
                "Authentication_MSGraphPermissionMissing",
                "Calling principal does not have required MSGraph permissions AuditLog.Read.All",
            ),
            Told::by(Target, &["It needs AuditLog.Read.All."]),
        ),
        // srozemuller/IntuneAssistant#6.
        (
            "a permission of Intune",
            json(
                403,
                "Forbidden",
                "Application is not authorized to perform this operation. Application must have one of the following scopes: DeviceManagementConfiguration.Read.All, DeviceManagementConfiguration.ReadWrite.All - Operation ID (for customer support): 1.2",
            ),
            Told::by(
                Target,
                &["It needs one of DeviceManagementConfiguration.Read.All, "],
            ),
        ),
        // Microsoft Learn, "Error: The identity of the calling application could not be established".
        (
            "a token without oid",
            json(
                401,
                "Authorization_IdentityNotFound",
                "The identity of the calling application could not be established.",
            ),
            Told::by(Target, &["no service principal", "az ad sp create --id"]),
        ),
        (
            "a disabled service principal",
            json(403, "Authorization_IdentityDisabled", ""),
            Told::by(Target, &["disabled", "accountEnabled=true"]),
        ),
        (
            "another audience",
            invalid("Access token validation failure. Invalid audience."),
            Told::by(
                Developer,
                &[
                    "another resource",
                    "\"https://graph.microsoft.com/.default\"",
                ],
            ),
        ),
        (
            "another audience, without a challenge",
            json(
                401,
                "InvalidAuthenticationToken",
                "Access token validation failure. Invalid audience.",
            ),
            Told::by(Developer, &["another resource"]),
        ),
        (
            "an expired token",
            invalid("Lifetime validation failed, the token is expired."),
            Told::by(Operator, &["had expired"]),
        ),
        // Azure-Samples/active-directory-aspnetcore-webapp-openidconnect-v2#198.
        (
            "no token of Entra",
            invalid("CompactToken parsing failed with error code: 80049217"),
            Told::by(
                Developer,
                &[
                    "does not take the access token",
                    "\"https://graph.microsoft.com/.default\"",
                ],
            ),
        ),
        (
            "no token",
            invalid("Access token is empty."),
            Told::by(Developer, &["carried no token"]),
        ),
        (
            "another cloud's challenge",
            challenged(
                json(401, "InvalidAuthenticationToken", "Invalid audience."),
                &GRAPH_CHALLENGE.replace("microsoftonline.com", "microsoftonline.us"),
            ),
            Told::by(Developer, &["of the right cloud"]).never(&["graph.microsoft.com"]),
        ),
        // GearPlug/microsoftgraph-python#20.
        (
            "a request about the signed-in user",
            json(
                400,
                "BadRequest",
                "/me request is only valid with delegated authentication flow.",
            ),
            Told::by(Developer, &["/users/{id}"]),
        ),
    ]
}
