//! The report on each step, for a credential with a correct set-up, a wrong one or none.

#[path = "diagnose/faults.rs"]
mod faults;
#[path = "diagnose/live.rs"]
mod live;
#[path = "diagnose/secrets.rs"]
mod secrets;
mod support;
#[path = "diagnose/warnings.rs"]
mod warnings;

use cross_tenant_identity::{
    Actor, CrossTenantManagedIdentityCredential, DiagnoseOptions, Report, StepKind, StepOutcome,
    WarningKind,
};
use cross_tenant_identity_emulator::{Endpoint, Step};
use support::{ARM, World};

/// All optional steps.
fn all(world: &World) -> DiagnoseOptions {
    DiagnoseOptions {
        exchange_at_home: true,
        resource_url: Some(groups_url(world)),
    }
}

fn groups_url(world: &World) -> String {
    format!(
        "https://management.azure.com/subscriptions/{}/resourceGroups/{}?api-version=2024-08-01",
        world.scenario.target_subscription_id, world.scenario.resource_group
    )
}

async fn report_on(world: &World) -> Report {
    report_by(world, &world.credential()).await
}

async fn report_by(world: &World, credential: &CrossTenantManagedIdentityCredential) -> Report {
    credential.diagnose(&[ARM], Some(all(world))).await
}

fn outcomes(report: &Report) -> Vec<StepOutcome> {
    report.steps().iter().map(|step| step.outcome()).collect()
}

fn claim(report: &Report, kind: StepKind, name: &str) -> Option<String> {
    let step = report.step(kind)?;
    step.claims().find(|it| it.0 == name).map(|(_, text)| text)
}

#[tokio::test]
async fn a_correct_set_up_has_no_findings() {
    let world = World::new();
    let report = report_on(&world).await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(outcomes(&report), [StepOutcome::Ok; 6], "{report}");
    assert!(report.warnings().is_empty(), "{report}");
    assert_eq!((report.who(), report.actors()), (None, Vec::new()));
    assert!(report.diagnosis().is_none() && report.failed_step().is_none());
    let scenario = &world.scenario;
    assert_eq!(report.home_tenant(), Some(&*scenario.home_tenant_id));
    for (kind, tenant) in [
        (StepKind::Assertion, &scenario.home_tenant_id),
        (StepKind::HomeExchange, &scenario.home_tenant_id),
        (StepKind::TargetExchange, &scenario.target_tenant_id),
    ] {
        assert_eq!(claim(&report, kind, "tid").as_ref(), Some(tenant));
        assert!(report.step(kind).unwrap().expires_on().is_some());
    }
    assert_eq!(
        claim(&report, StepKind::Assertion, "sub").as_ref(),
        Some(&scenario.identity_principal_id)
    );
    let resource = report.step(StepKind::Resource).unwrap();
    assert_eq!(resource.status(), Some(200));
    assert!(
        report
            .steps()
            .iter()
            .all(|it| it.duration().is_some()
                || matches!(it.kind(), StepKind::Host | StepKind::Clock))
    );
    let text = report.to_string();
    for part in [
        "[ok]      host: imds at http://127.0.0.1",
        "imds_endpoint is set in code",
        "exchange in the home tenant",
        "Result: all is well",
        &scenario.target_tenant_id,
        &scenario.client_id,
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!text.contains("eyJ"), "{text}");
    assert_eq!(world.count(Endpoint::Imds), 1);
    assert_eq!(world.count(Endpoint::Token), 2);
    assert_eq!(world.count(Endpoint::ResourceManager), 1);
}

#[tokio::test]
async fn steps_that_are_not_requested_are_skipped() {
    let world = World::new();
    let report = world.credential().diagnose(&[ARM], None).await;
    assert!(report.is_ok(), "{report}");
    for kind in [StepKind::HomeExchange, StepKind::Resource] {
        let step = report.step(kind).unwrap();
        assert_eq!(step.outcome(), StepOutcome::Skipped);
        assert_eq!((step.summary(), step.duration()), ("not asked for", None));
    }
    assert_eq!(world.count(Endpoint::Token), 1);
}

#[tokio::test]
async fn each_missing_step_of_the_set_up_is_reported_with_the_actor() {
    use StepOutcome::{Failed, Ok, Skipped, Warning};
    for (step, kind, code, who, outcomes_of) in [
        (
            Step::Role,
            StepKind::Resource,
            None,
            Actor::TargetAdministrator,
            [Ok, Ok, Ok, Ok, Failed, Ok],
        ),
        (
            Step::ServicePrincipal,
            StepKind::TargetExchange,
            Some(7000229),
            Actor::TargetAdministrator,
            [Ok, Ok, Ok, Failed, Skipped, Ok],
        ),
        (
            Step::FederatedCredential,
            StepKind::TargetExchange,
            Some(70025),
            Actor::HomeAdministrator,
            [Ok, Ok, Failed, Failed, Skipped, Ok],
        ),
        (
            Step::MultiTenant,
            StepKind::TargetExchange,
            Some(700016),
            Actor::BothAdministrators,
            [Ok, Ok, Ok, Failed, Skipped, Ok],
        ),
        (
            Step::HomeRegistration,
            StepKind::TargetExchange,
            Some(700236),
            Actor::HomeAdministrator,
            [Ok, Ok, Warning, Failed, Skipped, Ok],
        ),
    ] {
        let world = World::without(step);
        let report = report_on(&world).await;
        assert!(!report.is_ok(), "{report}");
        assert_eq!(outcomes(&report), outcomes_of, "{step}: {report}");
        let failed = report.failed_step().unwrap();
        assert_eq!(failed.kind(), kind, "{report}");
        let diagnosis = report.diagnosis().unwrap();
        assert_eq!(diagnosis.code(), code, "{report}");
        assert_eq!(report.who(), Some(who), "{report}");
        assert!(!diagnosis.commands().is_empty(), "{report}");
        assert_eq!(report.actors()[0], who, "{report}");
        let text = report.to_string();
        let command = diagnosis.commands()[0].to_string();
        for part in [
            &format!("Result: the {kind} failed"),
            &format!("Who has to act: {who}"),
            &command,
        ] {
            assert!(text.contains(part.as_str()), "{part}: {text}");
        }
        // An inconclusive test in the home tenant adds no commands to the commands that fix the
        // problem.
        assert_eq!(text.matches("What happened:").count(), 1, "{text}");
        let part = report.part_for(who);
        assert!(
            !part.is_empty() && part.to_string().contains(&command),
            "{part}"
        );
    }
}

#[tokio::test]
async fn a_part_contains_only_the_findings_for_its_actor() {
    let world = World::without(Step::ServicePrincipal);
    let report = report_on(&world).await;
    let part = report.part_for(Actor::TargetAdministrator);
    let text = part.to_string();
    assert!(
        text.starts_with("For the target tenant's administrator\n"),
        "{text}"
    );
    assert!(text.contains("az ad sp create --id"), "{text}");
    assert!(text.contains("so the app trusts the identity"), "{text}");
    assert!(text.contains(&world.scenario.target_tenant_id), "{text}");
    let nothing = report.part_for(Actor::HomeAdministrator);
    assert!(nothing.is_empty());
    assert!(nothing.to_string().contains("nothing for you to do"));

    // A single-tenant app and an app without a service principal look the same, so both actors get
    // it.
    let world = World::without(Step::MultiTenant);
    let report = report_on(&world).await;
    for who in [
        Actor::HomeAdministrator,
        Actor::TargetAdministrator,
        Actor::BothAdministrators,
    ] {
        assert_eq!(report.part_for(who).steps().len(), 1, "{who}");
    }
    assert!(report.part_for(Actor::Operator).is_empty());
}

#[tokio::test]
async fn without_a_service_principal_at_home_the_report_does_not_judge_the_trust() {
    let world = World::new();
    let scenario = &world.scenario;
    world
        .azure
        .remove_service_principal(&scenario.home_tenant_id, &scenario.client_id);
    let report = report_on(&world).await;
    assert!(report.is_ok(), "{report}");
    let home = report.step(StepKind::HomeExchange).unwrap();
    assert_eq!(home.outcome(), StepOutcome::Warning);
    assert_eq!(home.diagnosis().unwrap().code(), Some(7000229));
    let [warning] = report.warnings() else {
        panic!("{report}");
    };
    assert_eq!(warning.kind(), WarningKind::HomeExchange);
    assert_eq!(warning.who(), Actor::HomeAdministrator);
    assert!(warning.message().contains("says nothing of the trust"));
    assert_eq!(report.actors(), [Actor::HomeAdministrator]);

    // The response of Entra before 2026.
    world.azure.set_home_tokens_without_service_principal(true);
    let report = report_on(&world).await;
    assert_eq!(outcomes(&report), [StepOutcome::Ok; 6], "{report}");
    assert_eq!(report.warnings()[0].kind(), WarningKind::NoServicePrincipal);
}

#[tokio::test]
async fn the_serialized_report_has_the_documented_fields() {
    let world = World::without(Step::ServicePrincipal);
    let report = report_on(&world).await;
    let json = serde_json::to_value(&report).unwrap();
    let fields: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    let mut expected = [
        "format",
        "is_ok",
        "started_at",
        "duration_ms",
        "authority",
        "client_id",
        "target_tenant",
        "home_tenant",
        "scopes",
        "steps",
        "clock_skew_s",
        "warnings",
        "who",
        "diagnosis",
    ];
    expected.sort_unstable();
    let mut sorted = fields.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(json["format"], 1);
    assert_eq!(json["is_ok"], false);
    assert_eq!(json["who"], "target_administrator");
    assert_eq!(json["home_tenant"], world.scenario.home_tenant_id.as_str());
    assert_eq!(json["authority"], "https://login.microsoftonline.com");
    assert_eq!(json["scopes"][0], ARM);
    let steps: Vec<_> = json["steps"].as_array().unwrap().iter().collect();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "host",
            "assertion",
            "home_exchange",
            "target_exchange",
            "resource",
            "clock"
        ]
    );
    assert_eq!(
        steps[1]["claims"]["tid"],
        world.scenario.home_tenant_id.as_str()
    );
    assert!(steps[1]["claims"]["exp"].is_i64() && steps[1]["expires_at"].is_string());
    assert_eq!(steps[3]["outcome"], "failed");
    assert_eq!(steps[3]["status"], 401);
    assert_eq!(steps[3]["diagnosis"], json["diagnosis"]);
    assert_eq!(steps[4]["duration_ms"], serde_json::Value::Null);
    let diagnosis = &json["diagnosis"];
    assert_eq!(diagnosis["code"], 7000229);
    assert_eq!(diagnosis["commands"][0]["shell"], "azure_cli");
    assert!(
        diagnosis["support_ids"]["trace_id"].is_string(),
        "{diagnosis}"
    );
    let part = serde_json::to_value(report.part_for(Actor::TargetAdministrator)).unwrap();
    assert_eq!(part["who"], "target_administrator");
    assert_eq!(part["steps"][0]["diagnosis"], json["diagnosis"]);
}
