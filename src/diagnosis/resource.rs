//! Refusals of the resource that the token was for: Azure Resource Manager, Storage, Key Vault.

use super::{
    Actor, Diagnosis,
    case::{guid_after, quoted_after, shown},
    command::{Command, Value},
};
use crate::authority::parse_guid;
use azure_core::{
    error::ErrorKind,
    http::{
        RawResponse,
        headers::{ERROR_CODE, WWW_AUTHENTICATE},
    },
};
use serde_json::Value as Json;

/// Larger bodies are no errors of these services.
const LARGEST_BODY: usize = 64 * 1024;

/// What the answer that an SDK client turned into this error means, if it is known.
pub(super) fn of_error(error: &azure_core::Error) -> Option<Diagnosis> {
    let ErrorKind::HttpResponse {
        status,
        error_code,
        raw_response,
    } = error.kind()
    else {
        return None;
    };
    let response = raw_response.as_deref();
    of_answer(&Answer::read(
        (*status).into(),
        error_code.as_deref(),
        response,
    ))
}

/// The parts of a refusal that tell something.
#[derive(Default)]
struct Answer {
    status: u16,
    code: String,
    inner_code: String,
    message: String,
    challenge: String,
}

impl Answer {
    fn read(status: u16, error_code: Option<&str>, response: Option<&RawResponse>) -> Self {
        let mut answer = Self {
            status,
            code: error_code.unwrap_or_default().to_owned(),
            ..Self::default()
        };
        let Some(response) = response else {
            return answer;
        };
        let header = |name| response.headers().get_optional_string(&name);
        answer.challenge = header(WWW_AUTHENTICATE).unwrap_or_default();
        let body = response.body().as_ref();
        let body = match body.len() <= LARGEST_BODY {
            true => serde_json::from_slice(body).unwrap_or(Json::Null),
            false => Json::Null,
        };
        let text = |path: &str| body.pointer(path).and_then(Json::as_str);
        // Storage's bodies are XML; its header has the code.
        let code = text("/error/code").map(str::to_owned);
        if let Some(code) = code.or_else(|| header(ERROR_CODE)) {
            answer.code = code;
        }
        answer.inner_code = text("/error/innererror/code")
            .unwrap_or_default()
            .to_owned();
        answer.message = text("/error/message").unwrap_or_default().to_owned();
        answer
    }

    /// The tenant that a 401 sends its caller to.
    fn tenant(&self) -> Option<String> {
        // Key Vault's own name for it is the shorter one.
        let (_, rest) = ["authorization_uri=", "authorization="]
            .iter()
            .find_map(|name| self.challenge.split_once(name))?;
        let path = rest
            .trim_start_matches('"')
            .strip_prefix("https://")?
            .split_once('/')?
            .1;
        let end = path
            .find(|c: char| !c.is_ascii_hexdigit() && c != '-')
            .unwrap_or(path.len());
        parse_guid(&path[..end])
    }
}

fn of_answer(answer: &Answer) -> Option<Diagnosis> {
    if answer.status == 401 && answer.challenge.contains("insufficient_claims") {
        return Some(claims_challenge());
    }
    match (answer.status, answer.code.as_str()) {
        (403, "AuthorizationFailed") => Some(not_authorized(answer)),
        (401, "InvalidAuthenticationTokenTenant") => Some(wrong_tenant(answer)),
        (401, "ExpiredAuthenticationToken") => Some(Diagnosis::new(
            Actor::Operator,
            "The access token had expired when it arrived.",
            "Check the host's clock, and that the client asks the credential for each request instead of keeping a token of its own.",
        )),
        (401, "InvalidAuthenticationToken") => Some(not_a_token_for_it(
            answer,
            "The resource does not take the access token: it is for another resource or another cloud, or is no token.",
        )),
        (401 | 403, "AuthenticationFailed" | "InvalidAuthenticationInfo") => {
            Some(not_a_token_for_it(
                answer,
                "The resource could not authenticate the request: the access token is missing, is for another resource, or is of another tenant.",
            ))
        }
        // Key Vault has one code for all of these, and numbers in the text.
        (401, "Unauthorized") if answer.message.starts_with("AKV10032") => {
            Some(another_vaults_tenant(answer))
        }
        (401, "Unauthorized") if answer.message.starts_with("AKV10") => Some(not_a_token_for_it(
            answer,
            "The key vault does not take the access token: it is missing, is for another resource or another cloud, or is no token.",
        )),
        (404, "SubscriptionNotFound") => Some(no_subscription(answer)),
        (403, "AuthorizationPermissionMismatch") => Some(no_data_role(
            "The target tenant's service principal of the app may reach the storage account, but has no role for this operation on its data.",
            "Grant that service principal a data role such as Storage Blob Data Reader on the account or container; Reader and Contributor give no access to data.",
            None,
            None,
        )),
        (403, _) if answer.inner_code == "ForbiddenByRbac" => Some(no_data_role(
            "The target tenant's service principal of the app has no role for this operation on the key vault.",
            "Grant that service principal a data role such as Key Vault Secrets User on the vault; Reader and Contributor give no access to its secrets.",
            guid_after(&answer.message, ";oid="),
            quoted_after(&answer.message, "Resource:"),
        )),
        _ => None,
    }
}

/// Microsoft Learn, "Troubleshoot Azure RBAC".
fn not_authorized(answer: &Answer) -> Diagnosis {
    let said = |words: &str| quoted_after(&answer.message, words);
    let object = said("object id ").and_then(Value::guid);
    let scope = said("over scope ").and_then(Value::resource_id);
    let reads = said("perform action ").is_some_and(|action| action.ends_with("/read"));
    let mut happened = "The target tenant's service principal of the app".to_owned();
    if let Some(object) = said("object id ") {
        happened.push_str(&format!(", object id {},", shown(object)));
    }
    happened.push_str(" has no role that allows ");
    happened.push_str(&match said("perform action ") {
        Some(action) => format!("the action {}", shown(action)),
        None => "the request".to_owned(),
    });
    if let Some(scope) = said("over scope ") {
        happened.push_str(&format!(" over the scope {}", shown(scope)));
    }
    happened.push('.');
    let role = if reads { "Reader" } else { "that allows it" };
    let to_do = format!(
        "Grant the role {role} to that service principal, not to the home tenant's and not to the managed identity. It may take several minutes to take effect, and a token that is in use may have to be renewed. If the role is there, check the scope: one that does not exist is refused in the same way."
    );
    let az = Command::az("role assignment create")
        .value_or("--assignee-object-id", object.as_ref(), NO_OBJECT)
        .fixed("--assignee-principal-type ServicePrincipal");
    let powershell = Command::powershell("New-AzRoleAssignment").value_or(
        "-ObjectId",
        object.as_ref(),
        NO_OBJECT,
    );
    let (az, powershell) = match reads {
        true => (
            az.fixed("--role Reader"),
            powershell.fixed("-RoleDefinitionName Reader"),
        ),
        false => (
            az.placeholder("--role", "role that allows the action"),
            powershell.placeholder("-RoleDefinitionName", "role that allows the action"),
        ),
    };
    Diagnosis::new(Actor::TargetAdministrator, happened, to_do).with_commands([
        az.value_or("--scope", scope.as_ref(), NO_SCOPE),
        powershell.value_or("-Scope", scope.as_ref(), NO_SCOPE),
    ])
}

const NO_OBJECT: &str = "object id of the service principal in the target tenant";
const NO_SCOPE: &str = "resource id of the scope";

fn no_data_role(
    happened: &'static str,
    to_do: &'static str,
    object: Option<String>,
    scope: Option<&str>,
) -> Diagnosis {
    let object = object.as_deref().and_then(Value::guid);
    let scope = scope.and_then(Value::resource_id);
    let to_do = format!("{to_do} It may take several minutes to take effect.");
    Diagnosis::new(Actor::TargetAdministrator, happened, to_do).with_commands([Command::az(
        "role assignment create",
    )
    .value_or("--assignee-object-id", object.as_ref(), NO_OBJECT)
    .fixed("--assignee-principal-type ServicePrincipal")
    .placeholder("--role", "data role")
    .value_or("--scope", scope.as_ref(), NO_SCOPE)])
}

fn wrong_tenant(answer: &Answer) -> Diagnosis {
    let ours = guid_after(&answer.message, "wrong issuer 'https://sts.windows.net/");
    let right = tenants_that_match(&answer.message);
    let happened = match &ours {
        Some(ours) => {
            format!(
                "The access token is of tenant {ours}, which the subscription does not belong to."
            )
        }
        None => "The access token is of another tenant than the subscription.".to_owned(),
    };
    let to_do = match (right.as_slice(), answer.tenant()) {
        ([one], _) => format!("Use tenant {one}: set tenant_id to it, or call for_tenant with it."),
        ([], Some(one)) => {
            format!("Use tenant {one}: set tenant_id to it, or call for_tenant with it.")
        }
        ([], None) => "Set tenant_id to the tenant that the subscription belongs to.".to_owned(),
        (several, _) => format!(
            "Use the target tenant among these: {}. Set tenant_id to it, or call for_tenant with it.",
            several.join(", ")
        ),
    };
    Diagnosis::new(Actor::Developer, happened, to_do)
}

fn another_vaults_tenant(answer: &Answer) -> Diagnosis {
    let to_do = match answer.tenant() {
        Some(one) => format!("Use tenant {one}: set tenant_id to it, or call for_tenant with it."),
        None => "Set tenant_id to the tenant that the key vault belongs to.".to_owned(),
    };
    let happened = "The access token is of another tenant than the key vault.";
    Diagnosis::new(Actor::Developer, happened, to_do)
}

/// "It must match the tenant 'https://sts.windows.net/{b}/'", or "one of the tenants" and several
/// in one pair of quotes, where others manage the subscription too.
fn tenants_that_match(message: &str) -> Vec<String> {
    const MOST: usize = 8;
    let Some((_, rest)) = message.split_once("must match") else {
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

fn not_a_token_for_it(answer: &Answer, happened: &'static str) -> Diagnosis {
    let mut to_do = "Check that the scope is the resource's, such as https://management.azure.com/.default for Azure Resource Manager or https://storage.azure.com/.default for Storage, and of the right cloud.".to_owned();
    if let Some(tenant) = answer.tenant() {
        to_do.push_str(&format!(
            " The resource takes tokens of tenant {tenant}: check that tenant_id is that tenant."
        ));
    }
    Diagnosis::new(Actor::Developer, happened, to_do)
}

fn no_subscription(answer: &Answer) -> Diagnosis {
    let id = quoted_after(&answer.message, "subscription ");
    let happened = match id {
        Some(id) => format!(
            "There is no subscription {} that the token's tenant can see.",
            shown(id)
        ),
        None => "There is no such subscription that the token's tenant can see.".to_owned(),
    };
    let check = id
        .and_then(Value::guid)
        .map(|id| Command::az("account show").value("--subscription", &id));
    Diagnosis::new(
        Actor::Developer,
        happened,
        "Check the subscription id, that it belongs to the tenant that tenant_id names, and that the request goes to that tenant's cloud.",
    )
    .with_commands(check)
}

/// Microsoft Learn, "Claims challenges, claims requests, and client capabilities".
fn claims_challenge() -> Diagnosis {
    Diagnosis::new(
        Actor::TargetAdministrator,
        "The resource rejected the access token before its expiry and demands further claims: the service principal was disabled, or a Conditional Access policy refuses it.",
        "Check in the target tenant that the app's service principal is enabled, and which Conditional Access policy for workload identities applies to it. The service drops the token with invalidate and asks again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::{
        Error,
        http::{StatusCode, headers::Headers},
    };

    const OID: &str = "22222222-2222-4222-8222-222222222222";
    const TENANT: &str = "33333333-3333-4333-8333-333333333333";
    const OTHER: &str = "44444444-4444-4444-8444-444444444444";
    const SCOPE: &str =
        "/subscriptions/55555555-5555-4555-8555-555555555555/resourceGroups/NetworkWatcherRG";

    fn refused(status: u16, code: &str, message: &str, challenge: &str) -> Error {
        let body = serde_json::json!({"error": {"code": code, "message": message}});
        answered(
            status,
            &body.to_string(),
            &[("www-authenticate", challenge)],
        )
    }

    fn answered(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Error {
        let mut all = Headers::new();
        for (name, value) in headers {
            all.insert(*name, (*value).to_owned());
        }
        let status = StatusCode::from(status);
        let kind = ErrorKind::HttpResponse {
            status,
            error_code: None,
            raw_response: Some(Box::new(RawResponse::from_bytes(
                status,
                all,
                body.to_owned(),
            ))),
        };
        Error::new(kind, "refused")
    }

    fn forbidden(oid: &str, action: &str, scope: &str) -> Error {
        let message = format!(
            "The client '{OTHER}' with object id '{oid}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
        );
        refused(403, "AuthorizationFailed", &message, "")
    }

    #[test]
    fn a_missing_role_is_granted_by_the_command() {
        let error = forbidden(
            OID,
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            SCOPE,
        );
        let diagnosis = Diagnosis::of(&error).unwrap();
        assert_eq!(diagnosis.who(), Actor::TargetAdministrator);
        assert_eq!(
            diagnosis.commands()[0].text(),
            format!(
                "az role assignment create --assignee-object-id {OID} --assignee-principal-type ServicePrincipal --role Reader --scope {SCOPE}"
            )
        );
        assert_eq!(
            diagnosis.commands()[1].text(),
            format!(
                "New-AzRoleAssignment -ObjectId {OID} -RoleDefinitionName Reader -Scope {SCOPE}"
            )
        );
        let write = Diagnosis::of(&forbidden(OID, "Microsoft.Network/x/write", SCOPE)).unwrap();
        assert!(!write.commands()[0].text().contains("Reader"), "{write}");
    }

    #[test]
    fn it_is_found_below_other_errors() {
        #[derive(Debug)]
        struct Outer(Error);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("outer")
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let inner = forbidden(OID, "a/read", SCOPE);
        let wrapped = Outer(Error::new(ErrorKind::Other, Outer(inner)));
        assert!(Diagnosis::of(&wrapped).is_some());
        assert!(Diagnosis::of(&std::io::Error::other("x")).is_none());
    }

    #[test]
    fn hostile_values_stay_out_of_commands_and_are_escaped_in_prose() {
        for bad in [
            "$(reboot)",
            "a\" ; reboot",
            "/subscriptions/x;reboot",
            "/subscriptions/x\n/reboot",
            "\u{1b}[31m\u{202e}reboot",
        ] {
            let told = Diagnosis::of(&forbidden(bad, bad, bad)).unwrap();
            for command in told.commands() {
                assert!(!command.text().contains("reboot"), "{command}");
                assert!(!command.text().contains(char::is_control));
            }
            let shown = told.what_happened();
            assert!(
                !shown.contains(|c: char| c.is_control() || c == '\u{202e}'),
                "{shown}"
            );
        }
    }

    #[test]
    fn the_right_tenant_is_named() {
        let message = format!(
            "The access token is from the wrong issuer 'https://sts.windows.net/{OTHER}/'. It must match the tenant 'https://sts.windows.net/{TENANT}/' associated with this subscription. Please use the authority (URL) 'https://login.windows.net/{TENANT}' to get the token."
        );
        let error = refused(401, "InvalidAuthenticationTokenTenant", &message, "");
        let diagnosis = Diagnosis::of(&error).unwrap();
        assert!(diagnosis.what_happened().contains(OTHER));
        assert!(diagnosis.what_to_do().contains(TENANT));
        assert!(!diagnosis.what_to_do().contains(OTHER));

        let several = message.replace(
            &format!("the tenant 'https://sts.windows.net/{TENANT}/'"),
            &format!("one of the tenants 'https://sts.windows.net/{TENANT}/,https://sts.windows.net/{OID}/'"),
        );
        let error = refused(401, "InvalidAuthenticationTokenTenant", &several, "");
        let to_do = Diagnosis::of(&error).unwrap().what_to_do().to_owned();
        assert!(to_do.contains(TENANT) && to_do.contains(OID), "{to_do}");

        let challenge = format!(
            "Bearer authorization_uri=\"https://login.windows.net/{TENANT}\", error=\"invalid_token\""
        );
        let error = refused(401, "InvalidAuthenticationTokenTenant", "?", &challenge);
        assert!(Diagnosis::of(&error).unwrap().what_to_do().contains(TENANT));
    }

    #[test]
    fn each_known_refusal_has_its_own_explanation() {
        let mut seen = std::collections::HashSet::new();
        for (status, code, challenge, who) in [
            (401, "AuthenticationFailed", "", Actor::Developer),
            (401, "InvalidAuthenticationToken", "", Actor::Developer),
            (
                401,
                "InvalidAuthenticationTokenTenant",
                "",
                Actor::Developer,
            ),
            (401, "ExpiredAuthenticationToken", "", Actor::Operator),
            (403, "AuthorizationFailed", "", Actor::TargetAdministrator),
            (
                403,
                "AuthorizationPermissionMismatch",
                "",
                Actor::TargetAdministrator,
            ),
            (404, "SubscriptionNotFound", "", Actor::Developer),
            (
                401,
                "x",
                "Bearer error=\"insufficient_claims\", claims=\"e30=\"",
                Actor::TargetAdministrator,
            ),
        ] {
            let told = Diagnosis::of(&refused(status, code, "", challenge)).unwrap();
            assert_eq!(told.who(), who, "{code}");
            assert!(seen.insert(told.what_happened().to_owned()), "{code}");
        }
        for (status, code) in [
            (200, "AuthorizationFailed"),
            (403, ""),
            (500, "x"),
            (404, "ResourceGroupNotFound"),
        ] {
            assert!(Diagnosis::of(&refused(status, code, "", "")).is_none());
        }
    }

    #[test]
    fn storage_is_read_by_its_header_and_a_vault_by_its_inner_code() {
        let xml =
            "<?xml version=\"1.0\"?><Error><Code>AuthorizationPermissionMismatch</Code></Error>";
        let header = [("x-ms-error-code", "AuthorizationPermissionMismatch")];
        assert!(Diagnosis::of(&answered(403, xml, &header)).is_some());

        let vault = format!("{SCOPE}/providers/Microsoft.KeyVault/vaults/v");
        let body = serde_json::json!({"error": {
            "code": "Forbidden",
            "message": format!("Caller is not authorized to perform action on resource.\r\nCaller: appid={OTHER};oid={OID};iss=https://sts.windows.net/{TENANT}/\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: '{vault}'\r\nAssignment: (not found)"),
            "innererror": {"code": "ForbiddenByRbac"},
        }});
        let told = Diagnosis::of(&answered(403, &body.to_string(), &[])).unwrap();
        let command = told.commands()[0].text();
        assert!(
            command.contains(OID) && command.contains(&vault),
            "{command}"
        );
    }

    #[test]
    fn a_vault_that_has_one_code_for_all_is_read_by_its_number() {
        let challenge =
            format!("Bearer authorization=\"https://login.microsoftonline.com/{TENANT}\"");
        for (message, who, to_do) in [
            (
                format!(
                    "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{TENANT}/, found https://sts.windows.net/{OTHER}/."
                ),
                Some(Actor::Developer),
                TENANT,
            ),
            (
                "AKV10022: Invalid audience.".to_owned(),
                Some(Actor::Developer),
                "scope",
            ),
            ("AKV20000: something else".to_owned(), None, ""),
            (format!("It is no AKV10032 of tenant {TENANT}"), None, ""),
        ] {
            let told = Diagnosis::of(&refused(401, "Unauthorized", &message, &challenge));
            let is_another = told
                .as_ref()
                .is_some_and(|told| told.what_happened().contains("another tenant"));
            assert_eq!(is_another, message.starts_with("AKV10032"), "{message}");
            assert_eq!(told.as_ref().map(Diagnosis::who), who, "{message}");
            assert!(
                told.is_none_or(|told| told.what_to_do().contains(to_do)),
                "{message}"
            );
        }
    }

    #[test]
    fn the_code_that_the_client_has_read_is_enough() {
        let kind = ErrorKind::HttpResponse {
            status: StatusCode::Forbidden,
            error_code: Some("AuthorizationFailed".to_owned()),
            raw_response: None,
        };
        assert!(Diagnosis::of(&Error::new(kind, "refused")).is_some());
    }

    #[test]
    fn a_body_of_some_kilobytes_is_read_and_one_without_end_is_not() {
        let message = |length| refused(403, "AuthorizationFailed", &"x".repeat(length), "");
        assert!(Diagnosis::of(&message(32 * 1024)).is_some());
        assert!(Diagnosis::of(&message(LARGEST_BODY)).is_none());
    }

    #[test]
    fn an_answer_that_is_no_json_is_no_panic() {
        for body in [
            "",
            "<html>",
            "[]",
            "{\"error\":\"invalid_client\"}",
            "{\"error\":{\"code\":7}}",
        ] {
            assert!(Diagnosis::of(&answered(403, body, &[])).is_none());
        }
    }
}
