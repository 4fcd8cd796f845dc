//! Signals while the first tokens are fetched.

use super::running::{REPORTS, Serve, client_of, command};
use crate::{client::RESOURCE, support::Azure};
use cross_tenant_identity_emulator::Endpoint;
use rustix::process::Signal;
use std::sync::{
    Mutex,
    mpsc::{self, Sender},
};

/// A `serve` that waits for its first token, until the sender sends or is dropped.
fn starting(azure: &Azure) -> (Serve, String, Sender<()>) {
    let (arrived, arrival) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let released = Mutex::new(released);
    azure.emulator.on_request(move |request| {
        if request.endpoint == Endpoint::Imds {
            let _ = arrived.send(());
            let _ = released.lock().unwrap().recv();
        }
    });
    let tenant = &azure.scenario.target_tenant_id;
    let client = client_of("reports", REPORTS, tenant, RESOURCE);
    let config = format!("listen = \"127.0.0.1:0\"\n{client}");
    let serve = Serve::starting(&mut command(azure, &config));
    arrival.recv().unwrap();
    (serve, config, release)
}

#[test]
fn a_signal_ends_it_before_it_is_ready() {
    for signal in [Signal::TERM, Signal::INT] {
        let azure = Azure::start();
        let (serve, _, _release) = starting(&azure);
        serve.signal(signal);
        let log = serve.end();
        assert!(!log.contains("\"ready\""), "{log}");
    }
}

#[test]
fn a_file_that_changes_meanwhile_is_read_again() {
    let azure = Azure::start();
    let (mut serve, config, release) = starting(&azure);
    azure.file("serve.toml", &config.replace("\"reports\"", "\"renamed\""));
    serve.signal(Signal::HUP);
    release.send(()).unwrap();
    serve.logged("ready");
    serve.logged("read the file again");
    serve.end();
}
