//! Many clients at once, while Azure is down and while the process ends.

use super::running::{REPORTS, Serve, both, client_of};
use crate::{
    client::{self, RESOURCE},
    support::Azure,
};
use cross_tenant_identity_emulator::{Endpoint, Fault, Times};
use std::{
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

#[test]
fn sixty_processes_at_once_are_one_identity_request_and_one_token_request() {
    let azure = Azure::start();
    let config = format!(
        "listen = \"127.0.0.1:0\"\n{}",
        client_of(
            "reports",
            REPORTS,
            &azure.scenario.target_tenant_id,
            RESOURCE
        )
    );
    let serve = Serve::start(&azure, &config);
    let start = |_| {
        let mut command = client::command("one_request", &serve.endpoint);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let mut processes: Vec<_> = (0..60).map(start).collect();
    for process in &mut processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(azure.emulator.requests_to(Endpoint::Imds).len(), 1);
    assert_eq!(azure.emulator.requests_to(Endpoint::Token).len(), 1);
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
    let config = both(&azure).replace(
        RESOURCE,
        &format!("{RESOURCE}\", \"https://vault.azure.net"),
    );
    let serve = Serve::start(&azure, &config);
    let before = azure.emulator.requests_to(Endpoint::Token).len();
    azure
        .emulator
        .set_fault(Endpoint::Token, Fault::Silence, Times::UntilCleared);
    let mut killed = client::command("one_request", &serve.endpoint);
    let mut killed = killed
        .env("CLIENT_RESOURCE", "https://vault.azure.net")
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
