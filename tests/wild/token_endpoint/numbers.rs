//! The numbers of Entra.

use super::*;

pub(super) fn cases() -> Vec<Case> {
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
