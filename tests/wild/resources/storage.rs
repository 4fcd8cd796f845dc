//! Storage.

use super::*;

fn xml(status: u16, code: &str, detail: &str) -> Answer {
    let detail = match detail {
        "" => String::new(),
        text => format!("<AuthenticationErrorDetail>{text}</AuthenticationErrorDetail>"),
    };
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>Server failed to authenticate the request.\nRequestId:r\nTime:t</Message>{detail}</Error>"
    );
    Answer::of(status, "content-type", "application/xml", body)
}

const STORAGE_CHALLENGE: &str = "Bearer authorization_uri=https://login.microsoftonline.com/22222222-2222-4222-8222-222222222222/oauth2/authorize resource_id=https://storage.azure.com";

pub(super) fn refusals() -> Vec<(&'static str, Answer, Told)> {
    vec![
        (
            "an address that is not allowed",
            xml(403, "AuthorizationSourceIPMismatch", ""),
            Told::by(Target, &["firewall"]),
        ),
        (
            "an expired token",
            xml(
                403,
                "AuthenticationFailed",
                "Lifetime validation failed. The token is expired.",
            ),
            Told::by(
                Operator,
                &[
                    "had expired",
                    "Lifetime validation failed. The token is expired.",
                ],
            ),
        ),
        (
            "another audience",
            xml(
                401,
                "InvalidAuthenticationInfo",
                "Audience validation failed. Audience did not match.",
            ),
            Told::by(Developer, &["is for another resource"]),
        ),
        (
            "another tenant",
            challenged(
                xml(
                    401,
                    "InvalidAuthenticationInfo",
                    "Issuer validation failed. Issuer did not match.",
                ),
                STORAGE_CHALLENGE,
            ),
            Told::by(
                Developer,
                &["Use tenant 22222222-2222-4222-8222-222222222222"],
            ),
        ),
        (
            "the firewall",
            xml(403, "AuthorizationFailure", ""),
            Told::by(Target, &["firewall", "private endpoint"]),
        ),
        (
            "no token",
            challenged(
                xml(401, "NoAuthenticationInformation", ""),
                STORAGE_CHALLENGE,
            ),
            Told::by(
                Developer,
                &[
                    "tenant 22222222-2222-4222-8222-222222222222",
                    "\"https://storage.azure.com/.default\"",
                ],
            ),
        ),
        (
            "no data role",
            xml(403, "AuthorizationPermissionMismatch", ""),
            Told::by(Target, &["Storage Blob Data Reader"]),
        ),
        (
            "a table",
            Answer::json(
                403,
                r#"{"odata.error":{"code":"AuthenticationFailed","message":{"lang":"en-US","value":"Server failed to authenticate the request.\nRequestId:r"}}}"#,
            ),
            Told::by(
                Developer,
                &["could not authenticate", "AuthenticationFailed"],
            ),
        ),
        (
            "a table without a role",
            Answer::json(
                403,
                r#"{"odata.error":{"code":"AuthorizationPermissionMismatch","message":{"lang":"en-US","value":"x"}}}"#,
            ),
            Told::by(Target, &["data role"]),
        ),
    ]
}
