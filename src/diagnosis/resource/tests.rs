use super::{
    super::{Actor, Diagnosis},
    *,
};
use azure_core::{
    Error,
    http::{RawResponse, StatusCode, headers::Headers},
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
fn the_command_grants_a_missing_role() {
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
        format!("New-AzRoleAssignment -ObjectId {OID} -RoleDefinitionName Reader -Scope {SCOPE}")
    );
    let write = Diagnosis::of(&forbidden(OID, "Microsoft.Network/x/write", SCOPE)).unwrap();
    assert!(!write.commands()[0].text().contains("Reader"), "{write}");
}

#[test]
fn a_refusal_is_found_below_other_errors() {
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
        &format!(
            "one of the tenants 'https://sts.windows.net/{TENANT}/,https://sts.windows.net/{OID}/'"
        ),
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
    let xml = "<?xml version=\"1.0\"?><Error><Code>AuthorizationPermissionMismatch</Code></Error>";
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
fn a_vault_refusal_with_a_common_code_is_recognised_by_its_number() {
    let challenge = format!("Bearer authorization=\"https://login.microsoftonline.com/{TENANT}\"");
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
        (
            "AKV20000: something else".to_owned(),
            Some(Actor::Developer),
            TENANT,
        ),
        (
            format!("It is no AKV10032 of tenant {TENANT}"),
            Some(Actor::Developer),
            TENANT,
        ),
    ] {
        let told = Diagnosis::of(&refused(401, "Unauthorized", &message, &challenge));
        let is_another = told.as_ref().is_some_and(|told| {
            told.what_happened()
                .starts_with("The access token is of another tenant")
        });
        assert_eq!(is_another, message.starts_with("AKV10032"), "{message}");
        assert_eq!(told.as_ref().map(Diagnosis::who), who, "{message}");
        assert!(
            told.is_none_or(|told| told.what_to_do().contains(to_do)),
            "{message}"
        );
    }
}

#[test]
fn the_error_code_that_the_client_has_read_is_enough() {
    let kind = ErrorKind::HttpResponse {
        status: StatusCode::Forbidden,
        error_code: Some("AuthorizationFailed".to_owned()),
        raw_response: None,
    };
    assert!(Diagnosis::of(&Error::new(kind, "refused")).is_some());
}

#[test]
fn a_body_of_some_kilobytes_is_read_and_a_huge_one_is_not() {
    let message = |length| refused(403, "AuthorizationFailed", &"x".repeat(length), "");
    assert!(Diagnosis::of(&message(32 * 1024)).is_some());
    assert!(Diagnosis::of(&message(64 * 1024)).is_none());
}

#[test]
fn a_response_that_is_not_json_does_not_panic() {
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
