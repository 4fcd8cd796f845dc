//! Failures without a number of Microsoft Entra: what the user sees, and the diagnosis that this
//! crate makes of it. Responses go through the same code as those of the services.

use super::{
    super::super::{
        Exchange, HostRefusal, IdentityRefusal, Refusal, Signs, bad_source, bad_value,
        connection::{Failure, Peer},
        ended, no_thread, nobody_answers, not_renewed, of_host_refusal, of_identity_refusal,
        of_key_file, of_other_identity, of_refusal, of_refused_key, of_scope, of_several_resources,
        of_token_file, of_unreadable_answer, of_unreadable_token, panicked, queue_stood_still,
        too_many_requests, took_too_long,
    },
    super::Section,
    Diagnosis, IDENTITY, PRINCIPAL, with_request,
};
use crate::{
    authority::{AuthorityHost, ClientId, TenantId},
    error_body::ErrorBody,
};
use azure_core::{
    error::ErrorKind,
    http::{RawResponse, StatusCode, headers::Headers},
};
use std::io;

#[path = "resources.rs"]
mod resources;

const ENTRA: &str = "https://login.microsoftonline.com";
const IMDS: &str = "http://169.254.169.254";
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// What the user sees, in a few words.
pub(super) struct Symptom {
    pub(super) title: String,
    /// What the service says, if that is more.
    pub(super) says: Option<String>,
    pub(super) told: Diagnosis,
}

fn symptom(title: impl Into<String>, told: Diagnosis) -> Symptom {
    Symptom {
        title: title.into(),
        says: None,
        told,
    }
}

pub(super) fn of(section: Section) -> Vec<Symptom> {
    match section {
        Section::Configuration => configuration(),
        Section::Connection => connection(),
        Section::Host => hosts(),
        Section::Imds => imds(),
        Section::NoImds => no_imds(),
        Section::Entra => entra(),
        Section::Stopped => stopped(),
        Section::Resource => resources::all(),
    }
}

fn configuration() -> Vec<Symptom> {
    let wrong = |parsed: Result<(), String>| bad_value(&parsed.unwrap_err());
    vec![
        symptom(
            "The tenant id is neither a GUID nor a domain name",
            wrong(TenantId::parse("litware").map(drop)),
        ),
        symptom(
            "The tenant id is common, organizations or consumers",
            wrong(TenantId::parse("common").map(drop)),
        ),
        symptom(
            "The client id is no GUID",
            wrong(ClientId::parse("my-multi-tenant-application").map(drop)),
        ),
        symptom(
            "The authority host is none of Azure's",
            wrong(AuthorityHost::choose(None, Some("https://login.example")).map(drop)),
        ),
        symptom(
            "The scope does not end in /.default",
            of_scope("https://management.azure.com"),
        ),
        symptom("The scope is for a user who signs in", of_scope("openid")),
        symptom(
            "One call asks for tokens of two resources",
            of_several_resources(
                "https://storage.azure.com/.default",
                "https://management.azure.com/.default",
            ),
        ),
    ]
}

fn connection() -> Vec<Symptom> {
    // The words come from the operating system, the TLS library or the HTTP client.
    [
        "failed to lookup address information: Name or service not known",
        "Connection refused (os error 111)",
        "Network is unreachable (os error 101)",
        "no whole answer within 10.0 s",
        "connection closed before message completed",
        "tunnel error: proxy authorization required",
        "tunnel error: unsuccessful",
        "tunnel error: failed to create underlying connection",
        "invalid peer certificate: UnknownIssuer",
        "invalid peer certificate: certificate not valid for name \"login.microsoftonline.com\"",
        "invalid peer certificate: certificate expired",
        "received corrupt message of type InvalidContentType",
        "received fatal alert: HandshakeFailure",
        "invalid HTTP version parsed",
    ]
    .map(|words| {
        let error = azure_core::Error::with_message(ErrorKind::Connection, words);
        let failure = Failure::of(&error, Peer::TokenEndpoint(ENTRA));
        Symptom {
            title: capitalized(&failure.reason),
            says: (failure.reason != words).then(|| words.to_owned()),
            told: failure.diagnosis,
        }
    })
    .into()
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// The response of a service with this body.
fn response(status: u16, headers: &[(&'static str, &str)], body: &str) -> RawResponse {
    let mut all = Headers::new();
    for (name, value) in headers {
        all.insert(*name, (*value).to_owned());
    }
    RawResponse::from_bytes(StatusCode::from(status), all, body.to_owned())
}

fn hosts() -> Vec<Symptom> {
    let refused = |host, endpoint_variable, header_variable, link, status: u16, says: &str| {
        let body = serde_json::json!({ "statusCode": status, "message": says }).to_string();
        let answer = response(status, &[("content-type", "application/json")], &body);
        let told = of_host_refusal(&HostRefusal {
            host,
            link,
            origin: "http://127.0.0.1:41741",
            endpoint_variable,
            header_variable,
            status,
            body: &ErrorBody::of(&answer),
            selector: Some(match host {
                "Service Fabric" => ("object_id", PRINCIPAL),
                _ => ("client_id", IDENTITY),
            }),
            audience: AUDIENCE,
        });
        let title = match says {
            "" => format!("{host}: HTTP {status}"),
            says => format!("{host}: HTTP {status}, {says}"),
        };
        symptom(title, told)
    };
    let app_service = |status, says| {
        refused(
            "App Service",
            "IDENTITY_ENDPOINT",
            Some("IDENTITY_HEADER"),
            "https://learn.microsoft.com/azure/app-service/overview-managed-identity",
            status,
            says,
        )
    };
    vec![
        app_service(
            400,
            "No Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
        ),
        app_service(401, ""),
        app_service(500, ""),
        refused(
            "Service Fabric",
            "IDENTITY_ENDPOINT",
            Some("IDENTITY_HEADER"),
            "https://learn.microsoft.com/azure/service-fabric/how-to-managed-identity-service-fabric-app-code",
            404,
            "ManagedIdentityNotFound",
        ),
        symptom(
            "Service Fabric gives the token of another identity",
            of_other_identity(
                "Service Fabric",
                "the one that was asked for",
                "another one",
            ),
        ),
        symptom(
            "Azure Arc: the key file cannot be read",
            of_key_file("permission denied", "/var/opt/azcmagent/tokens"),
        ),
        symptom("Azure Arc does not take the key", of_refused_key()),
        symptom(
            "The file of workload identity cannot be used",
            of_token_file(
                "\"/var/run/secrets/azure/tokens/azure-identity-token\"",
                "there is no such file",
            ),
        ),
    ]
}

/// A response at the address of IMDS.
fn at_imds(
    title: &str,
    status: u16,
    header: (&'static str, &str),
    body: &str,
    selector: Option<(&str, &str)>,
) -> Symptom {
    let answer = response(status, &[header], body);
    let told = of_identity_refusal(&IdentityRefusal {
        origin: IMDS,
        status,
        headers: answer.headers(),
        body: &ErrorBody::of(&answer),
        selector,
        audience: AUDIENCE,
        signs: &Signs::default(),
    });
    symptom(title, told)
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn imds() -> Vec<Symptom> {
    let refused = |status, error: &str, says: &str, selector| {
        let body = serde_json::json!({ "error": error, "error_description": says }).to_string();
        let title = match says {
            "" => format!("HTTP {status}"),
            says => format!("HTTP {status} {error}: {says}"),
        };
        at_imds(&title, status, JSON, &body, selector)
    };
    let named = Some(("client_id", IDENTITY));
    vec![
        refused(400, "invalid_request", "Identity not found", named),
        Symptom {
            title: "HTTP 400 invalid_request: Identity not found, and the credential names none"
                .to_owned(),
            ..refused(400, "invalid_request", "Identity not found", None)
        },
        refused(
            400,
            "invalid_request",
            "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request",
            None,
        ),
        refused(
            400,
            "bad_request_102",
            "Required metadata header not specified",
            named,
        ),
        refused(400, "invalid_resource", "AADSTS500011", named),
        refused(410, "", "", named),
        refused(429, "", "", named),
        refused(500, "", "", named),
        refused(502, "", "", named),
        symptom(
            "HTTP 200, and no token",
            of_unreadable_token(IMDS, "application/json", None),
        ),
    ]
}

fn no_imds() -> Vec<Symptom> {
    let web_page = ("content-type", "text/html");
    vec![
        symptom(
            "Nobody answers at the address of IMDS",
            nobody_answers(IMDS, &Signs::default()),
        ),
        symptom(
            "Nobody answers at the address of IMDS, and AZURE_FEDERATED_TOKEN_FILE is set",
            nobody_answers(
                IMDS,
                &Signs {
                    found: vec![("AZURE_FEDERATED_TOKEN_FILE", "AKS workload identity")],
                },
            ),
        ),
        at_imds(
            "HTTP 401 with a challenge that names a file",
            401,
            (
                "www-authenticate",
                "Basic realm=/var/opt/azcmagent/tokens/x.key",
            ),
            "",
            None,
        ),
        at_imds(
            "HTTP 403 that says unreachable",
            403,
            JSON,
            "connecting to 169.254.169.254:80: dial tcp: connect: network is unreachable",
            None,
        ),
        at_imds(
            "HTTP 404 of another cloud's metadata service",
            404,
            ("metadata-flavor", "Google"),
            "",
            None,
        ),
        at_imds(
            "A web page in the place of a token",
            403,
            web_page,
            "<html><title>Access denied</title></html>",
            None,
        ),
        at_imds(
            "HTTP 405, or another status without JSON",
            405,
            ("content-type", "text/plain"),
            "no",
            None,
        ),
    ]
}

fn entra() -> Vec<Symptom> {
    let refused = |title: &str, status, error, code: Option<u32>, is_entras| {
        let codes: Vec<u32> = code.into_iter().collect();
        let refusal = Refusal {
            status,
            error,
            description: None,
            codes: &codes,
            suberror: None,
            has_claims: false,
            is_entras,
        };
        let told = with_request(|exchange: &Exchange<'_>| of_refusal(&refusal, exchange).0);
        symptom(title, told)
    };
    let authority = AuthorityHost::choose(None, None).unwrap();
    vec![
        // A number that Entra does not use.
        refused(
            "A number that this guide does not have",
            400,
            Some("invalid_request"),
            Some(1),
            true,
        ),
        refused("HTTP 429 or 5xx", 503, None, None, false),
        refused("An answer that is not Entra's", 403, None, None, false),
        refused("A redirect", 302, None, None, false),
        refused("HTTP 407", 407, None, None, false),
        symptom(
            "HTTP 200, and no token",
            of_unreadable_answer(&authority, None),
        ),
        symptom(
            "An answer with a content encoding",
            of_unreadable_answer(&authority, Some("gzip")),
        ),
    ]
}

fn stopped() -> Vec<Symptom> {
    vec![
        symptom("A panic", panicked()),
        symptom("The task has ended", ended()),
        symptom("The deadlines have passed", took_too_long()),
        symptom(
            "The source of assertions returns something unusable",
            bad_source("the source returned nothing"),
        ),
        symptom("Too many requests for one token", too_many_requests()),
        symptom("Requests stand in a queue", queue_stood_still(100)),
        symptom(
            "The token is about to expire, and unchanged_due_token is Fail",
            not_renewed(),
        ),
        symptom("No thread", no_thread(io::ErrorKind::WouldBlock)),
    ]
}

#[test]
fn each_symptom_is_explained_in_the_section_that_its_error_links_to() {
    for section in super::SECTIONS.map(|part| part.0) {
        let all = of(section);
        assert!(all.len() > 1, "{section:?}");
        for it in &all {
            let url = super::url(section.anchor());
            let links: Vec<_> = it.told.links().filter(|link| *link == url).collect();
            assert_eq!(links.len(), 1, "{}: {}", it.title, it.told);
        }
    }
}
