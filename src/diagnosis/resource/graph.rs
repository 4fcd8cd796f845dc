//! Microsoft Graph (Microsoft Learn, "Resolve Microsoft Graph authorization errors"). It decides by
//! the permissions in the token. Each part of it has its own words for a missing one.

use super::{
    super::{Actor, Diagnosis, after, command::Command, value::Value},
    answer::Answer,
    token,
};

/// Microsoft Graph's own client id, the same in every tenant.
const CLIENT_ID: &str = "00000003-0000-0000-c000-000000000000";
const LINK: &str = "https://learn.microsoft.com/graph/resolve-auth-errors";

pub(super) fn of(answer: &Answer) -> Option<Diagnosis> {
    // Reported with 400 (microsoftgraph-python, issue 20).
    if answer.says("only valid with delegated authentication flow") {
        return Some(signed_in_user());
    }
    if !matches!(answer.status, 401 | 403) {
        return None;
    }
    if answer.is("Authorization_IdentityNotFound")
        || answer.says("identity of the calling application could not be established")
    {
        return Some(no_principal(answer));
    }
    // Unverified: the name is in a client library of Microsoft, "Calling principal is disabled".
    if answer.is("Authorization_IdentityDisabled") {
        return Some(disabled());
    }
    if answer.is_any(&[
        "Authorization_RequestDenied",
        "Authentication_MSGraphPermissionMissing",
    ]) || answer.says("insufficient privileges to complete")
        || NAMES_PERMISSIONS.iter().any(|words| answer.says(words))
    {
        return Some(no_permission(answer));
    }
    None
}

/// The scope, if the challenge of a 401 is Microsoft Graph's. The other clouds have more than one
/// Graph, and the challenge does not tell which one it is.
pub(super) fn scope_of_challenge(client_id: &str, authority: &str) -> Option<String> {
    let is_public = authority.starts_with("https://login.microsoftonline.com/")
        || authority.starts_with("https://login.windows.net/");
    (client_id.eq_ignore_ascii_case(CLIENT_ID) && is_public)
        .then(|| "https://graph.microsoft.com/.default".to_owned())
}

/// What stands before the names of the permissions: of Teams (microsoft-graph-docs, issue 19105),
/// of role management (microsoft-graph-explorer-v4, issue 2176), of sign-in logs (there, issue
/// 3165), of Intune (IntuneAssistant, issue 6).
const NAMES_PERMISSIONS: [&str; 4] = [
    "Missing role permissions on the request. API requires one of",
    "missing permission scope",
    "does not have required MSGraph permissions",
    "Application must have one of the following scopes:",
];

/// The permissions that the response names, of which one is enough.
fn permissions_in(message: &str) -> Vec<Value> {
    const MOST: usize = 8;
    let Some(list) = NAMES_PERMISSIONS
        .iter()
        .find_map(|words| after(message, words))
    else {
        return Vec::new();
    };
    let words = list
        .trim_start_matches([' ', '\''])
        .split([',', ' '])
        .filter(|word| !word.is_empty());
    let mut permissions = Vec::new();
    for word in words.take(MOST) {
        // The last name has the end of the sentence with it.
        let name = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let Some(permission) = Value::permission(name) else {
            break;
        };
        permissions.push(permission);
        if name.len() < word.len() {
            break;
        }
    }
    permissions
}

fn no_permission(answer: &Answer) -> Diagnosis {
    let permissions = permissions_in(&answer.message);
    let named: Vec<_> = permissions.iter().map(Value::text).collect();
    let (needs, which) = match named.as_slice() {
        [] => (
            String::new(),
            "the application permission that the request needs (its page in the reference of Microsoft Graph names it)".to_owned(),
        ),
        [one] => (
            format!(" It needs {one}."),
            format!("the application permission {one}"),
        ),
        several => {
            let list = several.join(", ");
            (
                format!(" It needs one of {list}."),
                format!("one of the application permissions {list}"),
            )
        }
    };
    Diagnosis::new(
        Actor::TargetAdministrator,
        format!(
            "The app has no permission in the target tenant for this request to Microsoft Graph.{needs}"
        ),
        format!(
            "Grant the app's service principal in the target tenant {which}. The other way is admin consent, after the home tenant's administrator has added the permission to the app. Delegated permissions do not count for a service. The permissions are in the token, so a token that is in use has to be renewed."
        ),
    )
    .with_commands(grant(permissions.first()))
    .with_link(LINK)
}

/// The ids of Microsoft Graph and of the permission, then the permission for the app's service
/// principal (Microsoft Learn, "Grant an appRoleAssignment to a service principal").
fn grant(permission: Option<&Value>) -> [Command; 4] {
    const NO_PERMISSION: &str = "application permission";
    const NO_OBJECT: &str = "object id of the service principal in the target tenant";
    const NO_ROLE: &str = "id of the permission";
    [
        Command::az("ad sp show --id")
            .fixed(CLIENT_ID)
            .query_with(
                "{resourceId: id, appRoleId: appRoles[?value=='",
                permission,
                NO_PERMISSION,
                "'].id | [0]}",
            ),
        Command::az("rest --method POST")
            .placeholder_in(
                "--url",
                "https://graph.microsoft.com/v1.0/servicePrincipals/",
                NO_OBJECT,
                "/appRoleAssignments",
            )
            .fixed(concat!(
                r#"--body '{"principalId":"<object id of the service principal in the target tenant>","#,
                r#""resourceId":"<object id of the service principal of Microsoft Graph>","#,
                r#""appRoleId":"<id of the permission>"}'"#,
            )),
        Command::powershell("Get-AzADServicePrincipal -ApplicationId")
            .fixed(CLIENT_ID)
            .fixed("| Select-Object -ExpandProperty AppRole")
            .value_or("| Where-Object Value -EQ", permission, NO_PERMISSION),
        Command::powershell("New-AzADServicePrincipalAppRoleAssignment")
            .placeholder("-ServicePrincipalId", NO_OBJECT)
            .fixed("-ResourceDisplayName 'Microsoft Graph'")
            .placeholder("-AppRoleId", NO_ROLE),
    ]
}

/// Microsoft Learn, "Error: The identity of the calling application could not be established".
fn no_principal(answer: &Answer) -> Diagnosis {
    Diagnosis::new(
        Actor::TargetAdministrator,
        "The access token has no oid: the app has no service principal in the tenant of the token.",
        "Create the app's service principal in the target tenant. It then needs an application permission of Microsoft Graph too, and a token that is in use has to be renewed.",
    )
    .with_commands(token::create_principal(answer))
    .with_link("https://learn.microsoft.com/troubleshoot/entra/entra-id/users-groups-entra-apis/identity-of-calling-application-not-established")
}

fn disabled() -> Diagnosis {
    const APP: &str = "client id of the app";
    Diagnosis::new(
        Actor::TargetAdministrator,
        "The app's service principal in the target tenant is disabled.",
        "Ask why the service principal was disabled, and enable it again.",
    )
    .with_commands([
        Command::az("ad sp update")
            .placeholder("--id", APP)
            .fixed("--set accountEnabled=true"),
        Command::powershell("Update-AzADServicePrincipal")
            .placeholder("-ApplicationId", APP)
            .fixed("-AccountEnabled"),
    ])
    .with_link(LINK)
}

fn signed_in_user() -> Diagnosis {
    Diagnosis::new(
        Actor::Developer,
        "The request is about the signed-in user (/me), and the token is an app's: nobody has signed in.",
        "Name the user, with /users/{id} in place of /me. The app needs the application permission for it in the target tenant.",
    )
    .with_link(LINK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Vec<String> {
        let all = permissions_in(message);
        all.iter().map(|value| value.text().to_owned()).collect()
    }

    #[test]
    fn the_permissions_are_read_up_to_the_end_of_their_sentence() {
        for (message, names) in [
            (
                "Missing role permissions on the request. API requires one of 'TeamworkTag.Read, TeamworkTag.ReadWrite'. Roles on the request 'TeamSettings.Read.All'.",
                &["TeamworkTag.Read", "TeamworkTag.ReadWrite"][..],
            ),
            (
                r#"{"errorCode":"PermissionScopeNotGranted","message":"Authorization failed due to missing permission scope A.Read.Directory,B.ReadWrite.Directory.","target":null}"#,
                &["A.Read.Directory", "B.ReadWrite.Directory"],
            ),
            (
                "Application is not authorized to perform this operation. Application must have one of the following scopes: A.Read.All, A.ReadWrite.All - Operation ID (for customer support): x.y",
                &["A.Read.All", "A.ReadWrite.All"],
            ),
            (
                "Calling principal does not have required MSGraph permissions AuditLog.Read.All",
                &["AuditLog.Read.All"],
            ),
            ("missing permission scope ", &[]),
            ("missing permission scope $(reboot).x, A.Read", &[]),
            ("missing permission scope A.Read;reboot, B.Read", &[]),
            ("missing permission scope 'A.Read'", &["A.Read"]),
            ("Insufficient privileges to complete the operation.", &[]),
        ] {
            assert_eq!(read(message), names, "{message}");
        }
        let many = format!("missing permission scope {}", "A.Read, ".repeat(50));
        assert_eq!(read(&many).len(), 8);
    }
}
