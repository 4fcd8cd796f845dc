//! An endpoint of this program is never the host of another one, or of itself.

use crate::{
    client::{self, RESOURCE},
    serve::running::{REPORTS, Serve, both, client_of, command},
    support::{Azure, Ended, ended},
};
use cross_tenant_identity_emulator::Endpoint as Of;
use std::net::TcpListener;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cross-tenant-identity");

fn in_exec(azure: &Azure, inner: &[&str]) -> Ended {
    let outer = ["exec", "--", "/usr/bin/env"];
    // The settings are not passed on: the inner one has its own.
    let settings = [
        format!(
            "CROSS_TENANT_TARGET_TENANT_ID={}",
            azure.scenario.target_tenant_id
        ),
        format!("CROSS_TENANT_CLIENT_ID={}", azure.scenario.client_id),
        format!(
            "CROSS_TENANT_IDENTITY_CLIENT_ID={}",
            azure.scenario.identity_client_id
        ),
        format!(
            "CROSS_TENANT_HOST={}",
            inner.first().copied().unwrap_or_default()
        ),
        format!(
            "AZURE_POD_IDENTITY_AUTHORITY_HOST={}",
            azure.emulator.imds_url()
        ),
    ];
    let settings: Vec<_> = settings
        .iter()
        .filter(|it| !it.ends_with('='))
        .map(String::as_str)
        .collect();
    let arguments = [&outer, &settings[..], &[PROGRAM], &inner[1..]].concat();
    ended(&mut azure.command_with_settings(&arguments))
}

#[cfg(unix)]
#[test]
fn a_command_inside_of_exec_is_told_that_it_has_no_managed_identity_there() {
    let azure = Azure::start();
    let path = azure.file("assertion", "");
    for inner in [
        &["", "exec", "--", "/bin/echo", "started"][..],
        &["app-service", "exec", "--", "/bin/echo", "started"],
        &[
            "",
            "exec",
            "--protocol",
            "workload-identity",
            "--",
            "/bin/echo",
            "started",
        ],
        &["", "write-assertion", "--once", "--path", &path],
        &[
            "",
            "token",
            "--scope",
            "https://management.azure.com/.default",
        ],
        &["", "doctor"],
        &["", "exec-credential"],
    ] {
        let ended = in_exec(&azure, inner).expect(2).without_secrets();
        assert!(
            ended
                .stderr
                .contains("is that of a cross-tenant-identity exec"),
            "{inner:?}: {}",
            ended.stderr
        );
        assert!(!ended.stdout.contains("started"), "{}", ended.stdout);
    }
    assert_eq!(azure.emulator.requests().len(), 0);
    // Unless the host is named. Then the environment is not asked.
    let inner = ["imds", "exec", "--", PROGRAM, "claims", "--help"];
    in_exec(&azure, &inner).expect(0);
    let inner = [
        "imds",
        "token",
        "--scope",
        "https://management.azure.com/.default",
    ];
    let ended = in_exec(&azure, &inner).expect(0);
    assert!(
        ended.stdout.contains(&azure.scenario.target_tenant_id),
        "{}",
        ended.stdout
    );
}

/// On App Service, the host has the same two variables that the command gets.
#[test]
fn the_managed_identity_of_the_host_is_asked_and_not_the_endpoint_itself() {
    let azure = Azure::start();
    let client = client::program("one_request");
    let client = client.iter().map(String::as_str);
    let arguments: Vec<_> = ["exec", "--"].into_iter().chain(client).collect();
    let mut command = azure.command_with_settings(&arguments);
    command
        .env_remove("AZURE_POD_IDENTITY_AUTHORITY_HOST")
        .env("IDENTITY_ENDPOINT", azure.emulator.identity_endpoint())
        .env("IDENTITY_HEADER", azure.emulator.identity_header());
    ended(&mut command).expect(0).without_secrets();
    assert_eq!(azure.emulator.requests_to(Of::AppService).len(), 1);
    assert_eq!(azure.emulator.requests_to(Of::Imds).len(), 0);
}

#[test]
fn serve_does_not_start_if_a_variable_names_its_own_address() {
    let azure = Azure::start();
    // A port that is free, most probably.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let clients = client_of(
        "reports",
        REPORTS,
        &azure.scenario.target_tenant_id,
        RESOURCE,
    );
    let config = format!("listen = \"127.0.0.1:{port}\"\n{clients}");
    for (name, value) in [
        (
            "IDENTITY_ENDPOINT",
            format!("http://127.0.0.1:{port}/msi/token"),
        ),
        ("IDENTITY_ENDPOINT", format!("https://localhost:{port}")),
        (
            "IDENTITY_ENDPOINT",
            format!("https://127.0.0.1:{port}/msi/token"),
        ),
        ("MSI_ENDPOINT", format!("http://127.0.0.1:{port}/")),
        (
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
            format!("http://127.0.0.1:{port}"),
        ),
        (
            "CROSS_TENANT_IMDS_ENDPOINT",
            format!("http://127.0.0.1:{port}"),
        ),
    ] {
        let mut command = command(&azure, &config);
        command
            .env("IDENTITY_HEADER", REPORTS)
            .env("MSI_SECRET", REPORTS)
            .env(name, &value);
        let ended = ended(&mut command).expect(2);
        assert!(
            ended.stderr.contains("where this endpoint itself listens"),
            "{name}={value}: {}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("\"ready\""), "{}", ended.stderr);
        assert!(!ended.stderr.contains(REPORTS), "{}", ended.stderr);
    }
    assert_eq!(azure.emulator.requests().len(), 0);
}

#[test]
fn serve_does_not_start_if_its_host_is_another_one() {
    let azure = Azure::start();
    let first = Serve::start(&azure, &both(&azure));
    let mut second = command(&azure, &both(&azure));
    second
        .env("IDENTITY_ENDPOINT", &first.endpoint.url)
        .env("IDENTITY_HEADER", REPORTS);
    let ended = ended(&mut second).expect(2);
    assert!(ended.stderr.contains("AADSTS700231"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("\"ready\""), "{}", ended.stderr);
}
