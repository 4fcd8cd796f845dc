//! The token endpoint, and what stands in its place.

use super::*;
use Actor::{
    BothAdministrators as Both, Developer, HomeAdministrator as Home, Nobody, Operator,
    TargetAdministrator as Target,
};
use serde_json::{Value, json};

struct Case {
    name: &'static str,
    claims: Value,
    answer: Answer,
    transient: bool,
    told: Told,
}

fn case(name: &'static str, answer: Answer, transient: bool, told: Told) -> Case {
    Case {
        name,
        claims: Assertion::managed_identity(),
        answer,
        transient,
        told,
    }
}

impl Case {
    fn presenting(mut self, issuer: &str, subject: &str, audience: Value) -> Self {
        self.claims =
            json!({"iss": issuer, "sub": subject, "aud": audience, "exp": 4_000_000_000_u64});
        self
    }
}

/// Entra's body with one number.
fn entra(status: u16, error: &str, code: u32, sentence: &str) -> Answer {
    let body = json!({
        "error": error,
        "error_description": format!("AADSTS{code}: {sentence} Trace ID: t1 Correlation ID: c1 Timestamp: 2026-11-20 10:00:00Z"),
        "error_codes": [code],
        "timestamp": "2026-11-20 10:00:00Z",
        "trace_id": "t1",
        "correlation_id": "c1",
    });
    Answer::json(status, body.to_string())
}

fn subject_differs(code: u32, subject: &str) -> Answer {
    let sentence = format!(
        "No matching federated identity record found for presented assertion subject '{subject}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
    );
    entra(401, "invalid_client", code, &sentence)
}

const AKS: &str = "https://eastus2.oic.prod-aks.azure.com/11111111-1111-4111-8111-111111111111/aaaaaaaa-0000-4000-8000-00000000000d/";

fn kinds_of_assertion() -> Vec<Case> {
    let exchange = json!(["api://AzureADTokenExchange"]);
    vec![
        case(
            "a service account's subject",
            subject_differs(700_213, "system:serviceaccount:default:sa"),
            true,
            Told::by(
                Home,
                &[
                    "subject to \"system:serviceaccount:default:sa\"",
                    "Kubernetes service account",
                    "-Subject system:serviceaccount:default:sa",
                    "\"subject\":\"system:serviceaccount:default:sa\"",
                    "\"name\":\"kubernetes-default-sa\"",
                ],
            )
            .code(700_213)
            .never(&["principal id", "principal (object) id", "managed-identity-"]),
        )
        .presenting(AKS, "system:serviceaccount:default:sa", exchange.clone()),
        case(
            "an agent's subject",
            subject_differs(7_002_137, "/eid1/c/pub/t/x/a/y/z"),
            true,
            Told::by(Home, &["-Subject /eid1/c/pub/t/x/a/y/z", "not a managed identity's"])
                .code(7_002_137)
                .never(&["principal id of the managed identity"]),
        )
        .presenting(
            "https://login.microsoftonline.com/11111111-1111-4111-8111-111111111111/v2.0",
            "/eid1/c/pub/t/x/a/y/z",
            json!("fb60f99c-7a34-4190-8149-302f77469936"),
        ),
        case(
            "a workflow's subject",
            subject_differs(700_213, "repo:contoso/app:environment:Production"),
            true,
            Told::by(Home, &["GitHub", "-Subject repo:contoso/app:environment:Production"])
                .code(700_213)
                .never(&["principal"]),
        )
        .presenting(
            "https://token.actions.githubusercontent.com",
            "repo:contoso/app:environment:Production",
            json!("api://AzureADTokenExchange"),
        ),
        case(
            "a pipeline's subject, in another case",
            entra(401, "invalid_client", 7_002_138, "No matching federated identity record found for presented assertion subject 'project_path:Contoso/app:ref_type:branch:ref:main'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison."),
            true,
            Told::by(Home, &["upper and lower case", "project_path:Contoso/app:ref_type:branch:ref:main"])
                .code(7_002_138),
        )
        .presenting("https://gitlab.com", "project_path:Contoso/app:ref_type:branch:ref:main", json!("api://AzureADTokenExchange")),
        case(
            "a cluster's issuer, which is long",
            entra(401, "invalid_client", 700_211, "No matching federated identity record found for presented assertion issuer 'x'."),
            true,
            Told::by(
                Home,
                &[
                    "issuer to \"https://eastus2.oic.prod-aks.azure.com/11111111-1111-4111-8111-111111111111/aaaaaaaa-0000-4000-8000-00000000000d/\".",
                    "with the slash at the end",
                    "-Issuer https://eastus2.oic.prod-aks.azure.com/11111111-1111-4111-8111-111111111111/aaaaaaaa-0000-4000-8000-00000000000d/ ",
                ],
            )
            .code(700_211),
        )
        .presenting(AKS, "system:serviceaccount:default:sa", exchange),
        case(
            "a run of Terraform's, with a space in its name",
            subject_differs(700_213, "organization:contoso:project:Default Project:workspace:w:run_phase:plan"),
            true,
            Told::by(
                Home,
                &[
                    "identity provider",
                    "-Subject 'organization:contoso:project:Default Project:workspace:w:run_phase:plan'",
                ],
            )
            .code(700_213)
            .never(&["principal"]),
        )
        .presenting(
            "https://app.terraform.io",
            "organization:contoso:project:Default Project:workspace:w:run_phase:plan",
            json!("api://AzureADTokenExchange"),
        ),
        case(
            "GitHub's default audience",
            entra(401, "invalid_client", 700_212, "No matching federated identity record found for presented assertion audience 'https://github.com/contoso'."),
            false,
            Told::by(Developer, &["Ask GitHub for the token with the audience \"api://AzureADTokenExchange\""])
                .code(700_212)
                .never(&["managed_identity.audience"]),
        )
        .presenting("https://token.actions.githubusercontent.com", "repo:contoso/app:ref:refs/heads/main", json!("https://github.com/contoso")),
        case(
            "a service account's token that has expired",
            entra(401, "invalid_client", 700_024, "Client assertion is not within its valid time range."),
            false,
            Told::by(Operator, &["Read the projected token file again"]).code(700_024),
        )
        .presenting(AKS, "system:serviceaccount:default:sa", json!(["api://AzureADTokenExchange"])),
        case(
            "an issuer that Entra cannot reach",
            entra(400, "invalid_request", 50166, "Request to External OIDC endpoint failed."),
            true,
            Told::by(Nobody, &["/.well-known/openid-configuration", "aaaaaaaa-0000-4000-8000-00000000000d/.well-known"])
                .code(50166),
        )
        .presenting(AKS, "system:serviceaccount:default:sa", json!(["api://AzureADTokenExchange"])),
        case(
            "the same under its other numbers",
            entra(400, "invalid_request", 90061, "Request to External OIDC endpoint failed."),
            true,
            Told::by(Nobody, &["could not read the metadata"]).code(90061),
        ),
        case(
            "and the third",
            entra(400, "invalid_request", 501_661, "Request to External OIDC endpoint failed."),
            true,
            Told::by(Nobody, &["could not read the metadata"]).code(501_661),
        ),
        case(
            "an issuer's keys that Entra cannot parse",
            entra(400, "invalid_request", 900_612, "Failed to parse provider signing keys."),
            true,
            Told::by(Nobody, &["jwks_uri"]).code(900_612),
        ),
    ]
}

fn numbers() -> Vec<Case> {
    let plain = |code, sentence: &str| entra(400, "invalid_grant", code, sentence);
    vec![
        case(
            "consent, without a list of numbers",
            Answer::json(
                400,
                r#"{"error":"invalid_grant","error_description":"AADSTS65001: The user or administrator has not consented to use the application. Send an interactive authorization request."}"#,
            ),
            false,
            Told::by(Target, &["Grant admin consent", "adminconsent?client_id="]).code(65001),
        ),
        case(
            "the number inside another service's form",
            Answer::json(
                400,
                r#"{"error":{"code":"AuthenticationError","message":"AADSTS500014: The service principal for resource 'x' is disabled."}}"#,
            ),
            false,
            Told::by(Target, &["is disabled in the target tenant"]).code(500_014),
        ),
        case(
            "the number in a web page",
            Answer::of(
                400,
                "content-type",
                "text/html",
                "<html><body>Sorry: AADSTS90002: Tenant not found.</body></html>",
            ),
            false,
            Told::by(Developer, &["Check tenant_id"]).code(90002),
        ),
        case(
            "the number in a link alone",
            Answer::json(
                400,
                r#"{"error":"invalid_request","error_uri":"https://login.microsoftonline.com/error?code=900023"}"#,
            ),
            false,
            Told::by(Developer, &["neither a tenant's id"]).code(900_023),
        ),
        case(
            "a service that is not there",
            plain(
                650_052,
                "The app needs access to a service that your organization has not subscribed to.",
            ),
            false,
            Told::by(
                Target,
                &["Create the service principal of the resource's app"],
            )
            .code(650_052),
        ),
        case(
            "an assignment that is missing",
            plain(
                50105,
                "The signed in user is not assigned to a role for the application.",
            ),
            false,
            Told::by(Target, &["Assign an app role"]).code(50105),
        ),
        case(
            "an app that is not there, by its older number",
            entra(
                400,
                "unauthorized_client",
                70001,
                "Application with identifier 'x' was not found in the directory 'Litware'.",
            ),
            true,
            Told::by(
                Both,
                &["single-tenant", "--query signInAudience", "az ad sp create"],
            )
            .code(70001),
        ),
        case(
            "a public client",
            entra(
                401,
                "invalid_client",
                700_025,
                "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
            ),
            false,
            Told::by(Home, &["isFallbackPublicClient=false"]).code(700_025),
        ),
        case(
            "the company's own proxy restricts tenants",
            plain(500_021, "Access to 'Litware' tenant is denied."),
            false,
            Told::by(
                Operator,
                &["Restrict-Access-To-Tenants", "company's proxy allow tenant"],
            )
            .code(500_021),
        ),
        case(
            "the same under its newer number",
            plain(500_022, "Access to 'Litware' tenant is denied."),
            false,
            Told::by(Operator, &["company's proxy"]).code(500_022),
        ),
        case(
            "a cloud of another country",
            entra(
                400,
                "invalid_request",
                90038,
                "Tenant 'x' request is being redirected to the National Cloud 'y'.",
            ),
            false,
            Told::by(Developer, &["Set client_options.cloud"]).code(90038),
        ),
        case(
            "a certificate-bound token is refused",
            entra(
                400,
                "invalid_request",
                392_196,
                "The resource application does not support certificate-bound token.",
            ),
            false,
            Told::by(Target, &["bearer tokens only"]).code(392_196),
        ),
        case(
            "a certificate is demanded",
            entra(
                401,
                "invalid_client",
                500_181,
                "The TLS certificate provided does not match the certificate in the assertion.",
            ),
            false,
            Told::by(Target, &["certificate-bound"]).code(500_181),
        ),
        case(
            "a feature is off",
            entra(
                400,
                "invalid_request",
                51000,
                "Required feature not enabled.",
            ),
            false,
            Told::by(Target, &["feature"]).code(51000),
        ),
        case(
            "bound tokens by policy",
            entra(400, "invalid_request", 1_000_612, "x"),
            false,
            Told::by(Target, &["certificate-bound"]).code(1_000_612),
        ),
        case(
            "a number that nobody knows",
            entra(400, "invalid_request", 123_456_789, "Something new."),
            false,
            Told::by(
                Developer,
                &["a reason that this version does not know", "Something new"],
            )
            .code(123_456_789),
        ),
    ]
}

fn in_its_place() -> Vec<Case> {
    let refusal = r#"{"error":"invalid_client","error_description":"AADSTS7000229: The client application is missing service principal in the tenant.","error_codes":[7000229]}"#;
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(refusal.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    vec![
        case(
            "a byte-order mark",
            Answer::json(401, format!("\u{feff}{refusal}")),
            true,
            Told::by(Target, &["az ad sp create"]).code(7_000_229),
        ),
        case(
            "UTF-16 with its mark",
            Answer::json(401, utf16),
            true,
            Told::by(Target, &["az ad sp create"]).code(7_000_229),
        ),
        case(
            "gzip that was not asked for",
            Answer::of(401, "content-encoding", "gzip", [0x1f, 0x8b, 8, 0, 1, 2]),
            false,
            Told::by(Operator, &["content encoding gzip"]),
        ),
        case(
            "gzip that says it succeeds",
            Answer::of(200, "content-encoding", "gzip", [0x1f, 0x8b, 8, 0, 1, 2]),
            false,
            Told::by(Operator, &["content encoding gzip"]),
        ),
        case(
            "gzip without its header",
            Answer::json(400, [0x1f, 0x8b, 8, 0]),
            false,
            Told::by(Operator, &["gzip"]),
        ),
        case(
            "a proxy's page",
            Answer::of(
                403,
                "content-type",
                "text/html",
                "<html><head><title>Access Denied</title></head><body>Blocked by Contoso Web Gateway</body></html>",
            ),
            false,
            Told::by(
                Operator,
                &["Access Denied", "Blocked by Contoso Web Gateway", "proxy"],
            )
            .never(&["<html>"]),
        ),
        case(
            "a captive portal that says it succeeds",
            Answer::of(200, "content-type", "text/html", "<html>Welcome eyJ</html>"),
            false,
            Told::by(Operator, &["text/html", "captive portal"]).never(&["Welcome"]),
        ),
        case(
            "a redirect",
            Answer::of(302, "location", "https://portal.example/", ""),
            false,
            Told::by(Operator, &["redirect", "never followed"]),
        ),
        case(
            "a proxy that asks for a login",
            Answer::of(407, "proxy-authenticate", "Basic", ""),
            false,
            Told::by(Operator, &["user name and password"]),
        ),
        case(
            "nothing at all",
            Answer::json(403, ""),
            false,
            Told::by(Operator, &["with an empty body"]),
        ),
        case(
            "a gateway that is unwell",
            Answer::of(502, "content-type", "text/html", "<html>Bad Gateway</html>"),
            true,
            Told::by(Nobody, &["Bad Gateway", "Wait"]),
        ),
    ]
}

#[tokio::test]
async fn each_refusal_is_explained() {
    let cases = [kinds_of_assertion(), numbers(), in_its_place()];
    for case in cases.into_iter().flatten() {
        let error = refused(case.claims, case.answer).await;
        let ours = Error::find(&error).unwrap();
        assert_eq!(ours.is_transient(), case.transient, "{}: {ours}", case.name);
        case.told.check(case.name, &error);
    }
}

/// A mark before a success is no reason to refuse it.
#[tokio::test]
async fn a_token_behind_a_byte_order_mark_is_a_token() {
    let body = "\u{feff}{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"t\"}";
    let options = CrossTenantManagedIdentityCredentialOptions {
        client_options: Answer::json(200, body).client_options(),
        ..Default::default()
    };
    let assertion = Arc::new(Assertion(Assertion::managed_identity()));
    let credential =
        CrossTenantManagedIdentityCredential::with_assertion(TARGET, APP, assertion, Some(options));
    credential.unwrap().get_token(&[SCOPE], None).await.unwrap();
}

#[tokio::test]
async fn a_scope_that_is_refused_comes_with_the_right_one() {
    let options = CrossTenantManagedIdentityCredentialOptions {
        client_options: Answer::json(500, "{}").client_options(),
        ..Default::default()
    };
    let assertion = Arc::new(Assertion(Assertion::managed_identity()));
    let credential =
        CrossTenantManagedIdentityCredential::with_assertion(TARGET, APP, assertion, Some(options))
            .unwrap();
    for (scope, right) in [
        (
            "https://management.azure.com/",
            "\"https://management.azure.com/.default\"",
        ),
        (
            "https://vault.azure.net",
            "\"https://vault.azure.net/.default\"",
        ),
    ] {
        let error = credential.get_token(&[scope], None).await.unwrap_err();
        assert!(
            explain(&error).to_string().contains(right),
            "{}",
            explain(&error)
        );
        assert!(error.to_string().contains(right), "{error}");
        assert!(!error.to_string().contains("//.default"), "{error}");
    }
}
