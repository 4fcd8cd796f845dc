//! `write-assertion` and `exec-credential`.

use crate::{
    client::{self, tenant},
    support::{Azure, ended},
};
use std::{fs, process::Command};

#[test]
fn the_assertion_is_in_a_file_that_only_its_user_reads() {
    let azure = Azure::start();
    let path = azure.file("assertion", "old");
    let arguments = ["write-assertion", "--once", "--path", &path];
    ended(&mut azure.command_with_settings(&arguments))
        .expect(0)
        .without_secrets();
    let assertion = fs::read_to_string(&path).unwrap();
    assert_eq!(tenant(&assertion), azure.scenario.home_tenant_id);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    // The file that takes its place until then is gone.
    assert_eq!(fs::read_dir(azure.folder.path()).unwrap().count(), 2);
}

#[test]
fn an_unmodified_program_reaches_the_target_tenant_with_the_file() {
    let azure = Azure::start();
    let path = azure.file("assertion", "");
    let arguments = ["write-assertion", "--once", "--path", &path];
    ended(&mut azure.command_with_settings(&arguments)).expect(0);
    let program = client::program("azure_identity");
    let mut command = Command::new(&program[0]);
    command
        .args(&program[1..])
        .env("AZURE_FEDERATED_TOKEN_FILE", &path)
        .env("AZURE_TENANT_ID", &azure.scenario.target_tenant_id)
        .env("AZURE_CLIENT_ID", &azure.scenario.client_id)
        .env("AZURE_AUTHORITY_HOST", azure.emulator.https_url())
        .env("ARM_ENDPOINT", azure.emulator.https_url())
        .env(
            "TARGET_SUBSCRIPTION_ID",
            &azure.scenario.target_subscription_id,
        )
        .env("SSL_CERT_FILE", azure.folder.path().join("ca.pem"));
    let ended = ended(&mut command).expect(0);
    assert!(
        ended.stdout.contains("listed=[\"NetworkWatcherRG\"]"),
        "{}",
        ended.stdout
    );
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    let azure = Azure::start();
    let (link, pipe) = (azure.path("link"), azure.path("pipe"));
    // As /dev/stdout is one.
    std::os::unix::fs::symlink(azure.file("other", "other"), &link).unwrap();
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for path in [&link, &pipe] {
        let before = fs::symlink_metadata(path).unwrap().file_type();
        let arguments = ["write-assertion", "--once", "--path", path];
        let ended = ended(&mut azure.command_with_settings(&arguments)).expect(1);
        assert!(ended.stderr.contains("give the path of a file"));
        let after = fs::symlink_metadata(path).unwrap().file_type();
        assert_eq!(before, after, "{path}");
    }
    assert_eq!(fs::read_to_string(&link).unwrap(), "other");
}

#[test]
fn a_file_that_cannot_be_written_is_told() {
    let azure = Azure::start();
    let arguments = [
        "write-assertion",
        "--once",
        "--path",
        "/no/such/folder/file",
    ];
    let ended = ended(&mut azure.command_with_settings(&arguments)).expect(1);
    assert!(
        ended.stderr.contains("cannot write /no/such/folder/file"),
        "{}",
        ended.stderr
    );
}

#[test]
fn kubectl_reads_a_token_of_the_target_tenant() {
    let azure = Azure::start();
    // The emulator does not know the app of AKS.
    let arguments = [
        "exec-credential",
        "--server-id",
        "https://management.azure.com",
    ];
    let credential = ended(&mut azure.command_with_settings(&arguments))
        .expect(0)
        .json();
    assert_eq!(credential["apiVersion"], "client.authentication.k8s.io/v1");
    assert_eq!(credential["kind"], "ExecCredential");
    let token = credential["status"]["token"].as_str().unwrap();
    assert_eq!(tenant(token), azure.scenario.target_tenant_id);
    let expires = credential["status"]["expirationTimestamp"]
        .as_str()
        .unwrap();
    assert!(expires.ends_with('Z'), "{expires}");
}
