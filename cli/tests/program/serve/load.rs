//! Many clients at once, while Azure is down and while the process ends.

use super::running::{REPORTS, Serve, both, client_of};
use crate::{
    client::{self, RESOURCE},
    support::Azure,
};
use cross_tenant_identity_emulator::{Endpoint, Fault, Times};
use std::{
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// The token for it is not fetched at the start.
const VAULT: &str = "https://vault.azure.net";

#[test]
fn sixty_processes_at_once_are_one_identity_request_and_one_token_request() {
    let azure = Azure::start();
    let tenant = &azure.scenario.target_tenant_id;
    let resources = format!("{RESOURCE}\", \"{VAULT}");
    let client = client_of("reports", REPORTS, tenant, &resources);
    let serve = Serve::start(&azure, &format!("listen = \"127.0.0.1:0\"\n{client}"));
    // The token for the first resource is there from the start, that for the second one is not.
    for (resource, tokens) in [(RESOURCE, 1), (VAULT, 2)] {
        let start = |_| {
            let mut command = client::command("one_request", &serve.endpoint);
            command.env("CLIENT_RESOURCE", resource);
            command.stdout(Stdio::null()).spawn().unwrap()
        };
        let mut processes: Vec<_> = (0..60).map(start).collect();
        for process in &mut processes {
            assert!(process.wait().unwrap().success());
        }
        assert_eq!(azure.emulator.requests_to(Endpoint::Imds).len(), 1);
        assert_eq!(azure.emulator.requests_to(Endpoint::Token).len(), tokens);
    }
}

#[test]
fn nobody_fails_while_azure_is_down_and_a_token_is_valid() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let token = serve.endpoint.token(RESOURCE).unwrap();
    for of in [Endpoint::Imds, Endpoint::Token] {
        azure
            .emulator
            .set_fault(of, Fault::Reset, Times::UntilCleared);
    }
    // Something is to be fetched meanwhile, and cannot be.
    let before = azure.emulator.requests_to(Endpoint::Token).len();
    let rejected = serve.endpoint.reject(&token).unwrap();
    while azure.emulator.requests_to(Endpoint::Token).len() == before {
        assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
    }
    for _ in 0..100 {
        assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
    }
    drop(rejected);
    assert_eq!(serve.endpoint.get("/readyz").unwrap().status, 200);
}

#[test]
fn a_client_that_is_killed_does_not_disturb_the_others() {
    let azure = Azure::start();
    let config = both(&azure).replace(RESOURCE, &format!("{RESOURCE}\", \"{VAULT}"));
    let serve = Serve::start(&azure, &config);
    let before = azure.emulator.requests_to(Endpoint::Token).len();
    azure
        .emulator
        .set_fault(Endpoint::Token, Fault::Silence, Times::UntilCleared);
    let mut killed = client::command("one_request", &serve.endpoint);
    let mut killed = killed
        .env("CLIENT_RESOURCE", VAULT)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It waits for a token that does not come.
    while azure.emulator.requests_to(Endpoint::Token).len() == before {
        thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
}

#[cfg(unix)]
#[test]
fn it_ends_under_load_and_whoever_was_answered_has_a_token() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let endpoint = serve.endpoint.clone();
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Ok(response) = endpoint.token(RESOURCE) {
                    assert_eq!(response.status, 200);
                    assert!(response.json()["access_token"].is_string());
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while answered.load(Ordering::Relaxed) < 100 {
            thread::yield_now();
        }
        serve.end();
    });
}

#[cfg(unix)]
#[test]
fn it_ends_when_whoever_waits_for_a_token_has_it() {
    let azure = Azure::start();
    let config = both(&azure).replace(RESOURCE, &format!("{RESOURCE}\", \"{VAULT}"));
    let mut serve = Serve::start(&azure, &config);
    let (arrived, arrival) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    azure.emulator.on_request(move |request| {
        if request.endpoint == Endpoint::Token {
            arrived.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
        }
    });
    let endpoint = serve.endpoint.clone();
    let waiting = thread::spawn(move || endpoint.token(VAULT).unwrap());
    arrival.recv().unwrap();
    serve.signal(rustix::process::Signal::TERM);
    serve.logged("stopping");
    // The port is closed then, or is in a moment, and whoever waits is still waiting.
    while serve.endpoint.token(RESOURCE).is_ok() {}
    release.send(()).unwrap();
    let response = waiting.join().unwrap();
    assert_eq!(response.status, 200, "{}", response.body);
    serve.end();
}
