//! The identity endpoints of the hosts, on the emulator with real sockets.

mod app_service;
mod azure_arc;
mod azure_ml;
mod choice;
mod service_fabric;

use super::*;
use crate::{ManagedIdentityHost, time::tests::HeldClock};
use azure_core::http::Method;
use azure_identity::UserAssignedId;
use cross_tenant_identity_emulator::{
    Emulator, Endpoint, Fault, FederatedCredential, LoggedRequest, ManagedIdentity, Scenario, Times,
};
use std::path::PathBuf;

const ARM: &str = "https://management.azure.com/.default";

/// Contoso, Litware and a host of Contoso.
struct World {
    azure: Emulator,
    scenario: Scenario,
    variables: Vec<(&'static str, String)>,
    root: Option<PathBuf>,
    id: Option<UserAssignedId>,
    clock: Arc<HeldClock>,
}

impl World {
    /// The environment variables of a host, from its emulator.
    fn new<const N: usize>(variables: fn(&Emulator) -> [(&'static str, String); N]) -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario();
        Self {
            variables: variables(&azure).into(),
            id: Some(UserAssignedId::ClientId(
                scenario.identity_client_id.clone(),
            )),
            azure,
            scenario,
            root: None,
            clock: HeldClock::new(),
        }
    }

    fn set(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    fn environment(&self) -> Environment {
        let values = self.variables.iter();
        Environment::Fixed {
            values: values
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            root: self.root.clone(),
        }
    }

    fn identity_options(&self) -> ManagedIdentityAssertionOptions {
        ManagedIdentityAssertionOptions {
            user_assigned_id: self.id.clone(),
            ..Default::default()
        }
    }

    fn with(
        &self,
        managed_identity: ManagedIdentityAssertionOptions,
    ) -> Result<Arc<CrossTenantManagedIdentityCredential>, Error> {
        let options = CrossTenantManagedIdentityCredentialOptions {
            client_options: self.azure.client_options(),
            managed_identity,
            ..Default::default()
        };
        CrossTenantManagedIdentityCredential::build(
            &self.scenario.target_tenant_id,
            &self.scenario.client_id,
            options,
            self.environment(),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
        )
    }

    fn credential(&self) -> Arc<CrossTenantManagedIdentityCredential> {
        self.with(self.identity_options()).unwrap()
    }

    /// The error of `new` for a wrong value.
    fn misconfigured(&self) -> String {
        let error = self.with(self.identity_options()).unwrap_err();
        assert_eq!(error.stage(), Stage::Configuration);
        assert!(self.azure.requests().is_empty());
        let shown = format!("{error} {error:?} {}", error.diagnosis().unwrap());
        self.shows_no_secret(&shown);
        error.to_string()
    }

    /// A token of the target tenant, and the requests to the host's endpoint.
    async fn succeeds(&self, endpoint: Endpoint) -> Vec<LoggedRequest> {
        let credential = self.credential();
        let token = credential.get_token(&[ARM], None).await.unwrap();
        let claims = crate::claims::Claims::peek(token.token.secret()).unwrap();
        assert_eq!(
            claims.tid.as_deref(),
            Some(&*self.scenario.target_tenant_id)
        );
        self.azure.requests_to(endpoint)
    }

    /// The error of the identity leg.
    async fn fails(&self) -> Error {
        let error = self.credential().get_token(&[ARM], None).await.unwrap_err();
        let found = Error::find(&error).unwrap().clone();
        assert_eq!(found.stage(), Stage::Assertion, "{found}");
        let shown = format!("{error} {error:?} {found:?} {}", found.diagnosis().unwrap());
        self.shows_no_secret(&shown);
        found
    }

    fn shows_no_secret(&self, shown: &str) {
        assert!(!shown.contains(self.azure.identity_header()), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }

    /// The app trusts only an identity that the host should have.
    fn add_system_assigned(&self) -> ManagedIdentity {
        let identity = ManagedIdentity::system_assigned(&self.scenario.home_tenant_id, "machine");
        self.azure.add_managed_identity(identity.clone()).unwrap();
        self.azure
            .assign_identity_to_host(&identity.principal_id)
            .unwrap();
        let credential = FederatedCredential::trusting(&identity);
        self.azure
            .add_federated_credential(&self.scenario.client_id, credential)
            .unwrap();
        identity
    }
}

/// Logs a success, a refusal and a missing response: the log contains no secret of the host and no
/// token.
async fn logs_no_secret(world: &World, endpoint: Endpoint, secrets: &[String]) {
    // With only one subscriber, tracing asks the thread that first uses an event whether the event
    // is enabled. That can be the thread of another test, which has no subscriber.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let (log, recording) = log::record(tracing::Level::TRACE);
    let credential = world.credential();
    let assertion = credential
        .family
        .exchange
        .assertion
        .assertion()
        .await
        .unwrap();
    for fault in [Fault::status(500), Fault::status(418), Fault::Reset] {
        world.azure.set_fault(endpoint, fault, Times::UntilCleared);
        world.fails().await;
    }
    world.azure.clear_faults();
    drop(recording);
    let log = log.text();
    assert!(log.contains("managed identity"), "{log}");
    let token = [assertion.token.secret().to_owned()];
    for secret in secrets.iter().chain(&token) {
        assert!(!log.contains(secret.as_str()), "{secret} in {log}");
    }
}

/// The responses that every endpoint can send, and the text of the error for each.
async fn says_what_was_answered(world: &World, endpoint: Endpoint) {
    for (fault, status, is_transient, said) in [
        (Fault::status(429), Some(429), true, "HTTP 429"),
        (Fault::status(500), Some(500), true, "HTTP 500"),
        (Fault::status(503), Some(503), true, "HTTP 503"),
        (Fault::status(418), Some(418), false, "HTTP 418"),
        (Fault::NotJson, Some(200), false, "but not with a token"),
        (Fault::Html, Some(200), false, "but not with a token"),
        (Fault::Reset, None, true, "gave no answer"),
        (
            Fault::Redirect {
                location: "https://elsewhere.example/".to_owned(),
            },
            Some(302),
            false,
            "a redirect, which is never followed",
        ),
    ] {
        world.azure.set_fault(endpoint, fault, Times::UntilCleared);
        let error = world.fails().await;
        world.azure.clear_faults();
        assert_eq!(error.status().map(u16::from), status, "{error}");
        assert_eq!(error.is_transient(), is_transient, "{error}");
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
    // A caller does not notice one transient failure.
    world
        .azure
        .set_fault(endpoint, Fault::status(503), Times::Count(1));
    assert!(world.succeeds(endpoint).await.len() >= 2);
}
