//! Assertions of managed identities, Kubernetes and others.

use super::*;

fn subject_differs(code: u32, subject: &str) -> Answer {
    let sentence = format!(
        "No matching federated identity record found for presented assertion subject '{subject}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
    );
    entra(401, "invalid_client", code, &sentence)
}

const AKS: &str = "https://eastus2.oic.prod-aks.azure.com/11111111-1111-4111-8111-111111111111/aaaaaaaa-0000-4000-8000-00000000000d/";

pub(super) fn cases() -> Vec<Case> {
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
