//! Which commands of the guide change something, which command shows the change first, and how they
//! are written.

use super::{APP, HOME, file, named};
use std::{fmt::Write, fs};

/// The prefix of a command that changes something, and the prefix of the command that shows the
/// current state first.
const CHANGES: [(&str, &str); 20] = [
    ("az ad app create ", "az ad app list "),
    ("az ad app update ", "az ad app show "),
    ("az ad sp create ", "az ad sp show "),
    ("az ad sp update ", "az ad sp show "),
    (
        "az ad app federated-credential create ",
        "az ad app federated-credential list ",
    ),
    (
        "az ad app federated-credential update ",
        "az ad app federated-credential list ",
    ),
    ("New-AzADApplication ", "Get-AzADApplication "),
    (
        "New-AzADAppFederatedCredential ",
        "Get-AzADAppFederatedCredential ",
    ),
    (
        "Update-AzADAppFederatedCredential ",
        "Get-AzADAppFederatedCredential ",
    ),
    ("New-AzADServicePrincipal ", "Get-AzADServicePrincipal "),
    ("Update-AzADServicePrincipal ", "Get-AzADServicePrincipal "),
    ("Get-AzADApplication ", "Get-AzADApplication "),
    ("az vm identity assign ", "az vm identity show "),
    (
        "az role assignment create --assignee-object-id ",
        "az role assignment list --all --assignee ",
    ),
    ("New-AzRoleAssignment ", "Get-AzRoleAssignment "),
    (
        "az cosmosdb sql role assignment create ",
        "az cosmosdb sql role assignment list ",
    ),
    (
        "New-AzCosmosDBSqlRoleAssignment ",
        "Get-AzCosmosDBSqlRoleAssignment ",
    ),
    ("az rest --method POST ", "az rest --method GET "),
    (
        "New-AzADServicePrincipalAppRoleAssignment ",
        "Get-AzADServicePrincipalAppRoleAssignment ",
    ),
    ("az keyvault set-policy ", "az keyvault show "),
];

/// The start of the part of such a command that says what to change.
const WHAT_TO_CHANGE: [&str; 16] = [
    " --federated-credential-id ",
    " --parameters ",
    " --set ",
    " --sign-in-audience ",
    " --assignee-principal-type ",
    " --body ",
    " --identities ",
    " --object-id ",
    " --role-definition-id ",
    " -AccountEnabled",
    " -FederatedCredentialId ",
    " -Name ",
    " -ResourceDisplayName ",
    " -RoleDefinition",
    " -SignInAudience ",
    " | Update-",
];

pub(super) const SIGN_INS: [&str; 2] = ["az login ", "Connect-AzAccount "];

const READ_ONLY: [&str; 11] = [
    "az login ",
    "az account show ",
    "az ad app show ",
    "az ad app federated-credential list ",
    "az ad sp show ",
    "az identity list ",
    "az identity show ",
    "az vm identity show ",
    // Its script is `timedatectl`, which shows the clock.
    "az vm run-command invoke ",
    "Connect-AzAccount ",
    "Get-Az",
];

pub(super) fn is_read_only(command: &str) -> bool {
    let is_read_only = READ_ONLY.iter().any(|start| command.starts_with(start));
    is_read_only && !command.contains(" | Update-")
}

/// The command itself if it changes nothing, otherwise the command that shows what it would change.
pub(super) fn check_before(command: &str) -> String {
    if is_read_only(command) {
        return command.to_owned();
    }
    let (shows, rest) = CHANGES
        .iter()
        .find_map(|(changes, shows)| Some((shows, command.strip_prefix(changes)?)))
        .unwrap_or_else(|| panic!("CHANGES does not have: {command}"));
    let end = WHAT_TO_CHANGE
        .iter()
        .filter_map(|part| rest.find(part))
        .min()
        .unwrap_or(rest.len());
    format!("{shows}{}", &rest[..end])
}

#[test]
fn a_check_changes_nothing_and_placeholders_are_quoted() {
    for line in fs::read_to_string(file()).unwrap().lines() {
        let Some(command) = line.strip_prefix("  ") else {
            continue;
        };
        // A quote inside of quotes, as a POSIX shell has it.
        let command = command.replace(r"\'", "");
        for at in command.match_indices('<').map(|it| it.0) {
            let quotes = command[..at].matches('\'').count();
            assert_eq!(quotes % 2, 1, "{command}");
        }
    }
    let app = "az ad app update --id 'x' --sign-in-audience AzureADMultipleOrgs";
    assert_eq!(check_before(app), "az ad app show --id 'x'");
    let piped = "Get-AzADApplication -ApplicationId x | Update-AzADApplication -SignInAudience y";
    assert_eq!(check_before(piped), "Get-AzADApplication -ApplicationId x");
    assert_eq!(
        in_command(&format!(
            "-Issuer https://x/{HOME}/v2.0 -Id (Get -Id {APP}).Id '{{\"a\":\"{APP}\"}}'"
        )),
        "-Issuer 'https://x/<home tenant id>/v2.0' -Id (Get -Id '<client id of the app>').Id '{\"a\":\"<client id of the app>\"}'"
    );
}

/// In a command: a word with a placeholder is quoted completely, so that a shell does not treat an
/// angle bracket as a redirection.
pub(super) fn in_command(text: &str) -> String {
    let mut out = String::new();
    let mut is_quoted = false;
    for piece in text.split_inclusive([' ', '(', ')', '\'']) {
        let (word, end) = match piece.char_indices().next_back() {
            Some((at, ' ' | '(' | ')' | '\'')) => piece.split_at(at),
            _ => (piece, ""),
        };
        let shown = named(word);
        match shown != word && !is_quoted {
            true => write!(out, "'{shown}'{end}").unwrap(),
            false => write!(out, "{shown}{end}").unwrap(),
        }
        // A quote after a backslash begins and ends nothing.
        is_quoted ^= end == "'" && word != r"\";
    }
    out
}
