//! Each mistake of a set-up, on the emulator: the diagnosis names who has to act, what is wrong and
//! a command that fits.

#[path = "../examples/support/arm.rs"]
#[allow(dead_code)]
mod arm;
mod support;

use arm::ResourceManager;
use azure_core::credentials::TokenCredential;
use cross_tenant_identity::{Actor, Diagnosis, Stage};
use cross_tenant_identity_emulator::{Endpoint, Step};
use futures::TryStreamExt;
use support::{ARM, STORAGE, World, refused};

/// What the diagnosis of a mistake tells.
struct Told {
    who: Actor,
    stage: Stage,
    code: Option<u32>,
    /// Parts of its texts.
    texts: &'static [&'static str],
    /// The start of one of its commands, for each shell that has one.
    commands: &'static [&'static str],
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
const PROVISION: &[&str] = &[
    "az ad sp create --id a9900000-0000-4000-8000-000000000003",
    "New-AzADServicePrincipal -ApplicationId a9900000-0000-4000-8000-000000000003",
];

/// The refusals of the token endpoint.
fn entra(
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
fn told(step: Step) -> Option<Told> {
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

#[tokio::test]
async fn each_mistake_is_told_by_who_has_to_act_and_by_a_command() {
    for step in Step::ALL {
        let Some(expected) = told(step) else { continue };
        let world = World::without(step);
        let error = refused(&world.credential(), ARM).await;
        let diagnosis = error.diagnosis().unwrap();
        assert_eq!(error.stage(), expected.stage, "{step}: {error}");
        assert_eq!(error.code(), expected.code, "{step}: {error}");
        assert_told(step, diagnosis, &expected);
        // One line, which names who has to act.
        let line = error.to_string();
        let who = format!("Who has to act: {}.", expected.who);
        assert!(
            line.contains(&who) && !line.contains('\n'),
            "{step}: {line}"
        );
    }
}

#[track_caller]
fn assert_told(step: Step, diagnosis: &Diagnosis, expected: &Told) {
    assert_eq!(diagnosis.who(), expected.who, "{step}: {diagnosis}");
    let texts = format!("{} {}", diagnosis.what_happened(), diagnosis.what_to_do());
    for part in expected.texts {
        assert!(
            texts.contains(part),
            "{step}: {part} is missing in\n{texts}"
        );
    }
    for start in expected.commands {
        let found = diagnosis
            .commands()
            .iter()
            .any(|command| command.text().starts_with(start));
        assert!(found, "{step}: {start} is missing in\n{diagnosis}");
    }
    assert_eq!(
        diagnosis.commands().is_empty(),
        expected.commands.is_empty(),
        "{step}: {diagnosis}"
    );
}

#[tokio::test]
async fn without_a_role_the_call_to_resource_manager_is_told() {
    let world = World::without(Step::Role);
    let credential = world.credential();
    credential.get_token(&[ARM], None).await.unwrap();
    let arm = ResourceManager::new(credential, world.azure.client_options()).unwrap();
    let groups = arm
        .resource_groups(&world.story.target_subscription_id)
        .unwrap();
    let error = groups.try_collect::<Vec<_>>().await.unwrap_err();
    let diagnosis = Diagnosis::of(&error).unwrap();
    assert_eq!(diagnosis.who(), Actor::TargetAdministrator, "{diagnosis}");
    let principal = world.story.target_service_principal_id.clone().unwrap();
    let commands: Vec<_> = diagnosis.commands().iter().map(|it| it.text()).collect();
    assert!(
        commands
            .iter()
            .any(|it| it.starts_with("az role assignment create") && it.contains(&principal)),
        "{diagnosis}"
    );
}

#[tokio::test]
async fn without_a_service_principal_at_home_only_the_home_tenant_is_told() {
    let world = World::without(Step::HomeServicePrincipal);
    let credential = world.credential();
    credential.get_token(&[STORAGE], None).await.unwrap();
    let home = credential.for_tenant(&world.story.home_tenant_id).unwrap();
    let error = refused(&home, STORAGE).await;
    assert_eq!(error.code(), Some(7_000_229), "{error}");
    let expected = entra(
        Actor::HomeAdministrator,
        7_000_229,
        &[
            "has no service principal in its home tenant",
            "says nothing of the trust",
        ],
        PROVISION,
    );
    let diagnosis = error.diagnosis().unwrap();
    assert_told(Step::HomeServicePrincipal, diagnosis, &expected);
}

#[tokio::test]
async fn a_wrong_tenant_that_exists_is_told_by_resource_manager() {
    // Contoso's own tenant in place of Litware's: the token comes, and is of no use there.
    let world = World::new();
    let home = world
        .credential()
        .for_tenant(&world.story.home_tenant_id)
        .unwrap();
    let arm = ResourceManager::new(home, world.azure.client_options()).unwrap();
    let groups = arm
        .resource_groups(&world.story.target_subscription_id)
        .unwrap();
    let error = groups.try_collect::<Vec<_>>().await.unwrap_err();
    let diagnosis = Diagnosis::of(&error).unwrap();
    assert_eq!(diagnosis.who(), Actor::Developer, "{diagnosis}");
    let target = &world.story.target_tenant_id;
    assert!(diagnosis.what_to_do().contains(target), "{diagnosis}");
}

#[tokio::test]
async fn a_stale_assertion_is_asked_for_once_more_and_not_sent_twice() {
    let world = World::without(Step::FreshAssertion);
    let error = refused(&world.credential(), ARM).await;
    assert_eq!(error.code(), Some(700_024), "{error}");
    // The host returns the same token again.
    assert_eq!(world.count(Endpoint::Token), 1);
    assert_eq!(world.count(Endpoint::Imds), 2);
}
