//! A credential in a known state, with the emulator and a clock that the test controls.

use super::*;
use azure_core::http::{
    Context, Method, Pipeline, Request, Url, policies::auth::BearerTokenAuthorizationPolicy,
};
use cross_tenant_identity_emulator::{Emulator, Times};
use futures::future::{Either, select};
use std::sync::atomic::{AtomicU32, Ordering};

const SCOPE: &str = "https://management.azure.com/.default";

/// The token that the caller has when the fault begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    Cold,
    Usable,
    Due,
    Expired,
}

impl State {
    pub(super) const ALL: [Self; 4] = [Self::Cold, Self::Usable, Self::Due, Self::Expired];

    /// The age at which a one-hour token is in this state with any jitter.
    fn age(self) -> Option<Duration> {
        let minutes = match self {
            Self::Cold => return None,
            Self::Usable => 51,
            Self::Due => 54,
            Self::Expired => 120,
        };
        Some(Duration::from_secs(minutes * 60))
    }

    pub(super) fn has_token(self) -> bool {
        matches!(self, Self::Usable | Self::Due)
    }
}

pub(super) struct World {
    pub(super) azure: Emulator,
    pub(super) credential: Arc<CrossTenantManagedIdentityCredential>,
    clock: Arc<HeldClock>,
    had: Option<AccessToken>,
    /// Number of steps by which the time was advanced for tries.
    passed: AtomicU32,
}

/// The result of a call.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) outcome: Result<Served, Error>,
    pub(super) waited: Duration,
    /// Requests to the endpoint with the fault, counted after all work has ended.
    pub(super) requests: usize,
}

#[derive(Debug, PartialEq)]
pub(super) enum Served {
    /// The current token.
    Current,
    Another,
}

impl World {
    pub(super) async fn in_state(state: State, endpoint: Endpoint, cell: &Cell) -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario();
        // Entra treats many equal requests as a loop. Another test covers that.
        azure.set_loop_detection(false);
        // For the identity leg, the assertion has to expire before the token gets old.
        if endpoint == Endpoint::Imds {
            azure.set_assertion_lifetime(Duration::from_secs(600));
        }
        let clock = HeldClock::new();
        let credential = held::credential(&azure, &scenario, &clock, [None, None]);
        let mut world = Self {
            azure,
            credential,
            clock,
            had: None,
            passed: AtomicU32::new(0),
        };
        if let Some(age) = state.age() {
            world.had = Some(world.credential.get_token(&[SCOPE], None).await.unwrap());
            // The machine is suspended, so that the cache does not renew the token before the fault
            // begins.
            world.clock.suspend(age);
        }
        world.azure.forget_imds_tokens();
        world.azure.clear_requests();
        world
            .azure
            .set_fault(endpoint, cell.fault.clone(), Times::UntilCleared);
        world
    }

    pub(super) async fn call(&self, endpoint: Endpoint, cell: &Cell) -> Seen {
        let start = self.clock.monotonic();
        let call = self.credential.get_token(&[SCOPE], None);
        let outcome = match cell.fate {
            Fate::Hangs => self.with_passing_time(call, endpoint).await,
            _ => call.await,
        };
        let outcome = match outcome {
            Ok(token) => Ok(match &self.had {
                Some(had) if had.token == token.token => Served::Current,
                _ => Served::Another,
            }),
            Err(error) => Err(Error::find(&error).unwrap().clone()),
        };
        Seen {
            outcome,
            waited: self.clock.monotonic() - start,
            requests: self.azure.requests_to(endpoint).len(),
        }
    }

    /// Waits until no request runs: a renewal can start in the background, and ends in the
    /// background.
    pub(super) async fn until_rest(&self, endpoint: Endpoint, cell: &Cell) {
        let rest = async {
            while !self.credential.family.cache.is_at_rest().await {
                tokio::task::yield_now().await;
            }
        };
        match cell.fate {
            Fate::Hangs => self.with_passing_time(Box::pin(rest), endpoint).await,
            _ => rest.await,
        }
    }

    /// The status that an SDK client gets from the resource, if it gets a complete response.
    pub(super) async fn ask_resource(&self) -> Option<u16> {
        let mut options = self.azure.client_options();
        options.retry = RetryOptions::none();
        let credential = Arc::clone(&self.credential) as Arc<dyn TokenCredential>;
        let authorization = BearerTokenAuthorizationPolicy::new(credential, [SCOPE]);
        let pipeline = Pipeline::new(
            None,
            None,
            options,
            Vec::new(),
            vec![Arc::new(authorization)],
            None,
        );
        let url = "https://management.azure.com/subscriptions?api-version=2022-12-01";
        let mut request = Request::new(Url::parse(url).unwrap(), Method::Get);
        let answer = pipeline.send(&Context::new(), &mut request, None).await;
        let status = match answer {
            Ok(answer) => Some(answer.status()),
            Err(error) => error.http_status(),
        };
        status.map(u16::from)
    }

    /// The same if no complete response arrives, and the client gives up after its request has
    /// arrived.
    pub(super) async fn ask_resource_in_vain(&self) {
        let arrived = async {
            while self.azure.requests_to(Endpoint::ResourceManager).is_empty() {
                tokio::task::yield_now().await;
            }
        };
        match select(Box::pin(self.ask_resource()), Box::pin(arrived)).await {
            Either::Left((status, _)) => panic!("{status:?}"),
            Either::Right(((), _)) => {}
        }
    }

    /// After a request without a response has arrived, the time of its try passes.
    async fn with_passing_time<F: Future + Unpin>(
        &self,
        mut call: F,
        endpoint: Endpoint,
    ) -> F::Output {
        let mut passed = self.passed.load(Ordering::Relaxed);
        loop {
            call = match select(call, Box::pin(tokio::task::yield_now())).await {
                Either::Left((output, _)) => return output,
                Either::Right(((), call)) => call,
            };
            let tried = TICK * passed;
            if tried < ONE_TRY * self.azure.requests_to(endpoint).len() as u32 {
                passed += 1;
                self.passed.store(passed, Ordering::Relaxed);
                self.clock.advance(TICK);
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}
