//! What it costs to get tokens: many callers at once, many tenants, first tokens. Each figure stands
//! beside the *glue* (`azure_identity` alone, see `get_token.rs`) or beside bare requests, in one run.
//!
//! ```text
//! cargo bench --bench load                      # all
//! cargo bench --bench load -- instructions      # needs valgrind
//! cargo bench --bench load -- throughput heap first-token sockets cold-callers queue
//! ```

#[path = "../tests/support/glue.rs"]
mod glue;
#[path = "support/upstream.rs"]
mod upstream;

use azure_core::{
    credentials::TokenCredential,
    http::{ClientOptions, Transport},
};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, UserAssignedId,
};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
};
use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, Scenario, Times};
use futures::future::join_all;
use glue::Glue;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{
    alloc::System,
    hint::black_box,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SCOPE: &str = "https://management.azure.com/.default";
const CLIENT_ID: &str = "33333333-3333-4333-8333-333333333333";

fn main() {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    if let [mode, contestant, calls] = &arguments[..]
        && mode == "calls"
    {
        return calls_for_callgrind(contestant, calls.parse().expect("a number of calls"));
    }
    let is_wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|it| it == name);
    for (name, measure) in [
        ("throughput", throughput as fn()),
        ("heap", heap),
        ("first-token", first_token),
        ("sockets", sockets),
        ("cold-callers", cold_callers),
        ("queue", queue),
        ("instructions", instructions),
    ] {
        if is_wanted(name) {
            measure();
        }
    }
}

fn tenant(number: usize) -> String {
    format!("22222222-2222-4222-8222-{number:012}")
}

fn identity() -> UserAssignedId {
    UserAssignedId::ClientId("11111111-1111-4111-8111-111111111111".into())
}

fn ours(options: ClientOptions) -> Arc<CrossTenantManagedIdentityCredential> {
    let defaults = CrossTenantManagedIdentityCredentialOptions::from(identity());
    ours_with(CrossTenantManagedIdentityCredentialOptions {
        max_cached_tokens: Some(1_000_000),
        ..defaults.with_client_options(options.clone(), options)
    })
}

fn ours_with(
    options: CrossTenantManagedIdentityCredentialOptions,
) -> Arc<CrossTenantManagedIdentityCredential> {
    CrossTenantManagedIdentityCredential::new(&tenant(0), CLIENT_ID, Some(options))
        .expect("the options make sense")
}

/// The glue for one tenant, over an assertion that several may share.
fn glued<C: ClientAssertion + 'static>(
    tenant: String,
    assertion: C,
    client_options: ClientOptions,
) -> Arc<ClientAssertionCredential<C>> {
    let options = ClientAssertionCredentialOptions { client_options };
    ClientAssertionCredential::new(tenant, CLIENT_ID.into(), assertion, Some(options))
        .expect("the options make sense")
}

/// The assertion of the glue, for many tenants.
#[derive(Clone, Debug)]
struct SharedGlue(Arc<Glue>);

#[async_trait::async_trait]
impl ClientAssertion for SharedGlue {
    async fn secret(
        &self,
        options: Option<azure_core::http::ClientMethodOptions<'_>>,
    ) -> azure_core::Result<String> {
        self.0.secret(options).await
    }
}

impl SharedGlue {
    fn new(options: ClientOptions) -> Self {
        let glue = Glue::of(Some(identity()), options).expect("the options make sense");
        Self(Arc::new(glue))
    }
}

fn one_thread() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn two_threads() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

#[allow(clippy::disallowed_methods, reason = "this measures")]
fn timed<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Cached calls by many tasks on two threads.
fn throughput() {
    const CALLS: usize = 400_000;
    let options = upstream::client_options();
    let contestants: [(&str, Arc<dyn TokenCredential>); 2] = [
        ("ours", ours(options.clone())),
        (
            "glue",
            glued(tenant(0), SharedGlue::new(options.clone()), options),
        ),
    ];
    let runtime = two_threads();
    for tasks in [1, 2, 4, 8] {
        let mut rates = Vec::new();
        for (_, credential) in &contestants {
            let round = || {
                runtime.block_on(async {
                    let calls = (0..tasks).map(|_| {
                        let credential = Arc::clone(credential);
                        tokio::spawn(async move {
                            for call in 0..CALLS / tasks {
                                black_box(
                                    credential.get_token(&[SCOPE], None).await.expect("a token"),
                                );
                                // As a server's tasks do.
                                if call % 1000 == 0 {
                                    tokio::task::yield_now().await;
                                }
                            }
                        })
                    });
                    join_all(calls).await;
                });
            };
            round();
            let time = median((0..5).map(|_| timed(round).1).collect());
            rates.push(CALLS as f64 / time.as_secs_f64() / 1e6);
        }
        println!(
            "throughput, {tasks} tasks on 2 threads: {:.1} M calls/s; glue {:.1} M/s; {:.1} x",
            rates[0],
            rates[1],
            rates[0] / rates[1]
        );
    }
}

/// Heap for each of many tenants, beside the token.
fn heap() {
    const TENANTS: usize = 10_000;
    let runtime = one_thread();
    let credential = ours(upstream::client_options());
    let per_tenant = |credentials: usize| {
        let region = Region::new(ALLOCATOR);
        let all: Vec<_> = runtime.block_on(join_all((0..TENANTS).map(|number| {
            let credential = credential
                .for_tenant(&tenant(credentials + number))
                .expect("a tenant");
            async move {
                credential.get_token(&[SCOPE], None).await.expect("a token");
                credential
            }
        })));
        let change = region.change();
        let held = change.bytes_allocated as i64 - change.bytes_deallocated as i64;
        drop(all);
        held as f64 / TENANTS as f64 - upstream::TOKEN_LENGTH as f64
    };
    // The first one fills the allocator's and the runtime's own stores.
    per_tenant(1);
    println!(
        "heap, 10,000 tenants by for_tenant: {:.0} bytes each beside the token",
        per_tenant(1 + TENANTS)
    );
}

/// Tenants that all ask at once, while the token endpoint does not answer until all have asked. The
/// time of each must not grow with their number.
fn queue() {
    let runtime = one_thread();
    let per_tenant = [4_000_usize, 32_000].map(|tenants| {
        let (options, gate) = upstream::closed_client_options();
        let credential = ours(options);
        let all = || {
            runtime.block_on(async {
                let mut calls: Vec<_> = (1..=tenants)
                    .map(|number| {
                        let credential = credential.for_tenant(&tenant(number)).expect("a tenant");
                        Box::pin(async move { credential.get_token(&[SCOPE], None).await })
                    })
                    .collect();
                for call in &mut calls {
                    assert!(futures::poll!(call).is_pending());
                }
                gate.add_permits(tokio::sync::Semaphore::MAX_PERMITS);
                for token in join_all(calls).await {
                    token.expect("a token");
                }
            });
        };
        micros(timed(all).1) / tenants as f64
    });
    let [few, many] = per_tenant;
    println!(
        "queue: 4,000 tenants at once {few:.0} µs each; 32,000 tenants {many:.0} µs each, {:.1} x",
        many / few
    );
}

/// The first token of a tenant, with everything else in memory.
fn first_token() {
    const TENANTS: usize = 2000;
    let options = upstream::client_options();
    let runtime = one_thread();
    let credential = ours(options.clone());
    let shared = SharedGlue::new(options.clone());
    let our_first = |number: usize| {
        runtime.block_on(async {
            let ours = credential.for_tenant(&tenant(number)).expect("a tenant");
            ours.get_token(&[SCOPE], None).await.expect("a token");
        });
    };
    let glue = |number: usize| {
        runtime.block_on(async {
            let glue = glued(tenant(number), shared.clone(), options.clone());
            glue.get_token(&[SCOPE], None).await.expect("a token");
        });
    };
    let (mut our_times, mut glue_times) = (Vec::new(), Vec::new());
    for number in 1..=TENANTS {
        our_times.push(timed(|| our_first(number)).1);
        glue_times.push(timed(|| glue(number)).1);
    }
    let [ours, glue] = [our_times, glue_times].map(|times| micros(median(times)));
    println!("first token of a tenant, upstream in memory: {ours:.0} µs; glue {glue:.0} µs");
}

/// The first token of a new credential over warm connections, beside its two requests alone.
fn sockets() {
    const ROUNDS: usize = 300;
    let azure = Emulator::start().expect("the emulator starts");
    azure.set_loop_detection(false);
    let scenario = azure.create_scenario();
    let runtime = one_thread();
    let client_options = azure.client_options();
    let transport = client_options
        .transport
        .clone()
        .expect("the emulator brings one");
    // So that its thread, and with it the connections, outlive each round.
    let alive = our_scenario(&scenario, &client_options);
    runtime.block_on(async {
        alive.get_token(&[SCOPE], None).await.expect("a token");
    });
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let bare = timed(|| runtime.block_on(bare_requests(&scenario, &transport))).1;
        let credential = our_scenario(&scenario, &client_options);
        let ours = timed(|| {
            runtime
                .block_on(credential.get_token(&[SCOPE], None))
                .expect("a token")
        })
        .1;
        let glue =
            Glue::credential(&scenario, client_options.clone()).expect("the options make sense");
        let glue = timed(|| {
            runtime
                .block_on(glue.get_token(&[SCOPE], None))
                .expect("a token")
        })
        .1;
        for (times, time) in times.iter_mut().zip([bare, ours, glue]) {
            times.push(time);
        }
    }
    let [bare, ours, glue] = times.map(|times| micros(median(times)));
    println!(
        "first token over warm connections: {ours:.0} µs, {:.1} x its two requests alone ({bare:.0} µs); glue {:.1} x",
        ours / bare,
        glue / bare
    );
}

fn our_scenario(
    scenario: &Scenario,
    options: &ClientOptions,
) -> Arc<CrossTenantManagedIdentityCredential> {
    let identity = UserAssignedId::ClientId(scenario.identity_client_id.clone());
    let defaults = CrossTenantManagedIdentityCredentialOptions::from(identity);
    CrossTenantManagedIdentityCredential::new(
        &scenario.target_tenant_id,
        &scenario.client_id,
        Some(defaults.with_client_options(options.clone(), options.clone())),
    )
    .expect("the options make sense")
}

async fn bare_requests(scenario: &Scenario, transport: &Transport) {
    use azure_core::http::{Context, Method, Request, Url};
    let context = Context::new();
    let url = format!(
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://AzureADTokenExchange&client_id={}",
        scenario.identity_client_id
    );
    let mut request = Request::new(Url::parse(&url).expect("a URL"), Method::Get);
    request.insert_header("metadata", "true");
    let answer = transport
        .send(&context, &mut request)
        .await
        .expect("an answer");
    let answer = answer
        .try_into_raw_response()
        .await
        .expect("a whole answer");
    let answer: serde_json::Value = serde_json::from_slice(answer.body().as_ref()).expect("JSON");
    let url = format!(
        "https://login.microsoftonline.com/{}/oauth2/v2.0/token",
        scenario.target_tenant_id
    );
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &scenario.client_id)
        .append_pair("scope", SCOPE)
        .append_pair("grant_type", "client_credentials")
        .append_pair(
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )
        .append_pair(
            "client_assertion",
            answer["access_token"].as_str().expect("a token"),
        )
        .finish();
    let mut request = Request::new(Url::parse(&url).expect("a URL"), Method::Post);
    request.insert_header("content-type", "application/x-www-form-urlencoded");
    request.set_body(form);
    let answer = transport
        .send(&context, &mut request)
        .await
        .expect("an answer");
    let answer = answer
        .try_into_raw_response()
        .await
        .expect("a whole answer");
    assert!(answer.status().is_success());
}

/// A thousand callers of a hundred scopes at once, 50 ms to each endpoint.
fn cold_callers() {
    let azure = Emulator::start().expect("the emulator starts");
    azure.set_loop_detection(false);
    let scenario = azure.create_scenario();
    let scopes: Vec<_> = (0..100)
        .map(|number| {
            let resource = format!("https://resource-{number}.example.com");
            azure
                .add_resource(&scenario.target_tenant_id, &resource)
                .expect("the target tenant exists");
            format!("{resource}/.default")
        })
        .collect();
    let hop = Fault::Delay(Duration::from_millis(50));
    azure.set_fault(Endpoint::Imds, hop.clone(), Times::UntilCleared);
    azure.set_fault(Endpoint::Token, hop, Times::UntilCleared);
    let runtime = two_threads();
    for at_once in [64, 100] {
        let round = || {
            let settings = azure.credential_settings(&scenario);
            let identity = UserAssignedId::ClientId(settings.identity_client_id);
            let defaults = CrossTenantManagedIdentityCredentialOptions::from(identity)
                .with_client_options(settings.client_options, settings.identity_client_options);
            let credential = CrossTenantManagedIdentityCredential::new(
                &settings.tenant_id,
                &settings.client_id,
                Some(CrossTenantManagedIdentityCredentialOptions {
                    max_concurrent_requests: Some(at_once),
                    ..defaults
                }),
            )
            .expect("the options make sense");
            timed(|| {
                runtime.block_on(async {
                    let calls = (0..1000).map(|number| {
                        let (credential, scope) =
                            (Arc::clone(&credential), scopes[number % 100].clone());
                        tokio::spawn(async move {
                            credential
                                .get_token(&[&scope], None)
                                .await
                                .expect("a token")
                        })
                    });
                    join_all(calls).await;
                });
            })
            .1
        };
        let time = median((0..5).map(|_| round()).collect());
        println!(
            "1,000 cold callers, 100 scopes, 50 ms a hop, {at_once} requests at once: {:.0} ms",
            time.as_secs_f64() * 1e3
        );
    }
}

/// Instructions of a cached call, by callgrind: the difference between two numbers of calls.
fn instructions() {
    const CALLS: usize = 20_000;
    let program = std::env::current_exe().expect("this program");
    let counted = |contestant: &str, calls: usize| -> Option<f64> {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(&program)
            .args(["calls", contestant, &calls.to_string()])
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let total = said.lines().find_map(|line| line.split("refs:").nth(1))?;
        total.trim().replace(',', "").parse().ok()
    };
    let per_call = |contestant: &str| {
        let (few, many) = (counted(contestant, CALLS)?, counted(contestant, 2 * CALLS)?);
        Some((many - few) / CALLS as f64)
    };
    match (per_call("ours"), per_call("glue"), per_call("floor")) {
        (Some(ours), Some(glue), Some(floor)) => println!(
            "instructions of a cached call: {ours:.0}; glue {glue:.0}; box and copy alone {floor:.0}"
        ),
        _ => println!("instructions of a cached call: skipped, as there is no valgrind"),
    }
}

fn calls_for_callgrind(contestant: &str, calls: usize) {
    let options = upstream::client_options();
    let runtime = one_thread();
    let credential: Arc<dyn TokenCredential> = match contestant {
        "ours" => ours(options),
        "glue" => glued(tenant(0), SharedGlue::new(options.clone()), options),
        _ => Arc::new(BoxAndCopy(
            runtime
                .block_on(ours(options).get_token(&[SCOPE], None))
                .expect("a token"),
        )),
    };
    runtime.block_on(async {
        for _ in 0..calls {
            black_box(credential.get_token(&[SCOPE], None).await.expect("a token"));
        }
    });
}

/// What no credential can do without.
#[derive(Debug)]
struct BoxAndCopy(azure_core::credentials::AccessToken);

#[async_trait::async_trait]
impl TokenCredential for BoxAndCopy {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<azure_core::credentials::TokenRequestOptions<'_>>,
    ) -> azure_core::Result<azure_core::credentials::AccessToken> {
        Ok(self.0.clone())
    }
}
