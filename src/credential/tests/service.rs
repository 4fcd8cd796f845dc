//! The example service under load, while its tokens are renewed many times and Entra of the target
//! tenant has outages. The time comes from [`HeldClock`], and the emulator uses the same time.

#[allow(
    dead_code,
    unreachable_pub,
    reason = "an example's, of which this uses a part"
)]
#[path = "../../../examples/support/arm.rs"]
mod arm;
#[allow(unreachable_pub, reason = "an example's")]
#[path = "../../../examples/support/service.rs"]
mod example;
#[allow(unreachable_pub, reason = "an example's")]
#[path = "../../../examples/support/vault.rs"]
mod vault;

use super::*;
use crate::time::tests::HeldClock;
use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, LoggedRequest, Times};
use futures::future::join_all;
use std::future::IntoFuture;
use tokio::net::TcpListener;

/// The life of an access token in this test. In the last five minutes before expiry, SDK clients do
/// not cache a token, and this life is shorter: so each request calls the credential.
const LIFE: i64 = 240;
/// A token is served until one tenth of its life, at most 30 s, remains.
const SERVED: i64 = LIFE - LIFE / 10;
/// The time between two rounds of requests.
const STEP: i64 = 10;
/// Requests per round for each of the two SDK clients. One more request asks whether the service is
/// ready.
const AT_ONCE: usize = 3;
/// How far this clock is behind the machine's clock, which the SDK clients use. So for them no
/// token lives longer than for this clock.
const BEHIND: i64 = 2 * 3600;

struct World {
    azure: Emulator,
    clock: Arc<HeldClock>,
    credential: Arc<CrossTenantManagedIdentityCredential>,
    origin: String,
    http: ::reqwest::Client,
    now: i64,
    tokens: [Tokens; 2],
}

/// The tokens of one client that the emulator has issued so far.
#[derive(Default)]
struct Tokens {
    number: usize,
    /// The time of the last response.
    issued: i64,
}

/// The scope of each client, and the path of the service that uses it.
const CLIENTS: [(&str, &str); 2] = [
    ("https://management.azure.com/.default", "/groups"),
    ("https://vault.azure.net/.default", "/secret"),
];

/// The host's endpoint uses the start time of this test, which is sufficient for an assertion.
fn set_identity_clock(azure: &Emulator) {
    let fault = Fault::WrongClock { seconds: -BEHIND };
    azure.set_fault(Endpoint::Imds, fault, Times::UntilCleared);
}

/// The results of a round of requests.
#[derive(Debug, PartialEq)]
struct Round {
    /// For each client.
    failed: [usize; 2],
    is_ready: bool,
}

const ALL_SERVED: Round = Round {
    failed: [0, 0],
    is_ready: true,
};

impl World {
    async fn new() -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario();
        set_identity_clock(&azure);
        azure.set_clock_offset(-BEHIND);
        azure.set_access_token_lifetime(Duration::from_secs(LIFE.unsigned_abs()));
        let clock = HeldClock::behind(Duration::from_secs(BEHIND.unsigned_abs()));
        // With this clock, a pause between tries would never end.
        let tries = [Some(RetryOptions::none()), None];
        let credential = held::credential(&azure, &scenario, &clock, tries);
        let url = vault::emulated(&azure, &scenario, example::SECRET).unwrap();
        let (for_arm, for_vault) = (Arc::clone(&credential) as _, Arc::clone(&credential) as _);
        let service = example::Service::new(
            Arc::clone(&credential) as _,
            arm::ResourceManager::new(for_arm, azure.client_options()).unwrap(),
            scenario.target_subscription_id.clone(),
            Some(example::vault_client(&url, for_vault, azure.client_options()).unwrap()),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, service.router()).into_future());
        Self {
            azure,
            clock,
            credential,
            origin,
            http: ::reqwest::Client::builder().no_proxy().build().unwrap(),
            now: 0,
            tokens: Default::default(),
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        self.azure.set_clock_offset(self.now - BEHIND);
        self.clock
            .advance(Duration::from_secs(seconds.unsigned_abs()));
    }

    async fn status(&self, path: &str) -> u16 {
        let answer = self.http.get(format!("{}{path}", self.origin)).send().await;
        answer.unwrap().status().as_u16()
    }

    async fn statuses(&self, path: &str) -> Vec<u16> {
        join_all((0..AT_ONCE).map(|_| self.status(path))).await
    }

    async fn round(&mut self) -> Round {
        let [groups, secret] = CLIENTS.map(|(_, path)| self.statuses(path));
        let (groups, secret, ready) = futures::join!(groups, secret, self.status("/ready"));
        // Background renewals end before the time advances.
        while !self.credential.family.cache.is_at_rest().await {
            tokio::task::yield_now().await;
        }
        for (tokens, (scope, _)) in self.tokens.iter_mut().zip(CLIENTS) {
            let asked = self.azure.requests_to(Endpoint::Token);
            let number = asked.iter().filter(|it| brought(it, scope)).count();
            if number > tokens.number {
                *tokens = Tokens {
                    number,
                    issued: self.now,
                };
            }
        }
        let failed = |statuses: Vec<u16>| statuses.iter().filter(|it| **it != 200).count();
        Round {
            failed: [failed(groups), failed(secret)],
            is_ready: ready == 200,
        }
    }

    /// Until each client has a new token, so that its whole life is still ahead.
    async fn until_renewed(&mut self) {
        let before = self.tokens.each_ref().map(|tokens| tokens.number);
        while self
            .tokens
            .iter()
            .zip(before)
            .any(|(tokens, before)| tokens.number == before)
        {
            self.pass(STEP);
            assert_eq!(self.round().await, ALL_SERVED, "at {} s", self.now);
        }
    }

    fn set_outage(&self) {
        let outage = Fault::status(503);
        self.azure
            .set_fault(Endpoint::Token, outage, Times::UntilCleared);
    }

    fn lift_outage(&self) {
        self.azure.clear_faults();
        set_identity_clock(&self.azure);
    }
}

/// Whether the response to this request for that scope is a token.
fn brought(request: &LoggedRequest, scope: &str) -> bool {
    let asked = request
        .form
        .iter()
        .any(|(name, value)| name == "scope" && value == scope);
    asked && request.status == Some(200)
}

#[tokio::test]
async fn requests_succeed_while_the_token_is_renewed_many_times() {
    let mut world = World::new().await;
    for _ in 0..10 * LIFE / STEP {
        assert_eq!(world.round().await, ALL_SERVED, "at {} s", world.now);
        world.pass(STEP);
    }
    // At about half of its life, independent of the number of callers.
    for tokens in &world.tokens {
        assert!((18..=24).contains(&tokens.number), "{}", tokens.number);
    }
    let requests = world.azure.requests_to(Endpoint::Token).len();
    let tokens: usize = world.tokens.iter().map(|tokens| tokens.number).sum();
    assert_eq!(requests, tokens);
}

#[tokio::test]
async fn an_outage_that_ends_before_the_token_expires_fails_no_request() {
    let mut world = World::new().await;
    for _ in 0..3 {
        world.until_renewed().await;
        world.set_outage();
        let oldest = world.tokens.iter().map(|it| it.issued).min();
        while world.now < oldest.unwrap() + LIFE * 6 / 10 {
            world.pass(STEP);
            assert_eq!(world.round().await, ALL_SERVED, "at {} s", world.now);
        }
        world.lift_outage();
    }
    let failures = world
        .azure
        .requests_to(Endpoint::Token)
        .into_iter()
        .filter(|request| request.status == Some(503))
        .count();
    assert!(failures >= 3, "renewal was tried meanwhile");
}

#[tokio::test]
async fn in_a_longer_outage_requests_fail_only_after_the_token_expires_and_recover_by_themselves() {
    let mut world = World::new().await;
    world.until_renewed().await;
    world.set_outage();
    let mut failed = 0;
    let end = world.now + 3 * LIFE;
    while world.now < end {
        world.pass(STEP);
        let round = world.round().await;
        for (failed, tokens) in round.failed.iter().zip(&world.tokens) {
            let age = world.now - tokens.issued;
            match failed {
                0 => assert!(age <= SERVED + STEP, "{round:?} at {age} s"),
                _ => assert!(age >= SERVED - STEP, "{round:?} at {age} s"),
            }
        }
        assert_eq!(round.is_ready, round.failed[0] == 0, "{round:?}");
        failed += round.failed.iter().sum::<usize>();
    }
    assert!(failed > 0, "the outage was longer than any token");

    // The longest back-off is a minute, and a failure is remembered for less.
    world.lift_outage();
    let lifted = world.now;
    while world.round().await != ALL_SERVED {
        assert!(world.now - lifted <= 60 + STEP, "still failing");
        world.pass(STEP);
    }
}
