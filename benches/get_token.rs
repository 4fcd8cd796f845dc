//! What a call costs that finds its token in the cache, in one run beside
//!
//! - *glue*: what a Rust user writes without this crate, `azure_identity`'s
//!   `ClientAssertionCredential` over its `ManagedIdentityCredential`;
//! - *floor*: what no credential can do without: the trait's boxed future, a look-up, one look at
//!   a clock, the copy of a token.
//!
//! `cargo bench` prints the ratios at the end. They compare, times alone do not: they are the
//! machine's.

#[path = "../tests/support/glue.rs"]
mod glue;

use azure_core::{
    credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions},
    time::OffsetDateTime,
};
use azure_identity::UserAssignedId;
use criterion::{Criterion, Throughput};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
};
use cross_tenant_identity_emulator::{Emulator, Scenario};
use futures::FutureExt;
use glue::Glue;
use std::{
    collections::HashMap,
    hint::black_box,
    sync::{Arc, RwLock},
    time::{Duration, SystemTime},
};

const MANY: usize = 100;

fn main() {
    let azure = Emulator::start().expect("the emulator starts");
    let scenario = azure.create_scenario();
    let scopes: Vec<String> = (0..MANY)
        .map(|n| {
            let resource = format!("https://resource-{n}.example.com");
            azure
                .add_resource(&scenario.target_tenant_id, &resource)
                .expect("the target tenant exists");
            format!("{resource}/.default")
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let contestants: [(&str, Arc<dyn TokenCredential>); 3] = [
        ("ours", ours(&azure, &scenario)),
        ("glue", glue(&azure, &scenario)),
        ("floor", Arc::new(Floor::new(&scopes))),
    ];

    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_secs(1))
        .configure_from_args();
    for (name, number) in [("one scope", 1), ("a hundred scopes", MANY)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        for (contestant, credential) in &contestants {
            for scope in &scopes[..number] {
                runtime
                    .block_on(credential.get_token(&[scope], None))
                    .expect("a token to find later");
            }
            group.bench_function(*contestant, |bencher| {
                let mut turn = scopes[..number].iter().cycle();
                bencher.iter(|| {
                    let scope = turn.next().expect("a cycle has no end");
                    let token = credential
                        .get_token(black_box(&[scope]), None)
                        .now_or_never();
                    black_box(token.expect("it is cached").expect("it is good"))
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
    print_ratios();
}

fn ours(azure: &Emulator, scenario: &Scenario) -> Arc<dyn TokenCredential> {
    let settings = azure.credential_settings(scenario);
    let identity = UserAssignedId::ClientId(settings.identity_client_id);
    let options = CrossTenantManagedIdentityCredentialOptions::from(identity)
        .with_client_options(settings.client_options, settings.identity_client_options);
    CrossTenantManagedIdentityCredential::new(
        &settings.tenant_id,
        &settings.client_id,
        Some(options),
    )
    .expect("the options make sense")
}

fn glue(azure: &Emulator, scenario: &Scenario) -> Arc<dyn TokenCredential> {
    Glue::credential(scenario, azure.client_options()).expect("the options make sense")
}

/// A token of the usual length for each scope.
#[derive(Debug)]
struct Floor(RwLock<HashMap<String, AccessToken>>);

impl Floor {
    fn new(scopes: &[String]) -> Self {
        let expires_on =
            OffsetDateTime::from(SystemTime::UNIX_EPOCH) + Duration::from_secs(1 << 33);
        let token = || AccessToken::new(Secret::new("t".repeat(1700)), expires_on);
        let tokens = scopes.iter().map(|scope| (scope.clone(), token()));
        Self(RwLock::new(tokens.collect()))
    }
}

#[async_trait::async_trait]
impl TokenCredential for Floor {
    #[allow(
        clippy::disallowed_methods,
        reason = "one look at a clock is part of the floor"
    )]
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let tokens = self.0.read().expect("nobody panics here");
        let token = &tokens[scopes[0]];
        assert!(SystemTime::from(token.expires_on) > SystemTime::now());
        Ok(token.clone())
    }
}

/// From what criterion has written down of this run.
fn print_ratios() {
    let nanoseconds = |group: &str, contestant: &str| -> Option<f64> {
        let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
        let path = format!("{target}/criterion/{group}/{contestant}/new/estimates.json");
        let estimates = std::fs::read_to_string(path).ok()?;
        let estimates: serde_json::Value = serde_json::from_str(&estimates).ok()?;
        estimates["median"]["point_estimate"].as_f64()
    };
    for group in ["one scope", "a hundred scopes"] {
        let times = ["ours", "glue", "floor"].map(|contestant| nanoseconds(group, contestant));
        if let [Some(ours), Some(glue), Some(floor)] = times {
            println!(
                "{group}: {ours:.0} ns; {:.1} x the glue's speed ({glue:.0} ns), {:.1} x the floor's time ({floor:.0} ns)",
                glue / ours,
                ours / floor,
            );
        }
    }
}
