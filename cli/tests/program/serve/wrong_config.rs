//! A configuration that is wrong.

use super::running::{REPORTS, client_of, command};
use crate::{
    client::RESOURCE,
    support::{Azure, ended},
};

#[test]
fn a_wrong_file_is_told_before_anything_starts() {
    let azure = Azure::start();
    let tenant = &azure.scenario.target_tenant_id;
    let good = client_of("reports", REPORTS, tenant, RESOURCE);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let unknown = "99999999-9999-4999-8999-999999999999";
    for (config, told) in [
        (
            format!("{good}{good}"),
            "two clients have the name \"reports\"",
        ),
        (
            format!("{good}{}", client_of("other", REPORTS, tenant, RESOURCE)),
            "have the same secret",
        ),
        (
            client_of("reports", REPORTS, unknown, RESOURCE),
            "AADSTS90002",
        ),
        (
            client_of("reports", REPORTS, "not a tenant", RESOURCE),
            "not a tenant",
        ),
        (
            client_of("reports", "short", tenant, RESOURCE),
            "less than 32 characters",
        ),
        (
            client_of("reports", REPORTS, tenant, ""),
            "has no resources",
        ),
        (format!("listen = \"{taken}\"\n{good}"), "cannot listen on"),
        (format!("listen = \"0.0.0.0:0\"\n{good}"), "has no TLS"),
        (
            "listen = \"127.0.0.1:0\"\nclients = []".to_owned(),
            "there are no clients",
        ),
        (good.replace("secret =", "sekret ="), "sekret"),
        (
            good.replace(&format!("\"{REPORTS}\""), "1234567890"),
            "a secret is no text",
        ),
        (
            good.replace("secret = ", "secret_file = "),
            "cannot read it",
        ),
    ] {
        let config = match config.contains("listen") {
            true => config,
            false => format!("listen = \"127.0.0.1:0\"\n{config}"),
        };
        let ended = ended(&mut command(&azure, &config)).expect(2);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
        assert!(!ended.stderr.contains("1234567890"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("\"ready\""), "{}", ended.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_secret_that_every_user_can_read_is_refused_or_a_warning() {
    use super::running::Serve;
    use std::{fs, os::unix::fs::PermissionsExt};

    let azure = Azure::start();
    let path = azure.file("reports.secret", REPORTS);
    let set_mode = |path: &str, mode| {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    let tenant = &azure.scenario.target_tenant_id;
    let inside = client_of("reports", REPORTS, tenant, RESOURCE);
    let inside = format!("listen = \"127.0.0.1:0\"\n{inside}");
    let beside = inside.replace(
        &format!("secret = \"{REPORTS}\""),
        &format!("secret_file = \"{path}\""),
    );
    for mode in [0o644, 0o604, 0o660, 0o602] {
        set_mode(&path, mode);
        let ended = ended(&mut command(&azure, &beside)).expect(2);
        let told = format!("its mode is 0{mode:o}");
        assert!(ended.stderr.contains(&told), "{told}: {}", ended.stderr);
    }
    set_mode(&path, 0o640);
    let serve = Serve::start(&azure, &beside);
    assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
    assert!(!serve.end().contains("which has secrets"));

    // In the configuration itself.
    for (mode, is_told) in [(0o644, true), (0o600, false)] {
        let mut command = command(&azure, &inside);
        set_mode(&azure.path("serve.toml"), mode);
        let log = Serve::run(&mut command).end();
        assert_eq!(log.contains("which has secrets"), is_told, "{log}");
    }
}

#[cfg(unix)]
#[test]
fn a_secret_that_is_too_long_or_in_no_file_is_told() {
    let azure = Azure::start();
    let tenant = &azure.scenario.target_tenant_id;
    let long = azure.private_file("long.secret", &"s".repeat(5_000));
    let pipe = azure.path("pipe.secret");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for (path, told) in [
        (long, "more than 4 KiB"),
        (pipe, "is no file"),
        (azure.path(""), "is no file"),
    ] {
        let client = client_of("reports", REPORTS, tenant, RESOURCE).replace(
            &format!("secret = \"{REPORTS}\""),
            &format!("secret_file = \"{path}\""),
        );
        let ended = ended(&mut command(&azure, &client)).expect(2);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
}
