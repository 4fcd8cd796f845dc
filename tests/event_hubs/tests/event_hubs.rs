//! The credential inside the Event Hubs client, which hands tokens on over AMQP and asks for later
//! ones by itself.

use azure_core::credentials::{AccessToken, TokenCredential};
use azure_core::http::RetryOptions;
use azure_identity::UserAssignedId;
use azure_messaging_eventhubs::{EventHubsError, ProducerClient};
use cross_tenant_identity::{
    Actor, CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
    Diagnosis, Error, ManagedIdentityAssertionOptions, Stage,
};
use cross_tenant_identity_emulator::{Emulator, Endpoint, Scenario, Step};
use event_hubs::{EVENT_HUB, EventHubs, PARTITIONS, PutToken};
use std::{fmt::Debug, sync::Arc, time::Duration};

const SCOPE: &str = "https://eventhubs.azure.net/.default";
const NAMESPACE: &str = "litware.servicebus.windows.net";
/// The statuses of `put-token`.
const ACCEPTED: i32 = 202;
const UNAUTHORIZED: i32 = 401;

struct World {
    azure: Emulator,
    scenario: Scenario,
    event_hubs: EventHubs,
    credential: Arc<CrossTenantManagedIdentityCredential>,
}

impl World {
    async fn new() -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario();
        Self::told(azure, scenario).await
    }

    async fn without(step: Step) -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario_without(step);
        Self::told(azure, scenario).await
    }

    async fn told(azure: Emulator, scenario: Scenario) -> Self {
        // Neither leg tries twice: pauses between tries take time.
        let options = CrossTenantManagedIdentityCredentialOptions {
            client_options: azure.client_options(),
            retry: Some(RetryOptions::none()),
            managed_identity: ManagedIdentityAssertionOptions {
                imds_endpoint: Some(azure.imds_url().to_owned()),
                retry: Some(RetryOptions::none()),
                ..UserAssignedId::ClientId(scenario.identity_client_id.clone()).into()
            },
            ..Default::default()
        };
        let credential = CrossTenantManagedIdentityCredential::new(
            &scenario.target_tenant_id,
            &scenario.client_id,
            Some(options),
        )
        .unwrap();
        Self {
            azure,
            scenario,
            event_hubs: EventHubs::start().await.unwrap(),
            credential,
        }
    }

    async fn producer(&self) -> ProducerClient {
        ProducerClient::builder()
            .with_custom_endpoint(self.event_hubs.endpoint())
            .open(NAMESPACE, EVENT_HUB, self.credential.clone())
            .await
            .unwrap()
    }

    async fn token(&self) -> AccessToken {
        self.credential.get_token(&[SCOPE], None).await.unwrap()
    }

    fn token_requests(&self) -> usize {
        self.azure.requests_to(Endpoint::Token).len()
    }

    /// The next token to come to `$cbs`, answered. `Result` is for `try_join!`, which ends with the
    /// client's error.
    async fn next_token(&mut self, status: i32) -> azure_messaging_eventhubs::Result<PutToken> {
        let (put, answer) = self.event_hubs.next_token().await;
        answer.send(status).unwrap();
        Ok(put)
    }

    /// The error of a call for which there must be no token.
    async fn refusal<T: Debug>(
        &mut self,
        call: impl Future<Output = azure_messaging_eventhubs::Result<T>>,
    ) -> EventHubsError {
        tokio::select! {
            outcome = call => outcome.unwrap_err(),
            (put, _) = self.event_hubs.next_token() => panic!("a token came: {put:?}"),
        }
    }
}

/// What the client makes of a token for what lies below its event hub.
fn put(path: &str, token: &AccessToken) -> PutToken {
    PutToken {
        name: format!("amqps://{NAMESPACE}/{EVENT_HUB}{path}"),
        token_type: "jwt".to_owned(),
        token: token.token.secret().to_owned(),
        expiration: token.expires_on.unix_timestamp() * 1000,
    }
}

fn claims(jwt: &str) -> serde_json::Value {
    let payload = jwt.split('.').nth(1).unwrap();
    serde_json::from_slice(&azure_core::base64::decode_url_safe(payload).unwrap()).unwrap()
}

/// All that an error says, from the outside in.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    let messages: Vec<_> = sources.map(ToString::to_string).collect();
    messages.join(": ")
}

#[allow(
    clippy::disallowed_methods,
    reason = "a safeguard alone: nothing here waits for time to pass"
)]
async fn in_time<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), test)
        .await
        .expect("the client or the peer waits for something that never comes")
}

#[tokio::test]
async fn one_token_of_litwares_opens_all_that_the_client_asks_of_event_hubs() {
    in_time(async {
        let mut world = World::new().await;
        let producer = world.producer().await;

        let (properties, read) = tokio::try_join!(
            producer.get_eventhub_properties(),
            world.next_token(ACCEPTED)
        )
        .unwrap();
        assert_eq!(properties.name, EVENT_HUB);
        assert_eq!(properties.partition_ids, PARTITIONS);
        let claims = claims(&read.token);
        assert_eq!(claims["aud"], "https://eventhubs.azure.net");
        assert_eq!(claims["tid"], world.scenario.target_tenant_id);
        assert_eq!(claims["appid"], world.scenario.client_id);
        assert_eq!(
            claims["oid"].as_str(),
            world.scenario.target_service_principal_id.as_deref()
        );

        // Another path, for which the client asks the credential again.
        let ((), sent) = tokio::try_join!(
            producer.send_event("hello", None),
            world.next_token(ACCEPTED)
        )
        .unwrap();
        assert_eq!(world.event_hubs.next_event().await, b"hello");

        let kept = world.token().await;
        assert_eq!(read, put("/$management", &kept));
        assert_eq!(sent, put("", &kept));
        assert_eq!(world.token_requests(), 1);
    })
    .await;
}

/// The client begins to ask 6 minutes before the expiry, and asks again as soon as Event Hubs has
/// answered, until it gets a later token: the reason why the cache takes one for due 7 minutes before.
/// A token of 5 minutes makes the client ask at once; as it is fresh to the cache, here it is a
/// rejection that makes way for the later one.
#[tokio::test]
async fn the_clients_own_refresh_gets_the_cached_token_and_then_the_later_one() {
    in_time(async {
        let mut world = World::new().await;
        world
            .azure
            .set_access_token_lifetime(Duration::from_secs(300));
        let producer = world.producer().await;
        let (_, first) = tokio::try_join!(
            producer.get_eventhub_properties(),
            world.next_token(ACCEPTED)
        )
        .unwrap();

        let (again, answer) = world.event_hubs.next_token().await;
        assert_eq!(again, first);
        assert_eq!(world.token_requests(), 1);

        // The client waits for its answer meanwhile.
        world
            .azure
            .set_access_token_lifetime(Duration::from_secs(3600));
        let short = world.token().await;
        world.credential.invalidate(&[SCOPE], &short);
        answer.send(ACCEPTED).unwrap();

        let later = world.next_token(ACCEPTED).await.unwrap();
        assert_eq!(later, put("/$management", &world.token().await));
        assert!(later.token != first.token);
        assert!(later.expiration > first.expiration);
        assert_eq!(world.token_requests(), 2);
    })
    .await;
}

/// The client's own message is "Error ensuring connection" and no more; its chain of sources is whole.
#[tokio::test]
async fn what_entra_refuses_is_found_in_the_clients_error() {
    in_time(async {
        let mut world = World::without(Step::ServicePrincipal).await;
        let producer = world.producer().await;
        let error = world.refusal(producer.get_eventhub_properties()).await;
        let found = Error::find(&error).unwrap();
        assert_eq!(found.stage(), Stage::TokenEndpoint);
        assert_eq!(found.code(), Some(7_000_229));
        assert!(found.to_string().contains("AADSTS7000229"), "{found}");
        let diagnosis = Diagnosis::of(&error).unwrap();
        assert_eq!(diagnosis.who(), Actor::TargetAdministrator);
        // However often the client's own retries may have asked.
        assert_eq!(world.token_requests(), 1);

        // Another way through the client.
        let error = world.refusal(producer.send_event("hello", None)).await;
        assert_eq!(Error::find(&error).unwrap().code(), Some(7_000_229));
    })
    .await;
}

/// The peer's no, without which its yes would say nothing.
#[tokio::test]
async fn a_token_that_event_hubs_refuses_opens_nothing_and_is_no_error_of_the_credential() {
    in_time(async {
        let mut world = World::new().await;
        let producer = world.producer().await;
        let error = tokio::try_join!(
            producer.get_eventhub_properties(),
            world.next_token(UNAUTHORIZED)
        )
        .unwrap_err();
        assert!(chain(&error).contains("401"), "{}", chain(&error));
        assert!(Error::find(&error).is_none());
        assert!(Diagnosis::of(&error).is_none());
    })
    .await;
}
