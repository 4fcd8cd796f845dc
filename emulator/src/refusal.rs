//! Entra's refusals: number, text, `error` and status of each.
//!
//! Microsoft Learn: "Microsoft Entra authentication and authorization error codes". The `error`
//! values are those of RFC 6749 section 5.2; `invalid_resource` is of RFC 8707 section 2.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    clock,
    principals::guid,
    wire::{Answer, Request},
};

/// One refusal, before it is written into an answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    error: &'static str,
    code: u32,
    message: String,
    claims: Option<String>,
}

impl Refusal {
    fn new(error: &'static str, code: u32, message: String) -> Refusal {
        Refusal {
            error,
            code,
            message,
            claims: None,
        }
    }

    fn client(code: u32, message: String) -> Refusal {
        Refusal::new("invalid_client", code, message)
    }

    fn request(code: u32, message: String) -> Refusal {
        Refusal::new("invalid_request", code, message)
    }

    // --- The form ---------------------------------------------------------------------------

    pub(crate) fn only_post(method: &str) -> Refusal {
        Refusal::request(
            900_561,
            format!("The endpoint only accepts POST requests. Received a {method} request."),
        )
    }

    pub(crate) fn duplicate_field(name: &str) -> Refusal {
        Refusal::request(
            9_000_411,
            format!("The request is not properly formatted. The parameter '{name}' is duplicated."),
        )
    }

    pub(crate) fn missing_field(name: &str) -> Refusal {
        Refusal::request(
            900_144,
            format!("The request body must contain the following parameter: '{name}'."),
        )
    }

    pub(crate) fn unsupported_grant(grant: &str) -> Refusal {
        Refusal::new(
            "unsupported_grant_type",
            70003,
            format!("The app requested an unsupported grant type '{grant}'."),
        )
    }

    pub(crate) fn no_client_credential() -> Refusal {
        Refusal::client(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or \
             'client_secret'."
                .to_owned(),
        )
    }

    pub(crate) fn assertion_type() -> Refusal {
        Refusal::client(
            7_000_216,
            "'client_assertion', 'client_secret' or 'request' is required for the \
             'client_credentials' grant type."
                .to_owned(),
        )
    }

    pub(crate) fn wrong_secret(client_id: &str) -> Refusal {
        Refusal::client(
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is \
                 the client secret value, not the client secret ID, for a secret added to app \
                 '{client_id}'."
            ),
        )
    }

    pub(crate) fn scope_without_default(scope: &str) -> Refusal {
        Refusal::new(
            "invalid_scope",
            1_002_012,
            format!(
                "The provided value for scope {scope} is not valid. Client credential flows must \
                 have a scope value with /.default suffixed to the resource identifier \
                 (application ID URI)."
            ),
        )
    }

    pub(crate) fn malformed_scope(scope: &str) -> Refusal {
        Refusal::new(
            "invalid_scope",
            70011,
            format!(
                "The provided request must include a 'scope' input parameter. The provided value \
                 for the input parameter 'scope' is not valid. The scope {scope} is not valid."
            ),
        )
    }

    pub(crate) fn several_resources() -> Refusal {
        Refusal::request(
            700_022,
            "The provided value for the input parameter 'scope' is not valid because it contains \
             more than one resource."
                .to_owned(),
        )
    }

    pub(crate) fn no_resource() -> Refusal {
        Refusal::request(
            700_023,
            "The provided value for the input parameter 'scope' is not valid because it doesn't \
             contain a resource."
                .to_owned(),
        )
    }

    // --- The tenant -------------------------------------------------------------------------

    pub(crate) fn malformed_tenant(tenant: &str) -> Refusal {
        Refusal::request(
            900_023,
            format!(
                "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid \
                 external domain."
            ),
        )
    }

    pub(crate) fn unknown_tenant(tenant: &str) -> Refusal {
        Refusal::request(
            90002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID \
                 and are signing into the correct cloud. Check with your subscription \
                 administrator, this may happen if there are no active subscriptions for the \
                 tenant."
            ),
        )
    }

    pub(crate) fn common_for_single_tenant(client_id: &str, name: &str) -> Refusal {
        Refusal::request(
            50194,
            format!(
                "Application '{client_id}'({name}) is not configured as a multi-tenant \
                 application. Usage of the /common endpoint is not supported for such apps \
                 created after '10/15/2018'. Use a tenant-specific endpoint or configure the \
                 application to be multi-tenant."
            ),
        )
    }

    pub(crate) fn common_for_client_credentials() -> Refusal {
        Refusal::request(
            9_001_023,
            "The grant type 'client_credentials' is not supported over the /common or \
             /consumers endpoints. Please use the /organizations or tenant-specific endpoint."
                .to_owned(),
        )
    }

    // --- The app ----------------------------------------------------------------------------

    pub(crate) fn unknown_application(client_id: &str, tenant_name: &str) -> Refusal {
        Refusal::new(
            "unauthorized_client",
            700_016,
            format!(
                "Application with identifier '{client_id}' was not found in the directory \
                 '{tenant_name}'. This can happen if the application has not been installed by \
                 the administrator of the tenant or consented to by any user in the tenant. You \
                 may have sent your authentication request to the wrong tenant."
            ),
        )
    }

    // --- The assertion ----------------------------------------------------------------------

    pub(crate) fn malformed_assertion() -> Refusal {
        Refusal::request(50027, "JWT token is invalid or malformed.".to_owned())
    }

    pub(crate) fn unsupported_algorithm(algorithm: &str) -> Refusal {
        Refusal::client(
            5_002_738,
            format!(
                "Invalid JWT token. '{algorithm}' is not a supported signature algorithm. \
                 Supported signing algorithms are: 'RS256, RS384, RS512'."
            ),
        )
    }

    pub(crate) fn no_key_id() -> Refusal {
        Refusal::client(
            5_002_723,
            "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, \
             nor keyId specified in token header."
                .to_owned(),
        )
    }

    pub(crate) fn missing_claim(claim: &str) -> Refusal {
        Refusal::request(
            90014,
            format!(
                "The required field '{claim}' is missing from the credential. Ensure that you \
                 have all the necessary parameters for the login request."
            ),
        )
    }

    pub(crate) fn unknown_key(kid: &str) -> Refusal {
        Refusal::client(
            700_027,
            format!(
                "Client assertion failed signature validation. [Reason - The key was not found., \
                 Thumbprint of key used by client: '{kid}']"
            ),
        )
    }

    pub(crate) fn bad_signature(kid: &str) -> Refusal {
        Refusal::client(
            700_027,
            format!(
                "Client assertion failed signature validation. [Reason - The provided signature \
                 value did not match the expected signature value., Thumbprint of key used by \
                 client: '{kid}']"
            ),
        )
    }

    pub(crate) fn outside_its_time(now: i64, from: i64, until: i64) -> Refusal {
        Refusal::client(
            700_024,
            format!(
                "Client assertion is not within its valid time range. Current time: {}, \
                 assertion valid from {}, expiry time of assertion {}. Review the documentation \
                 at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
                clock::iso(now),
                clock::iso(from),
                clock::iso(until)
            ),
        )
    }

    // --- The trust --------------------------------------------------------------------------

    pub(crate) fn no_federated_credentials(client_id: &str, name: &str) -> Refusal {
        Refusal::client(
            70025,
            format!(
                "The client '{client_id}'({name}) has no configured federated identity \
                 credentials."
            ),
        )
    }

    pub(crate) fn foreign_entra_issuer(issuer: &str) -> Refusal {
        Refusal::client(
            700_236,
            format!(
                "Entra ID tokens issued by issuer '{issuer}' may not be used for federated \
                 identity credential flows for applications or managed identities registered in \
                 this tenant."
            ),
        )
    }

    pub(crate) fn not_app_only() -> Refusal {
        Refusal::client(
            700_229,
            "Only app-only tokens may be used as federated identity credentials for Microsoft \
             Entra issuers."
                .to_owned(),
        )
    }

    pub(crate) fn not_of_a_managed_identity() -> Refusal {
        Refusal::client(
            700_226,
            "Only MSI tokens may be used as federated identity credentials for Microsoft Entra \
             issuers."
                .to_owned(),
        )
    }

    pub(crate) fn not_for_token_exchange(audience: &str) -> Refusal {
        Refusal::client(
            700_227,
            format!(
                "The token audience '{audience}' may not be used as a federated identity \
                 credential for Microsoft Entra issuers."
            ),
        )
    }

    pub(crate) fn came_from_federation() -> Refusal {
        Refusal::client(
            700_231,
            "Token obtained using a federated identity credential may not be used as a federated \
             identity credential."
                .to_owned(),
        )
    }

    pub(crate) fn no_matching_issuer(issuer: &str) -> Refusal {
        Refusal::no_match(700_211, "issuer", issuer)
    }

    pub(crate) fn no_matching_audience(audience: &str) -> Refusal {
        Refusal::no_match(700_212, "audience", audience)
    }

    pub(crate) fn no_matching_subject(subject: &str) -> Refusal {
        Refusal::no_match(700_213, "subject", subject)
    }

    pub(crate) fn subject_differs_in_case(subject: &str) -> Refusal {
        Refusal::client(
            7_002_138,
            format!(
                "No matching federated identity record found for presented assertion subject \
                 '{subject}'. The subject matches a federated identity credential only when \
                 case is ignored; the comparison is case-sensitive. {CHECK_THE_THREE}"
            ),
        )
    }

    pub(crate) fn audience_is_not_the_uri(audience: &str) -> Refusal {
        Refusal::client(
            700_214,
            format!(
                "The federated identity credential's audience '{audience}' is not the token \
                 exchange audience's URI. {CHECK_THE_THREE}"
            ),
        )
    }

    pub(crate) fn not_propagated(issuer: &str, subject: &str, audience: &str) -> Refusal {
        Refusal::request(
            70021,
            format!(
                "No matching federated identity record found for presented assertion. Assertion \
                 Issuer: '{issuer}'. Assertion Subject: '{subject}'. Assertion Audience: \
                 '{audience}'. {DOCUMENTATION}"
            ),
        )
    }

    fn no_match(code: u32, part: &str, value: &str) -> Refusal {
        Refusal::client(
            code,
            format!(
                "No matching federated identity record found for presented assertion {part} \
                 '{value}'. {CHECK_THE_THREE}"
            ),
        )
    }

    // --- The service principal and the resource ------------------------------------------------

    pub(crate) fn no_service_principal(client_id: &str, tenant_id: &str) -> Refusal {
        Refusal::client(
            7_000_229,
            format!(
                "The client application {client_id} is missing service principal in the tenant \
                 {tenant_id}. See instructions here: \
                 https://go.microsoft.com/fwlink/?linkid=2225119"
            ),
        )
    }

    pub(crate) fn disabled(client_id: &str, name: &str) -> Refusal {
        Refusal::new(
            "unauthorized_client",
            7_000_112,
            format!("Application '{client_id}'({name}) is disabled."),
        )
    }

    pub(crate) fn unknown_resource(resource: &str, tenant_name: &str) -> Refusal {
        Refusal::new(
            "invalid_resource",
            500_011,
            format!(
                "The resource principal named {resource} was not found in the tenant named \
                 {tenant_name}. This can happen if the application has not been installed by the \
                 administrator of the tenant or consented to by any user in the tenant. You might \
                 have sent your authentication request to the wrong tenant."
            ),
        )
    }

    pub(crate) fn assignment_required(client_id: &str, resource: &str) -> Refusal {
        Refusal::client(
            501_051,
            format!(
                "Application '{client_id}' is not assigned to a role for the application \
                 '{resource}'."
            ),
        )
    }

    pub(crate) fn conditional_access() -> Refusal {
        let mut refusal = Refusal::new(
            "invalid_grant",
            53003,
            "Access has been blocked by Conditional Access policies. The access policy does not \
             allow token issuance."
                .to_owned(),
        );
        refusal.claims = Some(
            json!({"access_token": {"capolids": {"essential": true, "values": [guid()]}}})
                .to_string(),
        );
        refusal
    }

    pub(crate) fn request_loop() -> Refusal {
        Refusal::new(
            "invalid_grant",
            50196,
            "The server terminated an operation because it detected a loop of client requests. \
             Please contact your app vendor."
                .to_owned(),
        )
    }

    // --- Writing it down ----------------------------------------------------------------------

    /// The text in `error_description`, which ends in what the administrator's logs go by.
    pub(crate) fn description(
        &self,
        trace_id: &str,
        correlation_id: &str,
        timestamp: &str,
    ) -> String {
        format!(
            "AADSTS{}: {} Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: \
             {timestamp}",
            self.code, self.message
        )
    }

    /// RFC 6749 section 5.2 gives `invalid_client` 401 and the others 400.
    fn status(&self) -> u16 {
        if self.error == "invalid_client" {
            401
        } else {
            400
        }
    }

    pub(crate) fn answer(&self, request: &Request, now: i64) -> Answer {
        let trace_id = guid();
        let correlation_id = client_request_id(request)
            .filter(|id| Uuid::try_parse(id).is_ok())
            .map_or_else(guid, str::to_owned);
        let timestamp = clock::entra_timestamp(now);
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(&trace_id, &correlation_id, &timestamp),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        });
        if let (Some(claims), Some(body)) = (&self.claims, body.as_object_mut()) {
            body.insert("claims".to_owned(), Value::from(claims.as_str()));
        }
        with_entra_headers(Answer::json(self.status(), &body), request, &trace_id)
    }
}

const CHECK_THE_THREE: &str = "Check your federated identity credential Subject, Audience and \
     Issuer against the presented assertion. \
     https://learn.microsoft.com/entra/workload-id/workload-identity-federation";

const DOCUMENTATION: &str =
    "https://learn.microsoft.com/entra/workload-id/workload-identity-federation";

/// The id that the client gave its request: as a header, or in the URL as msal for Node does.
fn client_request_id(request: &Request) -> Option<&str> {
    request
        .header("client-request-id")
        .or_else(|| request.query("client-request-id"))
}

/// What every answer of the token endpoint carries.
pub(crate) fn with_entra_headers(answer: Answer, request: &Request, trace_id: &str) -> Answer {
    let answer = answer
        // RFC 6749 section 5.1.
        .with("Cache-Control", "no-store, no-cache")
        .with("Pragma", "no-cache")
        .with("x-ms-request-id", trace_id)
        .with("x-ms-ests-server", "2.1.00000.0 - EMULATOR ProdSlices")
        .with(
            "Strict-Transport-Security",
            "max-age=31536000; includeSubDomains",
        )
        .with("X-Content-Type-Options", "nosniff");
    match client_request_id(request) {
        Some(id) => answer.with("client-request-id", id),
        None => answer,
    }
}
