use crate::support::{ARM, Azure, command, ended, run};

/// A tenant that the emulator does not have.
const NO_TENANT: &str = "0e0a0e00-0000-4000-8000-00000000000e";

const TOKEN: [&str; 4] = ["token", "--scope", ARM, "--json"];

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let azure = Azure::start();
    let scenario = &azure.scenario;
    let (tenant, app) = (
        scenario.target_tenant_id.as_str(),
        scenario.client_id.as_str(),
    );
    let file = |tenant: &str| {
        let text = format!(
            "target_tenant_id = \"{tenant}\"\nclient_id = \"{app}\"\nidentity_client_id = \"{}\"\n",
            scenario.identity_client_id
        );
        azure.file("settings.toml", &text)
    };
    // Each layer alone brings a token, and the one above it decides.
    for (in_file, variable, flag, code) in [
        (tenant, None, None, 0),
        (NO_TENANT, None, None, 1),
        (NO_TENANT, Some(tenant), None, 0),
        (tenant, Some(NO_TENANT), None, 1),
        (NO_TENANT, Some(NO_TENANT), Some(tenant), 0),
        (tenant, Some(tenant), Some(NO_TENANT), 1),
    ] {
        let path = file(in_file);
        let mut command = azure.command(&TOKEN);
        command.args(["--config", &path]);
        if let Some(variable) = variable {
            command.env("CROSS_TENANT_TARGET_TENANT_ID", variable);
        }
        if let Some(flag) = flag {
            command.args(["--target-tenant-id", flag]);
        }
        ended(&mut command).without_secrets().expect(code);
    }
}

#[test]
fn each_format_of_a_file_is_read() {
    let azure = Azure::start();
    let scenario = &azure.scenario;
    let (tenant, app, identity) = (
        &scenario.target_tenant_id,
        &scenario.client_id,
        &scenario.identity_client_id,
    );
    for (name, text) in [
        (
            "s.toml",
            format!(
                "target_tenant_id='{tenant}'\nclient_id='{app}'\nidentity_client_id='{identity}'\n"
            ),
        ),
        (
            "s.json",
            format!(
                r#"{{"target_tenant_id":"{tenant}","client_id":"{app}","identity_client_id":"{identity}"}}"#
            ),
        ),
        (
            "s.yaml",
            format!(
                "target_tenant_id: {tenant}\nclient_id: {app}\nidentity_client_id: {identity}\n"
            ),
        ),
    ] {
        let path = azure.file(name, &text);
        let mut command = azure.command(&TOKEN);
        ended(command.args(["--config", &path]))
            .without_secrets()
            .expect(0);
    }
}

#[test]
fn a_wrong_file_is_told_by_its_name_and_what_to_do() {
    let azure = Azure::start();
    for (name, text, told) in [
        (
            "a.toml",
            "target_tennant_id = 'x'\n",
            "use target_tenant_id",
        ),
        ("b.yaml", "tenantId: x\n", "use target_tenant_id"),
        (
            "c.json",
            "{\"client_secret_value\": \"hidden\"}",
            "leave it out",
        ),
        ("d.json", "{", "line 1"),
        ("e.toml", "client_id = 5\n", "line 1"),
        ("f.toml", "host = 'vm'\n", "imds"),
        ("g.ini", "", ".toml"),
        ("h.yaml", "", "no settings"),
    ] {
        let path = azure.file(name, text);
        let mut command = azure.command(&TOKEN[..3]);
        let ended = ended(command.args(["--config", &path])).expect(2);
        assert!(
            ended.stderr.contains(name) && ended.stderr.contains(told),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
    }
    assert!(azure.emulator.requests().is_empty());
    let none = run(&["doctor", "--config", "/nowhere/settings.toml"]).expect(2);
    assert!(none.stderr.contains("/nowhere/settings.toml"));
}

#[test]
fn half_of_the_settings_and_wrong_ones_are_told() {
    let half = ended(command(&["doctor"]).env("CROSS_TENANT_CLIENT_ID", NO_TENANT)).expect(2);
    assert!(
        half.stderr
            .contains("CROSS_TENANT_TARGET_TENANT_ID is missing"),
        "{}",
        half.stderr
    );
    assert!(!half.stderr.contains("CROSS_TENANT_CLIENT_ID is missing"));
    let none = run(&["doctor"]).expect(2);
    assert!(none.stderr.contains("--emulator"), "{}", none.stderr);
    let unknown = ended(command(&["doctor"]).env("CROSS_TENANT_TENANT_ID", NO_TENANT)).expect(2);
    assert!(unknown.stderr.contains("CROSS_TENANT_TARGET_TENANT_ID"));
    let flags = ["--target-tenant-id", NO_TENANT, "--client-id", "x"];
    let wrong = run(&[&["doctor"][..], &flags].concat()).expect(2);
    assert!(wrong.stderr.contains("client_id"), "{}", wrong.stderr);
    let json = run(&[&["doctor", "--json"][..], &flags].concat())
        .expect(2)
        .json();
    assert!(
        json["error"]["message"]
            .as_str()
            .unwrap()
            .contains("client_id")
    );
}

#[test]
fn the_environment_does_not_lead_the_emulator_elsewhere() {
    let mut command = command(&["token", "--emulator", "--scope", ARM]);
    command
        .env("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us")
        .env("CROSS_TENANT_CLIENT_ID", "nonsense")
        .env("IDENTITY_ENDPOINT", "http://127.0.0.1:1")
        .env("IDENTITY_HEADER", "x");
    ended(&mut command).without_secrets().expect(0);
}
