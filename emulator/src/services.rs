//! The services of one emulated Azure, and the one place that hands a request to its service.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    arm, clock,
    entra::{self, loop_detector::LoopDetector},
    graph,
    identity::{
        self,
        azure_arc::Keys,
        token::{HostTokens, TokenCache},
    },
    key_vault,
    router::Route,
    wire::http::{Request, Response},
    world::{World, directory::Directory, faults::Faults, log::Log, signing_key::SigningKey},
};

/// The state of all services.
///
/// A lock is held while one response is made, and never across an await.
pub(crate) struct Services {
    pub(crate) key: &'static SigningKey,
    /// The value that App Service expects in `X-IDENTITY-HEADER`, and the other hosts in their own
    /// secret header.
    pub(crate) identity_header: String,
    state: Mutex<State>,
    faults: Mutex<Faults>,
    log: Mutex<Log>,
}

/// What requests read and change.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) world: World,
    /// Managed identity tokens that the host returns again.
    pub(crate) managed_identity_tokens: TokenCache,
    /// The key files of Azure Arc's agent.
    pub(crate) arc_keys: Keys,
    /// The token requests of the last minutes.
    loop_detector: LoopDetector,
}

impl State {
    /// Replaces the directory. Forgets the tokens and the requests from before.
    pub(crate) fn reset(&mut self, directory: Directory) {
        self.world.directory = directory;
        self.managed_identity_tokens.clear();
        self.loop_detector = LoopDetector::default();
    }
}

impl Services {
    pub(crate) fn new(key: &'static SigningKey, identity_header: String) -> Services {
        Services {
            key,
            identity_header,
            state: Mutex::default(),
            faults: Mutex::default(),
            log: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs the status of a response, or that there is no response.
    pub(crate) fn log_response(&self, number: u64, status: Option<u16>) {
        let notification = self.log().finish(number, status);
        if let Some((observer, request)) = notification {
            observer(&request);
        }
    }

    /// The response to a request when no fault replaces it. `clock_error` is the number of
    /// seconds by which a fault makes the clock wrong for this request.
    pub(crate) fn respond(&self, route: &Route, request: &Request, clock_error: i64) -> Response {
        let key = self.key;
        let mut state = self.state();
        let State {
            world,
            managed_identity_tokens,
            arc_keys,
            loop_detector,
        } = &mut *state;
        let now = world.now() + clock_error;
        let secret = &self.identity_header;
        let mut tokens = HostTokens {
            world,
            kept: managed_identity_tokens,
            key,
            clock_error,
        };
        let response = match route {
            Route::Imds => token_or_refusal(identity::imds::respond(&mut tokens, request)),
            Route::AppService => {
                token_or_refusal(identity::app_service::respond(&mut tokens, secret, request))
            }
            Route::AzureArc => {
                token_or_refusal(identity::azure_arc::respond(&mut tokens, arc_keys, request))
            }
            Route::AzureMl => {
                token_or_refusal(identity::azure_ml::respond(&mut tokens, secret, request))
            }
            Route::ServiceFabric => token_or_refusal(identity::service_fabric::respond(
                &mut tokens,
                secret,
                request,
            )),
            Route::Token { tenant } => {
                entra::token_endpoint::respond(world, loop_detector, key, request, tenant, now)
            }
            Route::OpenIdConfiguration { tenant, v2 } => {
                entra::metadata::openid_configuration(world, request, tenant, *v2)
            }
            Route::InstanceDiscovery => entra::metadata::instance_discovery(request),
            Route::Jwks => Response::json(200, &key.jwks()),
            Route::ResourceManager => arm::respond(world, key, request, now),
            Route::KeyVault { host } => key_vault::respond(world, key, request, host, now),
            Route::Graph => graph::respond(world, key, request, now),
            Route::NotFound => Response::empty(404),
        };
        let date = match route.is_of_host() {
            true => clock::now() + clock_error,
            false => now,
        };
        if date == clock::now() {
            return response;
        }
        response.with("Date", &clock::http_date(date))
    }
}

fn token_or_refusal(response: Result<Response, Response>) -> Response {
    response.unwrap_or_else(|refusal| refusal)
}
