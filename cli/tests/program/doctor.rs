use crate::support::{Azure, ended, run};
use cross_tenant_identity_emulator::{Endpoint, Fault, Step, Times};

/// For each step: the exit status, who has to act, and a part of the text that names the culprit or the
/// command.
const TOLD: [(Step, i32, &str, &str); 20] = [
    (
        Step::Role,
        1,
        "target tenant's",
        "az role assignment create",
    ),
    (
        Step::ServicePrincipal,
        1,
        "target tenant's",
        "az ad sp create",
    ),
    (
        Step::EnabledApp,
        1,
        "target tenant's",
        "accountEnabled=true",
    ),
    (
        Step::HomeServicePrincipal,
        0,
        "home tenant's",
        "az ad sp create",
    ),
    (Step::MultiTenant, 1, "home tenant's", "AzureADMultipleOrgs"),
    (Step::HomeRegistration, 1, "home tenant's", "AADSTS700236"),
    (Step::TargetTenant, 1, "developer", "az account show"),
    (
        Step::FederatedCredential,
        1,
        "home tenant's",
        "federated-credential create",
    ),
    (Step::MatchingIssuer, 1, "home tenant's", "AADSTS700211"),
    (Step::IssuerWithoutSlash, 1, "home tenant's", "slash"),
    (Step::MatchingSubject, 1, "home tenant's", "AADSTS700213"),
    (Step::PrincipalIdAsSubject, 1, "home tenant's", "client id"),
    (Step::SubjectInSameCase, 1, "home tenant's", "case"),
    (
        Step::MatchingAudience,
        1,
        "home tenant's",
        "api://AzureADTokenExchange",
    ),
    (Step::AudienceAsUri, 1, "home tenant's", "URI"),
    (
        Step::HostIdentity,
        1,
        "operator",
        "Assign the identity to the host",
    ),
    (Step::IdentitySelector, 1, "developer", "user_assigned_id"),
    (Step::OnlyIdentity, 1, "developer", "user_assigned_id"),
    (Step::FreshAssertion, 1, "operator", "expired"),
    (Step::RightClock, 1, "operator", "clock"),
];

#[test]
fn each_mistake_of_the_set_up_is_told_with_who_acts_and_what_to_do() {
    for step in Step::ALL {
        let told = TOLD.iter().find(|told| told.0 == step);
        let (_, code, who, text) = told.unwrap_or_else(|| panic!("nothing is told of {step}"));
        let report = run(&["doctor", "--emulator", "--without", step.name()]);
        let report = report.without_secrets().expect(*code);
        let actor = report
            .stdout
            .lines()
            .find(|line| line.starts_with("Who has to act"));
        assert!(actor.unwrap().contains(who), "{step}: {actor:?}");
        assert!(report.stdout.contains(text), "{step}: {}", report.stdout);
    }
}

#[test]
fn a_set_up_that_is_right_is_all_well() {
    let report = run(&["doctor", "--emulator"]).without_secrets().expect(0);
    assert!(report.stdout.contains("all is well"), "{}", report.stdout);
    let json = run(&["doctor", "--emulator", "--json"])
        .without_secrets()
        .expect(0);
    assert_eq!(json.json()["is_ok"], true);
}

#[test]
fn the_part_of_the_other_side_is_ready_to_be_mailed() {
    let mistake = ["doctor", "--emulator", "--without", "service-principal"];
    let whole = run(&mistake).expect(1);
    assert!(whole.stdout.contains("--for target-admin"));
    let with = |more: &[&str]| {
        run(&[&mistake[..], more].concat())
            .without_secrets()
            .expect(1)
    };
    let part = with(&["--for", "target-admin"]);
    assert!(
        part.stdout
            .starts_with("For the target tenant's administrator")
    );
    assert!(part.stdout.contains("az ad sp create"));
    let nothing = with(&["--for", "developer"]);
    assert!(nothing.stdout.contains("nothing for you to do"));
    assert!(nothing.stderr.contains("--for target-admin"));
    assert!(!part.stderr.contains("--for"), "{}", part.stderr);
    let json = with(&["--for", "target-admin", "--json"]).json();
    assert_eq!(json["who"], "target_administrator");
}

#[test]
fn it_walks_the_way_of_variables_and_calls_a_resource() {
    let azure = Azure::start();
    let subscription = azure.scenario.target_subscription_id.clone();
    let arguments = [
        "doctor",
        "--subscription-id",
        &subscription,
        "--home",
        "--json",
    ];
    let report = ended(&mut azure.command_with_settings(&arguments))
        .without_secrets()
        .expect(0);
    let steps = report.json()["steps"].as_array().unwrap().clone();
    assert!(
        steps.iter().all(|step| step["outcome"] == "ok"),
        "{steps:?}"
    );
}

#[test]
fn a_web_page_and_a_silent_network_are_told() {
    let azure = Azure::start();
    let doctor = || {
        ended(&mut azure.command_with_settings(&["doctor"]))
            .without_secrets()
            .expect(1)
    };
    azure
        .emulator
        .set_fault(Endpoint::Token, Fault::Html, Times::UntilCleared);
    let report = doctor();
    assert!(report.stdout.contains("text/html"), "{}", report.stdout);
    azure
        .emulator
        .set_fault(Endpoint::Token, Fault::Reset, Times::UntilCleared);
    assert!(doctor().stdout.contains("Who has to act"));
}
