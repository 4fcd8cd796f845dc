//! Key Vault (Microsoft Learn, "Azure Key Vault REST API error codes"). It uses one code for nearly
//! all refusals. The reason is in an inner code and in the text.

use super::{
    super::{
        Actor, Diagnosis, after, command::Command, contains_ignoring_case, guid_after,
        quoted_after, shown, value::Value,
    },
    answer::Answer,
    arm::grant,
    token,
};

const LINK: &str = "https://learn.microsoft.com/azure/key-vault/general/rest-error-codes";

pub(super) fn of(answer: &Answer) -> Option<Diagnosis> {
    let diagnosis = match answer.status {
        401 => unauthenticated(answer)?,
        403 => forbidden(answer)?,
        _ => return None,
    };
    Some(diagnosis.with_link(LINK))
}

fn unauthenticated(answer: &Answer) -> Option<Diagnosis> {
    let has = |words: &str| contains_ignoring_case(&answer.message, words);
    if !answer.message.starts_with("AKV10") {
        return None;
    }
    if has("invalid audience") {
        return Some(token::other_audience(answer));
    }
    if answer.message.starts_with("AKV10032") || has("invalid issuer") {
        let to_do = match answer.tenant() {
            Some(one) => token::use_tenant(&one),
            None => "Set tenant_id to the tenant that the key vault belongs to.".to_owned(),
        };
        return Some(Diagnosis::new(
            Actor::Developer,
            "The access token is of another tenant than the key vault.",
            to_do,
        ));
    }
    if has("expired") || has("lifetime") {
        return Some(token::expired());
    }
    if has("signature validation") {
        return Some(Diagnosis::new(
            Actor::Nobody,
            "The key vault does not know the key that signed the access token yet. It reads Microsoft Entra's keys from time to time.",
            "Try again in a moment.",
        ));
    }
    let to_do = match (answer.scope(), answer.tenant()) {
        (Some(scope), Some(tenant)) => format!("Send a token of tenant {tenant} for the scope \"{scope}\"."),
        (Some(scope), None) => format!("Send a token for the scope \"{scope}\"."),
        (None, Some(tenant)) => format!("Send a token of tenant {tenant} for the key vault's own scope. In the public cloud that is \"https://vault.azure.net/.default\"."),
        (None, None) => "Send a token for the key vault's own scope. In the public cloud that is \"https://vault.azure.net/.default\".".to_owned(),
    };
    Some(Diagnosis::new(
        Actor::Developer,
        "The key vault does not take the access token: it is missing, is for another resource or another cloud, or is no token.",
        to_do,
    ))
}

fn forbidden(answer: &Answer) -> Option<Diagnosis> {
    let is_vaults = contains_ignoring_case(&answer.message, "key vault")
        || contains_ignoring_case(&answer.message, "Microsoft.KeyVault");
    if answer.is("ForbiddenByRbac") {
        return Some(no_role(answer));
    }
    if answer.is_any(&["ForbiddenByFirewall", "ForbiddenByConnection"])
        || (is_vaults && token::is_about_the_network(answer))
    {
        return Some(token::network("the key vault"));
    }
    if answer.is("ForbiddenByPolicy") || (is_vaults && answer.says("permission on key vault")) {
        return Some(no_policy(answer));
    }
    None
}

/// "Caller is not authorized to perform action on resource. … Action: '…' Resource: '…'".
fn no_role(answer: &Answer) -> Diagnosis {
    let scope = quoted_after(&answer.message, "Resource:").and_then(Value::resource_id);
    let action = quoted_after(&answer.message, "Action:").unwrap_or_default();
    let role = role_for(action);
    let of_scope = match &scope {
        Some(scope) => format!("the scope {}", scope.text()),
        None => "the key vault".to_owned(),
    };
    let named = role.unwrap_or("that allows it");
    let to_do = format!(
        "Grant that service principal the role {named} on {of_scope}. Reader and Contributor give no access to what is in a vault. The role may take several minutes to take effect."
    );
    let happened = match action {
        "" => "The target tenant's service principal of the app has no role for this operation on the key vault.".to_owned(),
        action => format!("The target tenant's service principal of the app has no role for the action {} on the key vault.", shown(action)),
    };
    let object = guid_after(&answer.message, ";oid=").and_then(|id| Value::guid(&id));
    Diagnosis::new(Actor::TargetAdministrator, happened, to_do).with_commands(grant(
        object.as_ref(),
        role,
        scope.as_ref(),
    ))
}

/// The built-in role with the fewest rights that allows a data action.
fn role_for(action: &str) -> Option<&'static str> {
    let lower = action.to_ascii_lowercase();
    let reads = lower.ends_with("/getsecret/action") || lower.ends_with("/read");
    if lower.contains("/vaults/secrets/") {
        Some(match lower.ends_with("/getsecret/action") {
            true => "Key Vault Secrets User",
            false if lower.contains("readmetadata") => "Key Vault Reader",
            false => "Key Vault Secrets Officer",
        })
    } else if lower.contains("/vaults/keys/") || lower.contains("/vaults/keyrotationpolicies/") {
        let uses = ["encrypt", "decrypt", "wrap", "unwrap", "sign", "verify"]
            .iter()
            .any(|word| lower.contains(word));
        Some(if uses || reads {
            "Key Vault Crypto User"
        } else {
            "Key Vault Crypto Officer"
        })
    } else if lower.contains("/vaults/certificates/") || lower.contains("/vaults/certificatecas/") {
        Some(if reads {
            "Key Vault Certificate User"
        } else {
            "Key Vault Certificates Officer"
        })
    } else {
        None
    }
}

/// "The user, group or application 'appid=A;oid=O;…' does not have secrets get permission on key
/// vault 'name;location=x'."
fn no_policy(answer: &Answer) -> Diagnosis {
    let message = &answer.message;
    let object = guid_after(message, ";oid=").and_then(|id| Value::guid(&id));
    let vault = quoted_after(message, "on key vault")
        .and_then(|text| text.split(';').next())
        .and_then(Value::name);
    let mut words = after(message, "does not have ")
        .unwrap_or_default()
        .split_whitespace();
    let (kind, permission) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let options = match kind {
        "secrets" => Some(("--secret-permissions", "-PermissionsToSecrets")),
        "keys" => Some(("--key-permissions", "-PermissionsToKeys")),
        "certificates" => Some(("--certificate-permissions", "-PermissionsToCertificates")),
        "storage" => Some(("--storage-permissions", "-PermissionsToStorage")),
        _ => None,
    };
    const NO_VAULT: &str = "name of the key vault";
    const NO_OBJECT: &str = "object id of the service principal in the target tenant";
    let what = match options {
        Some(_) => format!("the permission {} for {kind}", shown(permission)),
        None => "the permission that the request needs".to_owned(),
    };
    let of_vault = match &vault {
        Some(vault) => format!("the key vault {}", vault.text()),
        None => "the key vault".to_owned(),
    };
    let mut az = Command::az("keyvault set-policy")
        .value_or("--name", vault.as_ref(), NO_VAULT)
        .value_or("--object-id", object.as_ref(), NO_OBJECT);
    let mut powershell = Command::powershell("Set-AzKeyVaultAccessPolicy")
        .value_or("-VaultName", vault.as_ref(), NO_VAULT)
        .value_or("-ObjectId", object.as_ref(), NO_OBJECT);
    if let Some((for_az, for_powershell)) = options {
        let permission = Value::name(permission);
        az = az.value_or(for_az, permission.as_ref(), "permission");
        powershell = powershell.value_or(for_powershell, permission.as_ref(), "permission");
    }
    Diagnosis::new(
        Actor::TargetAdministrator,
        format!("The access policies of {of_vault} do not give the target tenant's service principal of the app {what}."),
        format!("Add {what} to an access policy of {of_vault} for that service principal. It is the target tenant's, not the home tenant's and not the managed identity."),
    )
    .with_commands([az, powershell])
}
