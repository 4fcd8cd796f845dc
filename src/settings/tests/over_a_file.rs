//! Variables over the settings of a file.

use super::*;

#[test]
fn variables_go_over_a_file_and_one_identity_takes_the_place_of_another() {
    let file = Settings {
        identity_client_id: Some(IDENTITY.into()),
        // No variable may name it, but a file may.
        authority_host: Some("https://login.contoso.example".into()),
        audience: Some("api://contoso".into()),
        max_cached_tokens: Some(7),
        ..settings()
    };
    let environment = of([
        ("CROSS_TENANT_IDENTITY_OBJECT_ID", APP),
        ("CROSS_TENANT_MAX_CACHED_TOKENS", "8"),
    ]);
    let read = Settings::of_environment_over(file.clone(), &environment).unwrap();
    let expected = Settings {
        identity_client_id: None,
        identity_object_id: Some(APP.into()),
        max_cached_tokens: Some(8),
        ..file.clone()
    };
    assert_eq!(read, expected);
    let unchanged = Settings::of_environment_over(file.clone(), &of([])).unwrap();
    assert_eq!(unchanged, file);
}

#[test]
fn a_variable_over_a_file_is_checked_as_a_variable() {
    let over = |variable| {
        let made = Settings::of_environment_over(settings(), &of([variable]));
        made.unwrap_err().to_string()
    };
    for (name, value) in [
        ("CROSS_TENANT_AUTHORITY_HOST", "https://login.example.com"),
        ("CROSS_TENANT_AUDIENCE", "https://vault.azure.net"),
        ("CROSS_TENANT_IMDS_ENDPOINT", "http://192.0.2.1"),
        ("CROSS_TENANT_CLIENT_ID", "x"),
        ("CROSS_TENANT_TARGET_TENNANT_ID", TENANT),
        ("CROSS_TENANT_HOST", "vm"),
    ] {
        let why = over((name, value));
        assert!(why.contains(name), "{why}");
    }
}

#[test]
fn what_neither_variables_nor_the_file_say_is_missing() {
    let file = Settings {
        client_id: APP.into(),
        ..Default::default()
    };
    let why = Settings::of_environment_over(file, &of([])).unwrap_err();
    let why = why.to_string();
    assert!(why.contains("CROSS_TENANT_TARGET_TENANT_ID is missing"));
    assert!(!why.contains("CROSS_TENANT_CLIENT_ID"), "{why}");
}
