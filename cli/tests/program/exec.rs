//! `exec`: a command that gets tokens of the target tenant.

use crate::{
    client,
    support::{Azure, Ended, ended},
};
use cross_tenant_identity_emulator::Endpoint;

fn exec(azure: &Azure, options: &[&str], client: &str) -> Ended {
    let client = client::program(client);
    let client = client.iter().map(String::as_str);
    let arguments = [&["exec"], options, &["--"]].concat();
    let arguments: Vec<_> = arguments.into_iter().chain(client).collect();
    let mut command = azure.command_with_settings(&arguments);
    let subscription = &azure.scenario.target_subscription_id;
    // What a host or a user may have set for other credentials.
    command
        .env("AZURE_CLIENT_SECRET", "not for the command")
        .env("AZURE_CLIENT_ID", "another")
        .env("TARGET_SUBSCRIPTION_ID", subscription)
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("http_proxy", "http://127.0.0.1:9");
    ended(&mut command)
}

#[test]
fn an_unmodified_program_with_azure_identity_lists_what_the_target_tenant_lets_it_see() {
    let azure = Azure::start();
    for protocol in ["app-service", "workload-identity"] {
        let ended = exec(&azure, &["--protocol", protocol], "azure_identity")
            .expect(0)
            .without_secrets();
        assert!(
            ended.stdout.contains("listed=[\"NetworkWatcherRG\"]"),
            "{protocol}: {}\n{}",
            ended.stdout,
            ended.stderr
        );
    }
}

#[test]
fn a_program_reads_our_diagnosis_in_the_error_of_its_own_sdk() {
    let azure = Azure::start();
    let principal = &azure.scenario;
    azure
        .emulator
        .set_service_principal_enabled(&principal.target_tenant_id, &principal.client_id, false)
        .unwrap();
    let ended = exec(&azure, &[], "azure_identity")
        .expect(0)
        .without_secrets();
    for told in ["refused=", "AADSTS7000112", "Who has to act"] {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.stdout);
    }
}

#[test]
fn sixty_requests_at_once_are_one_identity_request_and_one_token_request() {
    let azure = Azure::start();
    exec(&azure, &[], "sixty_requests_at_once").expect(0);
    assert_eq!(azure.emulator.requests_to(Endpoint::Imds).len(), 1);
    assert_eq!(azure.emulator.requests_to(Endpoint::Token).len(), 1);
}

#[test]
fn a_resource_that_was_not_named_is_refused() {
    let azure = Azure::start();
    let options = ["--resource", "https://storage.azure.com"];
    let ended = exec(&azure, &options, "azure_identity").expect(0);
    assert!(
        ended.stdout.contains("may not get tokens"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("forbidden"), "{}", ended.stderr);
    assert_eq!(azure.emulator.requests().len(), 0);
}

#[test]
fn the_command_gets_no_other_identity_and_no_setting_of_ours() {
    let azure = Azure::start();
    let ended = exec(&azure, &[], "environment").expect(0);
    let has = |name: &str| ended.stdout.lines().any(|it| it.starts_with(name));
    for name in [
        "IDENTITY_ENDPOINT=http://127.0.0.1:",
        "IDENTITY_HEADER=",
        "NO_PROXY=localhost,127.0.0.1",
    ] {
        assert!(has(name), "{name}");
    }
    for name in [
        "CROSS_TENANT_",
        "AZURE_CLIENT_",
        "AZURE_POD_IDENTITY_",
        "IMDS_ENDPOINT",
        "MSI_",
    ] {
        assert!(!has(name), "{name}");
    }
}

#[test]
fn workload_identity_gets_a_file_with_the_assertion_that_goes_with_the_command() {
    let azure = Azure::start();
    let ended = exec(&azure, &["--protocol", "workload-identity"], "environment").expect(0);
    let value = |name: &str| {
        let mut lines = ended.stdout.lines();
        lines
            .find_map(|it| it.strip_prefix(name))
            .unwrap_or_default()
    };
    let file = value("AZURE_FEDERATED_TOKEN_FILE=");
    assert!(
        !file.is_empty() && !std::path::Path::new(file).exists(),
        "{file:?}"
    );
    assert_eq!(value("AZURE_TENANT_ID="), azure.scenario.target_tenant_id);
    assert_eq!(value("AZURE_CLIENT_ID="), azure.scenario.client_id);
    assert_eq!(value("AZURE_AUTHORITY_HOST="), azure.emulator.https_url());
    assert!(!ended.stdout.contains("IDENTITY_HEADER="));
}

#[test]
fn a_command_that_does_not_exist_is_told_before_anything_starts() {
    let azure = Azure::start();
    for command in ["no-such-command", "/no/such/command"] {
        let mut command = azure.command_with_settings(&["exec", "--", command]);
        let ended = ended(&mut command).expect(2);
        assert!(
            ended.stderr.contains("there is no command"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(azure.emulator.requests().len(), 0);
}
