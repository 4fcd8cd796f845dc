use super::*;
use azure_core::http::{RawResponse, StatusCode};

const ID: &str = "11111111-1111-4111-8111-111111111111";
const AUDIENCE: &str = "api://AzureADTokenExchange";

fn of(status: u16, body: &str, selector: Option<(&str, &str)>) -> Diagnosis {
    with_header(status, ("content-type", "application/json"), body, selector)
}

fn with_header(
    status: u16,
    (name, value): (&'static str, &str),
    body: &str,
    selector: Option<(&str, &str)>,
) -> Diagnosis {
    let mut headers = Headers::new();
    headers.insert(name, value.to_owned());
    let answer =
        RawResponse::from_bytes(StatusCode::from(status), headers.clone(), body.to_owned());
    of_identity_refusal(&IdentityRefusal {
        origin: "http://169.254.169.254",
        status,
        headers: &headers,
        body: &ErrorBody::of(&answer),
        selector,
        audience: AUDIENCE,
        signs: &Signs::default(),
    })
}

fn told(status: u16, error: &str, description: &str, selector: Option<(&str, &str)>) -> Diagnosis {
    let body = serde_json::json!({ "error": error, "error_description": description });
    of(status, &body.to_string(), selector)
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
            400,
            "unauthorized_client",
            "AADSTS700016: Application with …",
            Actor::HomeAdministrator,
        ),
        (
            403,
            "",
            "A socket operation was attempted to an unreachable network.",
            Actor::Operator,
        ),
        (404, "Not found", "", Actor::Operator),
        (410, "", "", Actor::Nobody),
        (429, "", "", Actor::Nobody),
        (
            500,
            "unknown",
            "Failed to retrieve token from the Active directory",
            Actor::Nobody,
        ),
        (400, "x", "y", Actor::Operator),
    ] {
        let diagnosis = told(status, error, description, None);
        assert_eq!(diagnosis.who(), who, "{diagnosis}");
        assert!(
            seen.insert(diagnosis.what_happened().to_owned()),
            "{diagnosis}"
        );
    }
}

#[test]
fn a_404_does_not_have_the_explanation_of_a_410() {
    assert!(!told(404, "Not found", "", None).to_string().contains("410"));
}

#[test]
fn a_lost_header_is_recognised_by_the_error_code_or_the_words() {
    for (error, description) in [
        ("bad_request_102", "?"),
        ("?", "Required metadata header not specified"),
    ] {
        let diagnosis = told(400, error, description, None);
        assert!(diagnosis.what_happened().contains("Metadata: true"));
    }
}

#[test]
fn a_wrong_audience_keeps_the_number_of_entra() {
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
fn the_response_of_imds_is_found_inside_the_sentence_of_an_agent() {
    let wrapped = r#"failed to refresh token, error: adal: Refresh request failed. Status Code = '400'. Response body: {"error":"invalid_request","error_description":"Identity not found"}"#;
    let told = with_header(
        403,
        ("content-type", "text/plain"),
        wrapped,
        Some(("client_id", ID)),
    );
    assert!(
        told.what_happened()
            .contains("is not assigned to this host"),
        "{told}"
    );
    let agent = with_header(
        404,
        ("content-type", "text/plain"),
        "no azure identity found for request clientID\n",
        None,
    );
    assert!(agent.what_happened().contains("pod identity"), "{agent}");
}

#[test]
fn a_service_that_answers_in_place_of_imds_is_named() {
    let page = "<html><head><title>Access Denied</title></head></html>";
    for (status, header, body, named) in [
        (
            401,
            (
                "www-authenticate",
                "Basic realm=/var/opt/azcmagent/tokens/x.key",
            ),
            "",
            "Azure Arc",
        ),
        (
            401,
            (
                "www-authenticate",
                r"Basic realm=C:\ProgramData\AzureConnectedMachineAgent\Tokens\x.key",
            ),
            "",
            "Azure Arc",
        ),
        (401, ("server", "EC2ws"), "", "another cloud"),
        (
            404,
            ("metadata-flavor", "Google"),
            "<html>",
            "another cloud",
        ),
        (403, ("content-type", "text/html"), page, "captive portal"),
        (407, ("x", "y"), "", "proxy"),
        (403, ("x", "y"), "", "Docker Desktop"),
        (
            403,
            ("x", "y"),
            "connecting to 169.254.169.254:80: dial tcp",
            "Docker Desktop",
        ),
        (302, ("location", "https://x.example"), "", "redirects"),
        (404, ("x", "y"), "not here", "Something other than IMDS"),
        (
            500,
            ("x", "y"),
            r#"{"statusCode":500,"message":"x"}"#,
            "App Service",
        ),
    ] {
        let told = with_header(status, header, body, None);
        assert!(
            told.what_happened().contains(named),
            "{status} {header:?}: {told}"
        );
    }
}

#[test]
fn an_identity_that_is_not_assigned_is_named_by_the_id_that_selected_it() {
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
