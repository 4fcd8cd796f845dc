//! What it costs to get tokens: many callers at once, many tenants, first tokens. Each figure stands
//! beside the *glue* (`azure_identity` alone, see `get_token.rs`) or beside bare requests, in one run.
//!
//! ```text
//! cargo bench --bench load              # all
//! cargo bench --bench load -- throughput first-token sockets cold-callers queue
//! ```

#[path = "support/contestants.rs"]
mod contestants;

use azure_core::{
    credentials::TokenCredential,
    http::{ClientOptions, Transport},
};
use azure_identity::UserAssignedId;
use contestants::{Glue, SCOPE, SharedGlue, glued, one_thread, ours, ours_with, tenant, upstream};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
};
use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, Scenario, Times};
use futures::{channel::oneshot, future::join_all};
use std::{
    hint::black_box,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
};

fn main() {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    let is_wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|it| it == name);
    for (name, measure) in [
        ("throughput", throughput as fn()),
        ("first-token", first_token),
        ("sockets", sockets),
        ("cold-callers", cold_callers),
        ("queue", queue),
    ] {
        if is_wanted(name) {
            measure();
        }
    }
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

/// The first token of a tenant, with everything else in memory. Beside it, a bare request to another
/// thread and its reply: tokens are fetched on the crate's own thread.
fn first_token() {
    const TENANTS: usize = 2000;
    let options = upstream::client_options();
    let runtime = one_thread();
    let credential = ours(options.clone());
    let shared = SharedGlue::new(options.clone());
    let other_thread = other_thread();
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
    let there_and_back = |_| {
        runtime.block_on(async {
            let (reply, answer) = oneshot::channel();
            other_thread.send(reply).expect("it runs");
            answer.await.expect("it replies");
        });
    };
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for number in 1..=TENANTS {
        times[0].push(timed(|| our_first(number)).1);
        times[1].push(timed(|| glue(number)).1);
        times[2].push(timed(|| there_and_back(number)).1);
    }
    let [ours, glue, there_and_back] = times.map(|times| micros(median(times)));
    println!(
        "first token of a tenant, upstream in memory: {ours:.0} µs; another thread and back alone {there_and_back:.0} µs; glue {glue:.0} µs"
    );
}

/// A thread with a runtime that replies to each request.
fn other_thread() -> mpsc::UnboundedSender<oneshot::Sender<()>> {
    let (requests, mut received) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
    thread::spawn(move || {
        one_thread().block_on(async {
            while let Some(reply) = received.recv().await {
                // Whoever asked may have gone.
                let _ = reply.send(());
            }
        });
    });
    requests
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

/// A thousand callers of a hundred scopes at once, 50 ms to each endpoint: in memory, and over new
/// connections with TLS, whose other end takes its time from the same processors.
fn cold_callers() {
    const HOP: Duration = Duration::from_millis(50);
    let runtime = two_threads();
    let in_memory = upstream::slow_client_options(HOP);
    let scopes: Vec<_> = (0..100).map(scope).collect();
    let azure = Emulator::start().expect("the emulator starts");
    azure.set_loop_detection(false);
    let scenario = azure.create_scenario();
    for number in 0..100 {
        azure
            .add_resource(&scenario.target_tenant_id, &resource(number))
            .expect("the target tenant exists");
    }
    for endpoint in [Endpoint::Imds, Endpoint::Token] {
        azure.set_fault(endpoint, Fault::Delay(HOP), Times::UntilCleared);
    }
    for at_once in [None, Some(64), Some(100)] {
        let with_limit = |options| CrossTenantManagedIdentityCredentialOptions {
            max_concurrent_requests: at_once,
            ..options
        };
        let memory = || {
            let options =
                CrossTenantManagedIdentityCredentialOptions::from(contestants::identity());
            let options = options.with_client_options(in_memory.clone(), in_memory.clone());
            cold_round(&runtime, &ours_with(with_limit(options)), &scopes)
        };
        let sockets = || {
            let settings = azure.credential_settings(&scenario);
            let identity = UserAssignedId::ClientId(settings.identity_client_id);
            let options = CrossTenantManagedIdentityCredentialOptions::from(identity)
                .with_client_options(settings.client_options, settings.identity_client_options);
            let credential = CrossTenantManagedIdentityCredential::new(
                &settings.tenant_id,
                &settings.client_id,
                Some(with_limit(options)),
            );
            cold_round(
                &runtime,
                &credential.expect("the options make sense"),
                &scopes,
            )
        };
        let memory = median((0..5).map(|_| memory()).collect());
        let sockets = median((0..5).map(|_| sockets()).collect());
        println!(
            "1,000 cold callers, 100 scopes, 50 ms a hop, {} requests at once: {} ms in memory, {} ms over sockets",
            at_once.map_or("the default".to_owned(), |it| it.to_string()),
            memory.as_millis(),
            sockets.as_millis()
        );
    }
}

fn resource(number: usize) -> String {
    format!("https://resource-{number}.example.com")
}

fn scope(number: usize) -> String {
    format!("{}/.default", resource(number))
}

fn cold_round(
    runtime: &Runtime,
    credential: &Arc<CrossTenantManagedIdentityCredential>,
    scopes: &[String],
) -> Duration {
    let all = async {
        let calls = (0..1000).map(|number| {
            let credential = Arc::clone(credential);
            let scope = scopes[number % scopes.len()].clone();
            tokio::spawn(async move {
                let token = credential.get_token(&[&scope], None).await;
                token.expect("a token")
            })
        });
        for call in join_all(calls).await {
            call.expect("no panic");
        }
    };
    timed(|| runtime.block_on(all)).1
}
