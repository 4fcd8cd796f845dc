use crate::support::{Azure, ended, run};
use cross_tenant_identity_emulator::{Endpoint, Fault, Times};

#[test]
fn the_groups_of_the_target_tenant_are_listed() {
    let azure = Azure::start();
    let subscription = azure.scenario.target_subscription_id.clone();
    for with_subscription in [true, false] {
        let mut command = azure.command_with_settings(&["list-groups", "--json"]);
        if with_subscription {
            command.env("TARGET_SUBSCRIPTION_ID", &subscription);
        }
        let groups = ended(&mut command).without_secrets().expect(0).json();
        assert_eq!(groups.as_array().unwrap().len(), 1);
        assert_eq!(groups[0]["name"], "NetworkWatcherRG");
        assert_eq!(groups[0]["subscription_id"], subscription.as_str());
    }
    let table = run(&["list-groups", "--emulator"])
        .without_secrets()
        .expect(0);
    assert!(table.stdout.starts_with("SUBSCRIPTION"), "{}", table.stdout);
    assert!(table.stdout.contains("northeurope"));
}

#[test]
fn a_refusal_of_the_resource_and_a_web_page_in_its_place_are_told() {
    let refused = run(&["list-groups", "--emulator", "--without", "role"]).without_secrets();
    assert!(
        refused
            .expect(1)
            .stderr
            .contains("az role assignment create")
    );
    let azure = Azure::start();
    azure
        .emulator
        .set_fault(Endpoint::ResourceManager, Fault::Html, Times::UntilCleared);
    let page = ended(&mut azure.command_with_settings(&["list-groups"]))
        .without_secrets()
        .expect(1);
    assert!(
        page.stderr.contains("a proxy may have answered"),
        "{}",
        page.stderr
    );
}

#[test]
fn a_variable_cannot_lead_the_token_to_another_host() {
    let azure = Azure::start();
    let mut command = azure.command_with_settings(&["list-groups"]);
    command.env("ARM_ENDPOINT", "https://example.com");
    let told = ended(&mut command).expect(2);
    assert!(told.stderr.contains("ARM_ENDPOINT"), "{}", told.stderr);
}

#[test]
fn of_200_tenants_three_fail_and_stop_no_other() {
    let ended = run(&["many-tenants", "--emulator", "--json"])
        .without_secrets()
        .expect(1);
    let json = ended.json();
    assert_eq!(
        (&json["succeeded"], &json["failed"]),
        (&197.into(), &3.into())
    );
    let tenants = json["tenants"].as_array().unwrap();
    assert_eq!(tenants.len(), 200);
    let failed: Vec<_> = tenants.iter().filter(|it| it["is_ok"] == false).collect();
    let codes: Vec<_> = failed
        .iter()
        .map(|it| &it["error"]["diagnosis"]["code"])
        .collect();
    assert_eq!(codes[0], 7_000_229);
    assert!(codes[1].is_null());
    assert_eq!(codes[2], 7_000_112);
    assert!(
        tenants
            .iter()
            .all(|it| (it["is_ok"] == true)
                == (it["resource_groups"].as_array().unwrap().len() == 1))
    );
    // One assertion for all.
    assert!(
        ended
            .stderr
            .contains("Identity requests: 1. Token requests: 200."),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_summary_says_which_tenants_failed_and_why() {
    let ended = run(&["many-tenants", "--emulator"])
        .without_secrets()
        .expect(1);
    for text in [
        "197 of 200 tenants answered",
        "Customer 17 (",
        "Customer 91 (",
        "Customer 144 (",
        "az role assignment create",
    ] {
        assert!(ended.stdout.contains(text), "{text}: {}", ended.stdout);
    }
}

#[test]
fn tenants_come_from_a_file_and_need_no_target_tenant_in_the_settings() {
    let azure = Azure::start();
    let (tenant, subscription) = (
        &azure.scenario.target_tenant_id,
        &azure.scenario.target_subscription_id,
    );
    let nobody = "0e0a0e00-0000-4000-8000-00000000000e";
    let list = azure.file(
        "tenants.csv",
        &format!("# all\n{tenant}, {subscription}, Litware\n{nobody}\n"),
    );
    let mut command = azure.command_with_settings(&["many-tenants", &list]);
    command.env_remove("CROSS_TENANT_TARGET_TENANT_ID");
    let ended = ended(&mut command).without_secrets().expect(1);
    assert!(
        ended.stdout.contains("1 of 2 tenants answered"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("NetworkWatcherRG"));
    assert!(ended.stdout.contains(nobody));
}

#[test]
fn a_wrong_list_is_told_before_anything_is_asked() {
    let azure = Azure::start();
    let list = azure.file("tenants.csv", "common\nx, y\n");
    let told = ended(&mut azure.command_with_settings(&["many-tenants", &list])).expect(2);
    assert!(
        told.stderr.contains("line 1") && told.stderr.contains("line 2"),
        "{}",
        told.stderr
    );
    assert!(azure.emulator.requests().is_empty());
    let none =
        ended(&mut azure.command_with_settings(&["many-tenants", "/nowhere/list"])).expect(2);
    assert!(none.stderr.contains("/nowhere/list"));
    run(&["many-tenants"]).expect(2);
    run(&["many-tenants", "list", "--emulator"]).expect(2);
    run(&["many-tenants", "--emulator", "--concurrency", "0"]).expect(2);
}
