//! What the environment tells, which no test may change for its process, and time that a test holds.

use super::*;
use crate::{
    CrossTenantManagedIdentityCredentialOptions, ManagedIdentityAssertionOptions, WarningKind,
    environment::Environment,
    report::Warning,
    time::{SystemClock, tests::HeldClock},
};
use azure_core::http::RetryOptions;
use azure_identity::{ClientAssertion, UserAssignedId};
use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, Scenario, Times};

const ARM: &str = "https://management.azure.com/.default";

async fn report(
    azure: &Emulator,
    scenario: &Scenario,
    environment: Environment,
    id: Option<UserAssignedId>,
) -> Report {
    let options = CrossTenantManagedIdentityCredentialOptions {
        client_options: azure.client_options(),
        managed_identity: ManagedIdentityAssertionOptions {
            user_assigned_id: id,
            ..Default::default()
        },
        ..Default::default()
    };
    let credential = CrossTenantManagedIdentityCredential::build(
        &scenario.target_tenant_id,
        &scenario.client_id,
        options,
        environment,
        Arc::new(SystemClock),
    )
    .unwrap();
    let report = credential.diagnose(&[ARM], None).await;
    assert!(!report.to_string().contains(azure.identity_header()));
    assert!(!format!("{report:?}").contains(azure.identity_header()));
    report
}

fn named(scenario: &Scenario) -> Option<UserAssignedId> {
    Some(UserAssignedId::ClientId(
        scenario.identity_client_id.clone(),
    ))
}

fn kinds(report: &Report) -> Vec<WarningKind> {
    report.warnings().iter().map(Warning::kind).collect()
}

#[tokio::test]
async fn the_variables_that_chose_the_host_are_named() {
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    let environment = Environment::from([
        ("IDENTITY_ENDPOINT", azure.identity_endpoint()),
        ("IDENTITY_HEADER", azure.identity_header()),
    ]);
    let found = report(&azure, &scenario, environment, named(&scenario)).await;
    assert!(found.is_ok(), "{found}");
    let host = found.step(StepKind::Host).unwrap().summary();
    assert!(
        host.starts_with("app-service at http://127.0.0.1"),
        "{host}"
    );
    assert!(
        host.ends_with("IDENTITY_ENDPOINT, IDENTITY_HEADER are set"),
        "{host}"
    );

    let environment = Environment::from([("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds_url())]);
    let found = report(&azure, &scenario, environment, named(&scenario)).await;
    assert!(found.is_ok(), "{found}");
    let host = found.step(StepKind::Host).unwrap().summary();
    assert!(
        host.contains("AZURE_POD_IDENTITY_AUTHORITY_HOST names its address"),
        "{host}"
    );
    assert!(kinds(&found).is_empty(), "{found}");
}

#[tokio::test]
async fn imds_beside_the_variable_of_workload_identity_is_warned_of() {
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    let environment = Environment::from([
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds_url()),
        ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/secrets/token"),
    ]);
    let found = report(&azure, &scenario, environment, named(&scenario)).await;
    assert!(found.is_ok(), "{found}");
    assert_eq!(kinds(&found), [WarningKind::OtherHost], "{found}");
    let warning = found.warnings()[0].to_string();
    for said in [
        "AZURE_FEDERATED_TOKEN_FILE",
        "AKS workload identity",
        "TokenFileAssertion",
    ] {
        assert!(warning.contains(said), "{warning}");
    }
    // The path is nobody's business.
    assert!(!found.to_string().contains("/var/run"), "{found}");
}

#[tokio::test]
async fn app_service_without_a_selector_means_its_system_assigned_identity() {
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    let identity = cross_tenant_identity_emulator::ManagedIdentity::system_assigned(
        &scenario.home_tenant_id,
        "site",
    );
    azure.add_managed_identity(identity.clone()).unwrap();
    azure
        .assign_identity_to_host(&identity.principal_id)
        .unwrap();
    let environment = Environment::from([
        ("IDENTITY_ENDPOINT", azure.identity_endpoint()),
        ("IDENTITY_HEADER", azure.identity_header()),
    ]);
    let found = report(&azure, &scenario, environment, None).await;
    // The app does not trust that one, and the warning says why it was chosen.
    assert_eq!(
        found.failed_step().unwrap().kind(),
        StepKind::TargetExchange,
        "{found}"
    );
    assert_eq!(kinds(&found), [WarningKind::NoSelector], "{found}");
    let warning = found.warnings()[0].message();
    assert!(
        warning.contains("its system-assigned identity"),
        "{warning}"
    );
}

/// Each service takes the request and is silent. The time of one try passes, and the report is there.
#[tokio::test]
async fn a_service_that_is_silent_fails_its_step_when_its_time_is_over() {
    for (endpoint, kind) in [
        (Endpoint::Imds, StepKind::Assertion),
        (Endpoint::Token, StepKind::TargetExchange),
        (Endpoint::ResourceManager, StepKind::Resource),
    ] {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario();
        azure.set_fault(endpoint, Fault::Silence, Times::UntilCleared);
        let options = CrossTenantManagedIdentityCredentialOptions {
            client_options: azure.client_options(),
            retry: Some(RetryOptions::none()),
            managed_identity: ManagedIdentityAssertionOptions {
                user_assigned_id: named(&scenario),
                imds_endpoint: Some(azure.imds_url().to_owned()),
                retry: Some(RetryOptions::none()),
                ..Default::default()
            },
            ..Default::default()
        };
        let clock = HeldClock::new();
        let credential = CrossTenantManagedIdentityCredential::build(
            &scenario.target_tenant_id,
            &scenario.client_id,
            options,
            Environment::from([]),
            Arc::clone(&clock) as Arc<dyn Clock>,
        )
        .unwrap();
        let options = DiagnoseOptions {
            resource_url: Some("https://management.azure.com/subscriptions?api-version=1".into()),
            ..Default::default()
        };
        let mut report = Box::pin(credential.diagnose(&[ARM], Some(options)));
        let mut has_passed = false;
        let report = loop {
            report = match select(report, Box::pin(tokio::task::yield_now())).await {
                Either::Left((report, _)) => break report,
                Either::Right(((), report)) => report,
            };
            if !has_passed && !azure.requests_to(endpoint).is_empty() {
                has_passed = true;
                clock.advance(Duration::from_secs(11));
            }
        };
        let failed = report.failed_step().unwrap();
        assert_eq!(failed.kind(), kind, "{report}");
        assert_eq!(failed.duration(), Some(Duration::from_secs(11)), "{report}");
        assert!(failed.summary().contains("no whole answer"), "{report}");
        assert_eq!(azure.requests_to(endpoint).len(), 1);
    }
}

/// A source that never answers, and tells when it is dropped.
#[derive(Debug)]
struct Stuck(std::sync::Mutex<Option<oneshot::Sender<()>>>);

#[async_trait::async_trait]
impl ClientAssertion for Stuck {
    async fn secret(
        &self,
        _: Option<azure_core::http::ClientMethodOptions<'_>>,
    ) -> azure_core::Result<String> {
        let _dropped_with_this = self.0.lock().unwrap().take();
        std::future::pending().await
    }
}

/// The clock stands still, so that no deadline ends it.
#[tokio::test]
async fn what_is_under_way_ends_with_the_report_that_is_dropped() {
    let (held, mut dropped) = oneshot::channel();
    let source = Arc::new(Stuck(Some(held).into()));
    let credential = CrossTenantManagedIdentityCredential::build_with(
        "22222222-2222-4222-8222-222222222222",
        "33333333-3333-4333-8333-333333333333",
        Arc::clone(&source) as Arc<dyn ClientAssertion>,
        CrossTenantManagedIdentityCredentialOptions::default(),
        Environment::from([]),
        HeldClock::new(),
    )
    .unwrap();
    let mut report = Box::pin(credential.diagnose(&[ARM], None));
    for _ in 0..100 {
        report = match select(report, Box::pin(tokio::task::yield_now())).await {
            Either::Left((report, _)) => panic!("{report}"),
            Either::Right(((), report)) => report,
        };
    }
    assert!(source.0.lock().unwrap().is_none(), "it is asked");
    assert_eq!(dropped.try_recv(), Ok(None));
    drop(report);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(dropped.try_recv(), Err(oneshot::Canceled));
}
