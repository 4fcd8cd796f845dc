//! SIGHUP reads the configuration again.

use super::running::{BACKUP, REPORTS, Serve, both, client_of, under_load};
use crate::{client::RESOURCE, support::Azure};
use cross_tenant_identity_emulator::Endpoint;
use std::process::Command;

#[test]
fn the_file_is_read_again_under_load_and_no_token_is_dropped() {
    let azure = Azure::start();
    let tenant = &azure.scenario.target_tenant_id;
    let one = format!(
        "listen = \"127.0.0.1:0\"\n{}",
        client_of("reports", REPORTS, tenant, RESOURCE)
    );
    let mut serve = Serve::start(&azure, &one);
    let endpoint = serve.endpoint.clone();
    let backup = serve.as_backup();
    under_load(&endpoint, || {
        assert_eq!(backup.token(RESOURCE).unwrap().status, 401);
        let two = format!("{one}{}", client_of("backup", BACKUP, tenant, RESOURCE));
        azure.file("serve.toml", &two);
        serve.signal(rustix::process::Signal::HUP);
        assert_eq!(serve.logged("read the file again")["without_tokens"], "");
        assert_eq!(backup.token(RESOURCE).unwrap().status, 200);
        // What is wrong changes nothing.
        azure.file("serve.toml", "clients = []");
        serve.signal(rustix::process::Signal::HUP);
        let logged = serve.logged("stay as they were");
        assert!(logged["why"].as_str().unwrap().contains("no clients"));
        assert_eq!(backup.token(RESOURCE).unwrap().status, 200);
    });
    assert_eq!(azure.emulator.requests_to(Endpoint::Token).len(), 1);
    serve.end();
}

#[test]
fn a_pipe_or_a_folder_in_place_of_the_file_changes_nothing() {
    let azure = Azure::start();
    let mut serve = Serve::start(&azure, &both(&azure));
    let path = azure.path("serve.toml");
    for make in ["mkfifo", "mkdir"] {
        std::fs::remove_file(&path).unwrap();
        let made = Command::new(make).arg(&path).status();
        assert!(made.unwrap().success());
        serve.signal(rustix::process::Signal::HUP);
        let logged = serve.logged("stay as they were");
        assert!(logged["why"].as_str().unwrap().contains("is no file"));
        assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
    }
    serve.end();
}
