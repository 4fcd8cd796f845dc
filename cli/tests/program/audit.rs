use crate::support::{Azure, ended, run};
use cross_tenant_identity_emulator::{
    Endpoint, Fault, FederatedCredential, ManagedIdentity, Times,
};
use serde_json::Value;
use std::{process::Command, time::Duration};

/// The messages of a side that have this level, with the commands.
fn told(audit: &Value, side: &str, level: &str) -> String {
    let findings = audit[side]["findings"].as_array().unwrap();
    let of_level = findings.iter().filter(|finding| finding["level"] == level);
    of_level.map(|finding| format!("{finding}\n")).collect()
}

fn audit(azure: &Azure, code: i32) -> Value {
    let mut command = azure.command_with_settings(&["audit", "--json"]);
    ended(&mut command).without_secrets().expect(code).json()
}

#[test]
fn a_set_up_that_is_right_has_nothing_wrong_on_either_side() {
    let audit = run(&["audit", "--emulator"]).without_secrets().expect(0);
    for text in [
        "it trusts this identity",
        "it is multi-tenant",
        "0 wrong, 0 to look at, 0 not read",
    ] {
        assert!(audit.stdout.contains(text), "{}", audit.stdout);
    }
}

#[test]
fn the_field_that_keeps_the_trust_away_is_named_with_the_command() {
    for (step, field, how) in [
        ("issuer-without-slash", "issuer", "slash"),
        ("matching-issuer", "issuer", "another"),
        ("principal-id-as-subject", "subject", "client id"),
        ("subject-in-same-case", "subject", "case"),
        ("matching-audience", "audience", "cloud"),
        ("audience-as-uri", "audience", "app id"),
    ] {
        let arguments = ["audit", "--emulator", "--json", "--without", step];
        let audit = run(&arguments).without_secrets().expect(1).json();
        let wrong = told(&audit, "home", "wrong");
        assert!(
            wrong.contains(field) && wrong.contains(how),
            "{step}: {wrong}"
        );
        assert!(
            wrong.contains("az ad app federated-credential update"),
            "{wrong}"
        );
    }
}

#[test]
fn other_mistakes_of_both_sides_are_told() {
    for (step, side, text) in [
        ("multi-tenant", "home", "az ad app update"),
        ("home-registration", "home", "no such app"),
        (
            "federated-credential",
            "home",
            "federated-credential create",
        ),
        ("matching-subject", "home", "none of the app's"),
        ("service-principal", "target", "az ad sp create"),
        ("enabled-app", "target", "accountEnabled"),
        ("host-identity", "home", "Identity not found"),
    ] {
        let arguments = ["audit", "--emulator", "--json", "--without", step];
        let audit = run(&arguments).without_secrets().expect(1).json();
        let wrong = told(&audit, side, "wrong");
        assert!(wrong.contains(text), "{step}: {wrong}");
    }
    let home = run(&["audit", "--emulator", "--without", "home-service-principal"]).expect(0);
    assert!(
        home.stdout.contains("it gets no token of its own tenant"),
        "{}",
        home.stdout
    );
}

#[test]
fn secrets_unused_credentials_and_a_nearly_full_app_are_told() {
    let azure = Azure::start();
    let app = &azure.scenario.client_id;
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    azure
        .emulator
        .add_client_secret(app, "left \u{1b}[31mover", year)
        .unwrap();
    azure.emulator.add_certificate(app, "old", year).unwrap();
    for at in 0..17 {
        let other = ManagedIdentity::user_assigned(&azure.scenario.home_tenant_id, "other");
        let credential = FederatedCredential {
            name: format!("other-{at}"),
            ..FederatedCredential::trusting(&other)
        };
        azure
            .emulator
            .add_federated_credential(app, credential)
            .unwrap();
    }
    let warnings = told(&audit(&azure, 0), "home", "warning");
    for text in [
        "client secret",
        "certificate",
        "az ad app credential delete",
        "for another identity",
        "18 of at most 20",
    ] {
        assert!(warnings.contains(text), "{text}: {warnings}");
    }
    let text = ended(&mut azure.command_with_settings(&["audit"]))
        .expect(0)
        .stdout;
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn what_can_be_read_is_told_where_one_side_refuses() {
    let azure = Azure::start();
    let scenario = &azure.scenario;
    azure
        .emulator
        .remove_graph_permissions(&scenario.identity_principal_id);
    let principal = scenario.target_service_principal_id.as_deref().unwrap();
    let home_refuses = audit(&azure, 1);
    assert!(told(&home_refuses, "home", "not_read").contains("Application.Read.All"));
    assert!(told(&home_refuses, "target", "ok").contains(principal));
    azure.emulator.remove_graph_permissions(principal);
    let both_refuse = audit(&azure, 1);
    assert!(told(&both_refuse, "target", "not_read").contains("Insufficient privileges"));
    assert!(told(&both_refuse, "target", "ok").contains("gives the app a token"));
    for (side, principal) in [
        ("home", &*scenario.identity_principal_id),
        ("target", principal),
    ] {
        grants(&both_refuse, side, principal);
    }
}

/// The commands grant Application.Read.All to this principal.
fn grants(audit: &Value, side: &str, principal: &str) {
    let findings = audit[side]["findings"].as_array().unwrap();
    let unread = findings.iter().find(|it| it["level"] == "not_read");
    let unread = unread.unwrap();
    assert_eq!(unread["who"], format!("{side}_administrator"));
    let commands: Vec<_> = unread["commands"].as_array().unwrap().iter().collect();
    assert_eq!(commands.len(), 2, "{unread}");
    if !cfg!(unix) {
        return;
    }
    // In the place of the Azure CLI: the id of Microsoft Graph's service principal, or the last argument.
    let az = r#"az() { if [ "$1" = ad ]; then echo GRAPH; else printf %s "${!#}"; fi; }; "#;
    let script = format!("{az}{}", commands[1].as_str().unwrap());
    let out = Command::new("bash").args(["-c", &script]).output().unwrap();
    let body: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(body["principalId"], principal);
    assert_eq!(body["resourceId"], "GRAPH");
    assert_eq!(body["appRoleId"], "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30");
}

#[test]
fn what_the_home_tenant_has_to_do_is_told_though_its_directory_cannot_be_read() {
    let azure = Azure::start();
    let scenario = &azure.scenario;
    let principal = &scenario.identity_principal_id;
    azure.emulator.remove_graph_permissions(principal);
    let app = &scenario.client_id;
    azure
        .emulator
        .remove_federated_credential(app, "umi-multi-tenant-example")
        .unwrap();
    let audit = audit(&azure, 1);
    let wrong = told(&audit, "target", "wrong");
    assert!(wrong.contains("home_administrator"), "{wrong}");
    assert!(wrong.contains("federated-credential create"), "{wrong}");
}

#[test]
fn a_web_page_in_place_of_graph_is_told() {
    let azure = Azure::start();
    azure
        .emulator
        .set_fault(Endpoint::Graph, Fault::Html, Times::UntilCleared);
    let audit = audit(&azure, 1);
    assert!(told(&audit, "target", "not_read").contains("a proxy may have answered"));
}
