//! What resources say when they refuse the token.

use super::{
    super::{APP, OBJECT},
    Diagnosis, Symptom, response,
};
use crate::diagnosis::resource;
use azure_core::error::ErrorKind;

const GROUP: &str =
    "/subscriptions/77777777-7777-4777-8777-777777777777/resourceGroups/NetworkWatcherRG";

/// The refusal as an SDK client passes it on.
fn refused(service: &str, status: u16, headers: &[(&'static str, &str)], body: &str) -> Symptom {
    let answer = response(status, headers, body);
    let error = azure_core::Error::with_message(
        ErrorKind::HttpResponse {
            status: answer.status(),
            error_code: None,
            raw_response: Some(Box::new(answer)),
        },
        "refused",
    );
    let told: Diagnosis = resource::of_error(&error).unwrap_or_else(|| panic!("{service}: {body}"));
    let says = told.answer().unwrap_or_default();
    let (title, says) = match says.split_once(": ") {
        Some((title, says)) => (title.to_owned(), Some(says.to_owned())),
        None => (says.to_owned(), None),
    };
    Symptom {
        title: format!("{service}: {title}"),
        says,
        told,
    }
}

fn json(service: &str, status: u16, code: &str, says: &str) -> Symptom {
    let body = serde_json::json!({ "error": { "code": code, "message": says } });
    refused(service, status, &[], &body.to_string())
}

pub(super) fn all() -> Vec<Symptom> {
    let arm = "Resource Manager";
    let graph = "Microsoft Graph";
    let vault = serde_json::json!({ "error": {
        "code": "Forbidden",
        "message": format!("Caller is not authorized to perform action on resource. Caller: appid={APP};oid={OBJECT} Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action' Resource: '{GROUP}/providers/Microsoft.KeyVault/vaults/vault'"),
        "innererror": { "code": "ForbiddenByRbac" },
    }});
    let firewall = serde_json::json!({ "error": {
        "code": "Forbidden",
        "message": "Client address is not authorized and caller is not a trusted service.",
        "innererror": { "code": "ForbiddenByFirewall" },
    }});
    let audience = r#"{"error":{"code":"InvalidAuthenticationToken","message":"Access token validation failure. Invalid audience."}}"#;
    let challenge = "Bearer authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"";
    vec![
        json(
            arm,
            403,
            "AuthorizationFailed",
            &format!(
                "The client '{APP}' with object id '{OBJECT}' does not have authorization to perform action 'Microsoft.Resources/subscriptions/resourceGroups/read' over scope '{GROUP}' or the scope is invalid."
            ),
        ),
        json(
            arm,
            404,
            "SubscriptionNotFound",
            "The subscription '77777777-7777-4777-8777-777777777777' could not be found.",
        ),
        json(
            arm,
            401,
            "InvalidAuthenticationToken",
            "The received access token is not valid: at least one of the claims 'puid' or 'altsecid' or 'oid' should be present.",
        ),
        json(
            arm,
            401,
            "InvalidAuthenticationTokenTenant",
            "The access token is from the wrong issuer.",
        ),
        json(
            arm,
            401,
            "ExpiredAuthenticationToken",
            "The access token has expired.",
        ),
        refused(
            "Storage",
            403,
            &[("x-ms-error-code", "AuthorizationPermissionMismatch")],
            "",
        ),
        refused(
            "Storage",
            403,
            &[("x-ms-error-code", "AuthorizationFailure")],
            "",
        ),
        refused("Key Vault", 403, &[], &vault.to_string()),
        refused("Key Vault", 403, &[], &firewall.to_string()),
        json(
            graph,
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ),
        json(
            graph,
            401,
            "Authorization_IdentityNotFound",
            "The identity of the calling application could not be established.",
        ),
        refused(graph, 401, &[("www-authenticate", challenge)], audience),
        json(
            graph,
            400,
            "BadRequest",
            "/me request is only valid with delegated authentication flow.",
        ),
        json(
            "Cosmos DB",
            403,
            "Forbidden",
            &format!(
                "Request blocked by Auth account: Request is blocked because principal [{OBJECT}] does not have required RBAC permissions to perform action [Microsoft.DocumentDB/databaseAccounts/readMetadata] on resource [/]."
            ),
        ),
        json(
            "Service Bus or Event Hubs",
            401,
            "40103",
            "Unauthorized access. 'Listen' claim(s) are required to perform this operation.",
        ),
        Symptom {
            title: "Any of them: HTTP 401 with insufficient_claims".to_owned(),
            ..refused(
                "any",
                401,
                &[("www-authenticate", "Bearer error=\"insufficient_claims\"")],
                "",
            )
        },
    ]
}
