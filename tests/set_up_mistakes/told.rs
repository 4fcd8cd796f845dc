//! What the diagnosis tells of each mistake.

use cross_tenant_identity::{Actor, Stage};
use cross_tenant_identity_emulator::Step;

/// What the diagnosis of a mistake tells.
pub struct Told {
    pub who: Actor,
    pub stage: Stage,
    pub code: Option<u32>,
    /// Parts of its texts.
    pub texts: &'static [&'static str],
    /// The start of one of its commands, for each shell that has one.
    pub commands: &'static [&'static str],
}

const FEDERATED_CREDENTIAL: &[&str] = &[
    "az ad app federated-credential list --id a9900000-0000-4000-8000-000000000003",
    "az ad app federated-credential create --id a9900000-0000-4000-8000-000000000003",
    "New-AzADAppFederatedCredential",
];
const AUDIENCE: &[&str] = &[
    "az ad app federated-credential update --id a9900000-0000-4000-8000-000000000003",
    "Update-AzADAppFederatedCredential",
];
pub const PROVISION: &[&str] = &[
    "az ad sp create --id a9900000-0000-4000-8000-000000000003",
    "New-AzADServicePrincipal -ApplicationId a9900000-0000-4000-8000-000000000003",
];

/// The refusals of the token endpoint.
pub fn entra(
    who: Actor,
    code: u32,
    texts: &'static [&'static str],
    commands: &'static [&'static str],
) -> Told {
    Told {
        who,
        stage: Stage::TokenEndpoint,
        code: Some(code),
        texts,
        commands,
    }
}

/// The refusals of the identity endpoint.
fn host(who: Actor, texts: &'static [&'static str], commands: &'static [&'static str]) -> Told {
    Told {
        who,
        stage: Stage::Assertion,
        code: None,
        texts,
        commands,
    }
}

/// What is told of a mistake in the request for a token of the target tenant. `None` for a mistake
/// that only another request meets: it has a test of its own.
pub fn told(step: Step) -> Option<Told> {
    use Actor::{
        BothAdministrators, Developer, HomeAdministrator as Home, Operator,
        TargetAdministrator as Target,
    };
    Some(match step {
        Step::Role | Step::HomeServicePrincipal => return None,
        Step::ServicePrincipal => entra(
            Target,
            7_000_229,
            &["is not provisioned there", "service principal"],
            PROVISION,
        ),
        Step::EnabledApp => entra(
            Target,
            7_000_112,
            &["is disabled in the target tenant"],
            &["az ad sp update", "Update-AzADServicePrincipal"],
        ),
        // Entra says the same of an app that is not provisioned, so either may have to act.
        Step::MultiTenant => entra(
            BothAdministrators,
            700_016,
            &["single-tenant", "AzureADMultipleOrgs"],
            &[
                "az ad app update --id a9900000-0000-4000-8000-000000000003 --sign-in-audience AzureADMultipleOrgs",
                "az ad sp create --id a9900000-0000-4000-8000-000000000003",
            ],
        ),
        Step::HomeRegistration => entra(
            Home,
            700_236,
            &[
                "is registered in the target tenant",
                "the identity's own tenant",
            ],
            &["az ad app create", "New-AzADApplication"],
        ),
        Step::TargetTenant => entra(
            Developer,
            90002,
            &["There is no tenant", "Check tenant_id."],
            &[
                "az account show --query tenantId",
                "Get-AzContext | Select-Object Tenant",
            ],
        ),
        Step::FederatedCredential => entra(
            Home,
            70025,
            &["has no federated identity credential at all"],
            FEDERATED_CREDENTIAL,
        ),
        Step::MatchingIssuer => entra(
            Home,
            700_211,
            &[
                "the issuer differs",
                "issuer to \"https://login.microsoftonline.com/c0270500-0000-4000-8000-000000000001/v2.0\".",
            ],
            FEDERATED_CREDENTIAL,
        ),
        Step::IssuerWithoutSlash => entra(
            Home,
            700_211,
            &[
                "the issuer differs",
                "/v2.0\". Entra compares it byte for byte; this one is without a slash at the end.",
            ],
            FEDERATED_CREDENTIAL,
        ),
        Step::MatchingSubject => entra(
            Home,
            700_213,
            &[
                "the subject differs",
                "subject to \"1de71170-5b1e-4000-8000-000000000006\".",
            ],
            FEDERATED_CREDENTIAL,
        ),
        Step::PrincipalIdAsSubject => entra(
            Home,
            700_213,
            &[
                "subject to \"1de71170-5b1e-4000-8000-000000000006\".",
                "not its client id \"1de71170-c11e-4000-8000-000000000005\"",
            ],
            FEDERATED_CREDENTIAL,
        ),
        Step::SubjectInSameCase => entra(
            Home,
            7_002_138,
            &["only in upper and lower case", "in exactly this case"],
            FEDERATED_CREDENTIAL,
        ),
        Step::MatchingAudience => entra(
            Home,
            700_212,
            &[
                "the audience differs",
                "audience to \"api://AzureADTokenExchange\".",
            ],
            AUDIENCE,
        ),
        Step::AudienceAsUri => entra(
            Home,
            700_214,
            &[
                "to the URI \"api://AzureADTokenExchange\"",
                "not the app id",
            ],
            AUDIENCE,
        ),
        Step::HostIdentity => host(
            Operator,
            &["1de71170-c11e-4000-8000-000000000005\" is not assigned to this host"],
            &["az vm identity assign", "az identity list"],
        ),
        Step::IdentitySelector => host(
            Developer,
            &[
                "several user-assigned",
                "Set managed_identity.user_assigned_id",
            ],
            &["az vm identity show"],
        ),
        Step::OnlyIdentity => entra(
            Developer,
            700_213,
            &[
                "the host chose one: the system-assigned identity",
                "Set managed_identity.user_assigned_id to the identity that the app trusts.",
            ],
            &["az vm identity show", "az ad app federated-credential list"],
        ),
        Step::FreshAssertion => entra(
            Operator,
            700_024,
            &[
                "is stale",
                "agrees with Entra's",
                "hands out an expired token",
            ],
            &[],
        ),
        Step::RightClock => entra(
            Operator,
            700_024,
            &["minutes ahead of Entra's", "Set the host's clock by NTP."],
            &["az vm run-command invoke"],
        ),
        other => panic!("say what is told without {other}"),
    })
}
