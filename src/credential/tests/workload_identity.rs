//! A projected token that is rotated several times.

use super::*;
use crate::{TokenFileAssertion, environment::Environment, time::tests::HeldClock};
use cross_tenant_identity_emulator::{Emulator, Endpoint, FederatedCredential, Scenario};
use std::{collections::BTreeSet, fs, path::PathBuf};
use tempfile::TempDir;

const ARM: &str = "https://management.azure.com/.default";
const SUBJECT: &str = "system:serviceaccount:litware-work:watcher";
/// The default of AKS workload identity.
const LIFE: Duration = Duration::from_secs(3600);
/// "The kubelet … rotates the token if it is older than 80 percent of its total time to live"
/// (Kubernetes, "Configure Service Accounts for Pods").
const ROTATED: Duration = Duration::from_secs(2880);

struct World {
    azure: Emulator,
    clock: Arc<HeldClock>,
    credential: Arc<CrossTenantManagedIdentityCredential>,
    path: PathBuf,
    _directory: TempDir,
    now: Duration,
}

impl World {
    fn new() -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario();
        trust(&azure, &scenario);
        // So that nearly every call makes an exchange.
        azure.set_access_token_lifetime(Duration::from_secs(120));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("azure-identity-token");
        let clock = HeldClock::new();
        let named = path.display().to_string();
        let environment = Environment::from([("AZURE_FEDERATED_TOKEN_FILE", &*named)]);
        let file = TokenFileAssertion::from(&environment, Arc::clone(&clock) as _).unwrap();
        let credential = CrossTenantManagedIdentityCredential::build_with(
            &scenario.target_tenant_id,
            &scenario.client_id,
            Arc::new(file),
            CrossTenantManagedIdentityCredentialOptions {
                client_options: azure.client_options(),
                ..Default::default()
            },
            Environment::from([]),
            Arc::clone(&clock) as _,
        );
        let world = Self {
            azure,
            clock,
            credential: credential.unwrap(),
            path,
            _directory: directory,
            now: Duration::ZERO,
        };
        world.rotate();
        world
    }

    fn rotate(&self) {
        let token = self.azure.service_account_token(SUBJECT, LIFE);
        fs::write(&self.path, token).unwrap();
    }

    fn pass(&mut self, by: Duration) {
        self.now += by;
        let seconds = i64::try_from(self.now.as_secs()).unwrap();
        self.azure.set_clock_offset(seconds);
        self.clock.advance(by);
    }

    /// The fingerprints of the assertions that Entra has received, in the order of first use.
    fn assertions(&self) -> BTreeSet<String> {
        let asked = self.azure.requests_to(Endpoint::Token);
        asked
            .iter()
            .map(|request| request.form("client_assertion").unwrap().to_owned())
            .collect()
    }
}

fn trust(azure: &Emulator, scenario: &Scenario) {
    let mut credential = FederatedCredential::trusting(
        &cross_tenant_identity_emulator::ManagedIdentity::system_assigned(
            &scenario.home_tenant_id,
            "cluster",
        ),
    );
    credential.issuer = Emulator::SERVICE_ACCOUNT_ISSUER.to_owned();
    credential.subject = SUBJECT.to_owned();
    azure
        .add_federated_credential(&scenario.client_id, credential)
        .unwrap();
}

#[tokio::test]
async fn a_credential_follows_many_rotations_of_the_token() {
    let mut world = World::new();
    let mut rotated = Duration::ZERO;
    let step = Duration::from_secs(60);
    while world.now < 4 * LIFE {
        if world.now >= rotated + ROTATED {
            world.rotate();
            rotated = world.now;
        }
        let result = world.credential.get_token(&[ARM], None).await;
        assert!(result.is_ok(), "at {:?}: {result:?}", world.now);
        while !world.credential.family.cache.is_at_rest().await {
            tokio::task::yield_now().await;
        }
        world.pass(step);
    }
    // The first token and at least three more.
    assert!(world.assertions().len() >= 4, "{:?}", world.assertions());
    let asked = world.azure.requests_to(Endpoint::Token);
    assert!(asked.iter().all(|request| request.status == Some(200)));
}

#[tokio::test]
async fn after_a_refusal_of_entra_the_file_is_read_again_immediately() {
    let world = World::new();
    let stale = world.azure.service_account_token(SUBJECT, LIFE);
    // Its signature is truncated, as in a half-written file.
    let (head, _) = stale.rsplit_once('.').unwrap();
    fs::write(&world.path, format!("{head}.AAAA")).unwrap();
    let source = &world.credential.family.exchange.assertion;
    source.assertion().await.unwrap();
    world.rotate();
    world.credential.get_token(&[ARM], None).await.unwrap();
    let statuses: Vec<_> = world
        .azure
        .requests_to(Endpoint::Token)
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [Some(401), Some(200)]);
}
