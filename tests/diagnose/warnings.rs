//! What is about to go wrong.

use super::*;
use async_trait::async_trait;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use cross_tenant_identity::{ManagedIdentityAssertion, Warning};
use std::sync::Arc;
use support::claims as jwt_claims;

fn kinds(report: &Report) -> Vec<WarningKind> {
    report.warnings().iter().map(Warning::kind).collect()
}

/// Offsets beyond the tolerance of a minute, and within it. The times between sending and
/// receiving explain a second or two.
#[tokio::test]
async fn a_clock_that_is_off_is_told_in_seconds_and_warned_of() {
    for (offset, side) in [(200, "behind"), (-200, "ahead of")] {
        let world = World::new();
        world.azure.set_clock_offset(offset);
        let report = report_on(&world).await;
        assert!(report.is_ok(), "{report}");
        assert_eq!(kinds(&report), [WarningKind::ClockSkew], "{report}");
        let skew = report.clock_skew_seconds().unwrap();
        assert_eq!(skew.signum(), -offset.signum(), "{report}");
        assert!((190..=201).contains(&skew.abs()), "{skew}");
        assert_eq!(report.warnings()[0].who(), Actor::Operator);
        let clock = report.step(StepKind::Clock).unwrap();
        assert_eq!(clock.outcome(), StepOutcome::Warning);
        for text in [clock.summary(), report.warnings()[0].message()] {
            assert!(text.contains(&format!("{} s {side}", skew.abs())), "{text}");
            assert!(text.contains("login.microsoftonline.com"), "{text}");
        }
    }
    let world = World::new();
    world.azure.set_clock_offset(30);
    let report = report_on(&world).await;
    assert_eq!(kinds(&report), [], "{report}");
    assert!(report.clock_skew_seconds().unwrap() < 0);
}

#[tokio::test]
async fn a_clock_that_makes_entra_refuse_is_named_beside_the_refusal() {
    let world = World::new();
    // Entra's clock is a week behind: the assertion is not valid yet.
    world.azure.set_clock_offset(-7 * 24 * 3600);
    let report = report_on(&world).await;
    assert_eq!(
        report.failed_step().unwrap().kind(),
        StepKind::TargetExchange,
        "{report}"
    );
    assert_eq!(report.diagnosis().unwrap().code(), Some(700024));
    assert_eq!(kinds(&report), [WarningKind::ClockSkew], "{report}");
    let part = report.part_for(Actor::Operator).to_string();
    assert!(part.contains("s ahead of that of"), "{part}");
}

#[tokio::test]
async fn an_assertion_close_to_its_end_is_warned_of() {
    let world = World::new();
    // The host keeps it for its life.
    let assertion = Canned(world.azure.sign(&claims(&world, 3600, 300).await));
    let report = report_by(&world, &with(&world, assertion)).await;
    assert_eq!(kinds(&report), [WarningKind::AssertionEndsSoon], "{report}");
    let message = report.warnings()[0].message();
    assert!(message.contains("expires in"), "{message}");

    // One that lives for minutes only is not close to its end while most of its life is left.
    let assertion = Canned(world.azure.sign(&claims(&world, 0, 300).await));
    let report = report_by(&world, &with(&world, assertion)).await;
    assert_eq!(kinds(&report), [], "{report}");
}

#[tokio::test]
async fn an_identity_that_nobody_named_is_warned_of() {
    let world = World::new();
    let mut options = world.options();
    options.managed_identity.user_assigned_id = None;
    let report = report_by(&world, &world.credential_with(options)).await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(kinds(&report), [WarningKind::NoSelector], "{report}");
    let warning = &report.warnings()[0];
    assert_eq!(warning.who(), Actor::Developer);
    assert!(
        warning
            .message()
            .contains(&world.scenario.identity_client_id),
        "{warning}"
    );
    assert!(report.to_string().contains("it works, with warnings"));
}

#[tokio::test]
async fn an_identity_of_the_target_tenant_itself_is_warned_of() {
    let world = World::new();
    let scenario = &world.scenario;
    let credential = world
        .credential()
        .for_tenant(&scenario.home_tenant_id)
        .unwrap();
    let report = credential
        .diagnose(&["https://storage.azure.com/.default"], None)
        .await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(kinds(&report), [WarningKind::SameTenant], "{report}");
}

#[tokio::test]
async fn a_source_of_the_applications_own_is_where_the_walk_begins() {
    let world = World::new();
    let assertion = Canned(world.azure.sign(&claims(&world, 0, 3600).await));
    let report = report_by(&world, &with(&world, assertion)).await;
    assert_eq!(outcomes(&report), [StepOutcome::Ok; 6], "{report}");
    let host = report.step(StepKind::Host).unwrap();
    assert!(host.summary().contains("source of assertions of its own"));
    // What the test has asked for.
    assert_eq!(world.count(Endpoint::Imds), 1);

    // Another issuer's token tells no home tenant.
    let mut foreign = claims(&world, 0, 3600).await;
    foreign.as_object_mut().unwrap().remove("tid");
    let assertion = Canned(world.azure.sign(&foreign));
    let report = report_by(&world, &with(&world, assertion)).await;
    let home = report.step(StepKind::HomeExchange).unwrap();
    assert_eq!(home.outcome(), StepOutcome::Skipped, "{report}");
}

#[derive(Debug)]
struct Canned(String);

#[async_trait]
impl ClientAssertion for Canned {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.clone())
    }
}

fn with(
    world: &World,
    assertion: Canned,
) -> Arc<cross_tenant_identity::CrossTenantManagedIdentityCredential> {
    world.with_assertion(assertion, world.options())
}

/// Those of the identity's token, so many seconds after it was issued and before it expires.
async fn claims(world: &World, age: i64, left: i64) -> serde_json::Value {
    let scenario = &world.scenario;
    let identity = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    let issued = jwt_claims(&identity.secret(None).await.unwrap());
    // The host backdates a new token by 5 minutes.
    let now = issued["iat"].as_i64().unwrap() + 300;
    serde_json::json!({
        "aud": "fb60f99c-7a34-4190-8149-302f77469936",
        "iss": format!("https://login.microsoftonline.com/{}/v2.0", scenario.home_tenant_id),
        "sub": scenario.identity_principal_id,
        "oid": scenario.identity_principal_id,
        "azp": scenario.identity_client_id,
        "tid": scenario.home_tenant_id,
        "iat": now - age,
        "nbf": now - age,
        "exp": now + left,
        "idtyp": "app",
        "ver": "2.0",
    })
}
