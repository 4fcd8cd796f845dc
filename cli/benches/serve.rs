//! Cached tokens from `serve` over HTTP, beside a bare axum handler that sends as many bytes, in one run.
//!
//! ```text
//! cargo bench --package cross-tenant-identity-cli --bench serve
//! ```
//!
//! Both servers are processes with one thread, as the program is. The clients are on a thread of this
//! process. While `serve` is measured, the identity endpoint and Entra reset each connection: no request
//! may fail for it.

#[allow(dead_code, unused_imports, reason = "a part of it is for tests")]
#[path = "../tests/program/client.rs"]
mod client;
#[path = "support/load_generator.rs"]
mod load_generator;
#[allow(dead_code, reason = "a part of it is for tests")]
#[path = "../tests/program/serve/running.rs"]
mod running;
#[allow(dead_code, reason = "a part of it is for tests")]
#[path = "../tests/program/support.rs"]
mod support;

use axum::{
    Router,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    routing::get,
};
use client::{Endpoint, RESOURCE};
use cross_tenant_identity_emulator::{Endpoint as Of, Fault, Times};
use load_generator::{Measured, Pace, run};
use running::{REPORTS, Serve, client_of};
use std::{
    env,
    io::{BufRead, BufReader, Read, Write, stdin, stdout},
    process::{Child, Command, Stdio},
    time::Duration,
};
use support::Azure;

/// As many as there are processes in front of a host's identity endpoint in the reports of users.
const CONNECTIONS: u32 = 60;
const RATE: u32 = 10_000;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

fn main() {
    if env::args().any(|it| it == "bare-axum-handler") {
        return bare_axum_handler();
    }
    let azure = Azure::start();
    let tenant = &azure.scenario.target_tenant_id;
    let client = client_of("reports", REPORTS, tenant, RESOURCE);
    let serve = Serve::start(&azure, &format!("listen = \"127.0.0.1:0\"\n{client}"));
    let response = serve.endpoint.token(RESOURCE).expect("a response");
    assert_eq!(response.status, 200, "{}", response.body);
    let bare = BareAxum::start(&response.body);

    for of in [Of::Imds, Of::Token] {
        azure
            .emulator
            .set_fault(of, Fault::Reset, Times::UntilCleared);
    }
    // Something is to be fetched meanwhile, and cannot be.
    let before = azure.emulator.requests_to(Of::Token).len();
    let _rejected = serve.endpoint.reject(&response);

    for (what, pace) in [
        ("without pause", Pace::Closed),
        ("10,000 a second", Pace::PerSecond(RATE)),
    ] {
        // In turns, so that both have the same machine.
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let ours = measure(&serve.endpoint, pace);
            rounds.push((ours, measure(&bare.endpoint, pace)));
        }
        println!("{CONNECTIONS} connections, {what}:");
        for (name, of) in [
            (
                "requests a second",
                Measured::per_second as fn(&Measured) -> f64,
            ),
            ("p50 in ms", |it| it.percentile(50.0)),
            ("p99 in ms", |it| it.percentile(99.0)),
            ("p99.9 in ms", |it| it.percentile(99.9)),
        ] {
            let ours = median(rounds.iter().map(|(it, _)| of(it)));
            let bare = median(rounds.iter().map(|(_, it)| of(it)));
            let ratio = median(rounds.iter().map(|(ours, bare)| of(ours) / of(bare)));
            println!("  {name}: serve {ours:.2}, bare axum {bare:.2}, ratio {ratio:.2}");
        }
        let failed: usize = rounds.iter().map(|(ours, _)| ours.failed).sum();
        println!("  failed, while Azure is down: {failed}");
        assert_eq!(failed, 0);
    }
    let tried = azure.emulator.requests_to(Of::Token).len() - before;
    println!("token requests that were reset meanwhile: {tried}");
    assert!(tried > 0);
}

fn measure(endpoint: &Endpoint, pace: Pace) -> Measured {
    run(endpoint, CONNECTIONS, pace, ROUND).expect("connections to this machine")
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What any server costs: a handler that has its response ready.
struct BareAxum {
    process: Child,
    endpoint: Endpoint,
}

impl BareAxum {
    fn start(body: &str) -> Self {
        let mut process = Command::new(env::current_exe().expect("this program"))
            .arg("bare-axum-handler")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut input = process.stdin.take().expect("its input");
        input.write_all(body.as_bytes()).expect("its input");
        drop(input);
        let mut url = String::new();
        BufReader::new(process.stdout.take().expect("its output"))
            .read_line(&mut url)
            .expect("its address");
        let endpoint = Endpoint {
            url: url.trim().to_owned(),
            secret: REPORTS.to_owned(),
        };
        Self { process, endpoint }
    }
}

impl Drop for BareAxum {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers with what it reads from its standard input.
fn bare_axum_handler() {
    let mut body = String::new();
    stdin().read_to_string(&mut body).expect("a body");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("its address");
        println!("http://{address}/msi/token");
        stdout().flush().expect("a reader");
        let headers = [
            (CONTENT_TYPE, "application/json; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
        ];
        let respond = move || std::future::ready((headers.clone(), body.clone()));
        let router = Router::new().route("/msi/token", get(respond));
        let _ = axum::serve(listener, router).await;
    });
}
