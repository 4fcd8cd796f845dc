use crate::support::{ARM, Azure, ended, run};

#[test]
fn expiry_and_claims_are_shown_and_the_token_is_not() {
    let shown = run(&["token", "--emulator", "--scope", ARM])
        .without_secrets()
        .expect(0);
    for text in [
        "expires",
        "aud",
        "tid",
        "11736a4e-0000-4000-8000-000000000002",
    ] {
        assert!(shown.stdout.contains(text), "{}", shown.stdout);
    }
    let json = run(&["token", "--emulator", "--scope", ARM, "--json"])
        .without_secrets()
        .expect(0);
    let json = json.json();
    assert_eq!(
        json["claims"]["tid"],
        "11736a4e-0000-4000-8000-000000000002"
    );
    assert_eq!(json["token"], serde_json::Value::Null);
}

#[test]
fn the_token_is_shown_when_it_is_asked_for() {
    let azure = Azure::start();
    let get = |more: &[&str]| {
        let arguments = [&["token", "--scope", ARM][..], more].concat();
        ended(&mut azure.command_with_settings(&arguments)).expect(0)
    };
    let is_token = |text: &str| text.starts_with("eyJ") && text.split('.').count() == 3;
    let raw = get(&["--format", "raw"]);
    assert!(is_token(&raw.stdout) && raw.stdout.lines().count() == 1);
    let header = get(&["--format", "header"]);
    assert!(is_token(
        header
            .stdout
            .strip_prefix("Authorization: Bearer ")
            .unwrap()
    ));
    let json = get(&["--format", "json"]).json();
    assert!(is_token(json["access_token"].as_str().unwrap()));
    assert!(json["expires_on"].is_i64());
    assert!(is_token(
        get(&["--show-token", "--json"]).json()["token"]
            .as_str()
            .unwrap()
    ));
    let shown = get(&["--show-token"]);
    assert!(shown.stdout.lines().any(is_token));
    for ended in [raw, header, shown] {
        assert!(!ended.stderr.contains("eyJ"), "{}", ended.stderr);
    }
}

#[test]
fn a_refusal_is_explained_with_status_1_and_a_bad_scope_with_status_2() {
    let refused = [
        "token",
        "--emulator",
        "--without",
        "service-principal",
        "--scope",
        ARM,
    ];
    let text = run(&refused).without_secrets().expect(1);
    assert!(text.stdout.is_empty());
    assert!(text.stderr.contains("az ad sp create"), "{}", text.stderr);
    let json = run(&[&refused[..], &["--json"]].concat())
        .without_secrets()
        .expect(1)
        .json();
    assert_eq!(json["error"]["diagnosis"]["code"], 7_000_229);
    let bad = run(&["token", "--emulator", "--scope", "https://vault.azure.net"]).expect(2);
    assert!(bad.stderr.contains(".default"), "{}", bad.stderr);
    run(&["token", "--emulator"]).expect(2);
    run(&[
        "token",
        "--emulator",
        "--scope",
        ARM,
        "--json",
        "--format",
        "raw",
    ])
    .expect(2);
}
