use crate::support::{Ended, command, ended, run, run_with_input};
use std::process::Command;

const HOME: &str = "11111111-2222-4333-8444-555555555551";
const TARGET: &str = "11111111-2222-4333-8444-555555555552";
const APP: &str = "11111111-2222-4333-8444-555555555553";
const SCOPE: &str = "/subscriptions/11111111-2222-4333-8444-555555555554/resourceGroups/logs";

fn home(format: &str, more: &[&str]) -> Ended {
    let filled = [
        "--home-tenant-id",
        HOME,
        "--target-tenant-id",
        TARGET,
        "--resource-group",
        "service",
    ];
    run(&[&["setup", "home", "--format", format][..], &filled, more].concat()).without_secrets()
}

fn target(format: &str, more: &[&str]) -> Ended {
    let filled = [
        "--target-tenant-id",
        TARGET,
        "--client-id",
        APP,
        "--scope",
        SCOPE,
    ];
    run(&[&["setup", "target", "--format", format][..], &filled, more].concat()).without_secrets()
}

fn has(ended: &Ended, texts: &[&str]) {
    for text in texts {
        assert!(ended.stdout.contains(text), "{text}: {}", ended.stdout);
    }
}

#[test]
fn the_scripts_for_bash_are_valid_and_have_the_ids() {
    let home = home("azure-cli", &["--vm", "machine", "--app-name", "My App"]).expect(0);
    has(
        &home,
        &[
            &format!("tenant='{HOME}' group='service' vm='machine'"),
            "app_name='My App'",
        ],
    );
    has(&home, &[&format!("CROSS_TENANT_TARGET_TENANT_ID={TARGET}")]);
    let target = target("azure-cli", &["--role", "Storage Blob Data Reader"]).expect(0);
    has(
        &target,
        &[&format!("tenant='{TARGET}' app='{APP}' scope='{SCOPE}'")],
    );
    has(&target, &["role='Storage Blob Data Reader'"]);
    for script in [&home, &target] {
        assert_eq!(script.stderr, "");
        if cfg!(unix) {
            let checked = Command::new("bash")
                .args(["-n", "-c", &script.stdout])
                .output()
                .unwrap();
            assert!(checked.status.success(), "{checked:?}");
        }
    }
}

#[test]
fn the_other_formats_have_the_ids() {
    let more = ["--client-id", APP];
    let tenant = format!("[guid] $Tenant = '{HOME}',");
    has(
        &home("powershell", &more).expect(0),
        &[&tenant, &format!("[guid] $AppId = '{APP}'")],
    );
    let bicep = home("bicep", &["--identity-name", "reader-1"]).expect(0);
    has(&bicep, &[HOME, "param identityName string = 'reader-1'"]);
    let cloud = [
        "--subscription-id",
        APP,
        "--authority-host",
        "https://login.microsoftonline.us",
    ];
    let terraform = home("terraform", &cloud).expect(0);
    has(
        &terraform,
        &[
            &format!("default     = \"{APP}\""),
            "default     = \"service\"",
        ],
    );
    has(
        &terraform,
        &[
            "\"https://login.microsoftonline.us\"",
            "\"api://AzureADTokenExchangeUSGov\"",
        ],
    );
    has(
        &target("powershell", &[]).expect(0),
        &[&format!("[string] $Scope = '{SCOPE}',")],
    );
    let http = target("http", &["--role-assignment-id", HOME]).expect(0);
    has(
        &http,
        &[
            &format!("@home_client_id = {APP}"),
            &format!("@scope = {SCOPE}"),
        ],
    );
    has(
        &http,
        &["@target_subscription_id = 11111111-2222-4333-8444-555555555554"],
    );
    assert_eq!(http.stderr, "");
}

#[test]
fn what_is_not_known_is_named_and_variables_are_read() {
    let open = run(&["setup", "target"]).expect(0);
    for flag in ["--target-tenant-id", "--client-id", "--scope"] {
        assert!(open.stderr.contains(flag), "{}", open.stderr);
    }
    let mut command = command(&["setup", "target"]);
    let with = ended(command.env("CROSS_TENANT_CLIENT_ID", APP)).expect(0);
    has(&with, &[&format!("app='{APP}'")]);
    assert!(!with.stderr.contains("--client-id"), "{}", with.stderr);
    assert!(
        run_with_input(&["setup", "home"], b"")
            .stderr
            .contains("--home-tenant-id")
    );
}

#[test]
fn a_value_that_makes_no_sense_gets_into_no_script() {
    for arguments in [
        &["setup"][..],
        &["setup", "home", "--format", "http"],
        &["setup", "target", "--format", "bicep"],
        &["setup", "home", "--resource-group", "x'; id #"],
        &["setup", "home", "--home-tenant-id", "contoso"],
        &["setup", "home", "--format", "bicep-config", "--vm", "x"],
        &["setup", "target", "--client-id", "$(id)"],
        &["setup", "target", "--target-tenant-id", "litware.example"],
        &["setup", "target", "--scope", "/"],
        &["setup", "target", "--role-id", APP],
    ] {
        let ended = run(arguments).expect(2);
        assert!(
            ended.stdout.is_empty() && !ended.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}
