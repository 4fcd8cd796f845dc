//! What is wrong with settings, and what is said of it.

use super::*;

#[test]
fn a_missing_tenant_or_app_is_not_taken_from_the_variables_of_azure_identity() {
    let why = why(&of([("AZURE_TENANT_ID", TENANT), ("AZURE_CLIENT_ID", APP)]));
    for text in [
        "CROSS_TENANT_TARGET_TENANT_ID is missing, and AZURE_TENANT_ID, which is set, is not read",
        "home tenant or the target tenant",
        "CROSS_TENANT_CLIENT_ID is missing, and AZURE_CLIENT_ID, which is set, is not read",
        "multi-tenant app or a managed identity",
    ] {
        assert!(why.contains(text), "{text}: {why}");
    }
    // Beside the right ones they do not matter.
    let environment = with(&[("AZURE_TENANT_ID", APP), ("AZURE_CLIENT_ID", TENANT)]);
    assert_eq!(Settings::of_environment(&environment).unwrap(), settings());
}

#[test]
fn one_error_tells_all_that_is_wrong() {
    let why = why(&of([
        ("CROSS_TENANT_CLIENT_ID", "my-app"),
        ("CROSS_TENANT_AUTHORITY_HOST", "http://login.example"),
        ("CROSS_TENANT_MAX_CACHED_TOKENS", "many"),
        ("CROSS_TENANT_MAX_CONCURRENT_REQUESTS", "0"),
        ("CROSS_TENANT_HOST", "vm"),
        ("CROSS_TENANT_UNCHANGED_DUE_TOKEN", "yes"),
        ("CROSS_TENANT_TOKEN_FILE", ""),
        ("CROSS_TENANT_TENNANT_ID", TENANT),
    ]));
    assert!(why.contains("9 settings are wrong"), "{why}");
    for text in [
        "CROSS_TENANT_TARGET_TENANT_ID is missing",
        "CROSS_TENANT_CLIENT_ID \"my-app\" is not a GUID",
        "CROSS_TENANT_AUTHORITY_HOST \"http://login.example\" does not use https",
        "CROSS_TENANT_MAX_CACHED_TOKENS is \"many\", which is not a whole number",
        "CROSS_TENANT_MAX_CONCURRENT_REQUESTS is 0",
        "CROSS_TENANT_HOST is \"vm\"",
        "CROSS_TENANT_UNCHANGED_DUE_TOKEN is \"yes\"",
        "CROSS_TENANT_TOKEN_FILE is empty",
        "\"CROSS_TENANT_TENNANT_ID\" is unknown",
        "give serve or fail",
    ] {
        assert!(why.contains(text), "{text}: {why}");
    }
}

#[test]
fn a_variable_of_ours_that_nobody_knows_is_refused_with_the_nearest_name() {
    for (variable, meant) in [
        (
            "CROSS_TENANT_TENANT_ID",
            "use CROSS_TENANT_TARGET_TENANT_ID",
        ),
        (
            "CROSS_TENANT_IDENTITY_CLIENTID",
            "use CROSS_TENANT_IDENTITY_CLIENT_ID",
        ),
        ("CROSS_TENANT_HOST_NAME", "use CROSS_TENANT_HOST"),
        ("cross_tenant_token_file", "use CROSS_TENANT_TOKEN_FILE"),
        ("CROSS_TENANT_", "TARGET_TENANT_ID, CLIENT_ID"),
        ("CROSS_TENANT_COLOUR", "TARGET_TENANT_ID, CLIENT_ID"),
    ] {
        if cfg!(windows) && variable.starts_with('c') {
            continue;
        }
        let why = why(&with(&[(variable, "x")]));
        assert!(
            why.contains(variable) && why.to_lowercase().contains(&meant.to_lowercase()),
            "{why}"
        );
    }
}

#[test]
fn the_variables_of_a_kubernetes_service_are_none_of_ours() {
    let links = [
        ("CROSS_TENANT_SERVICE_HOST", "10.0.0.1"),
        ("CROSS_TENANT_SERVICE_PORT", "80"),
        ("CROSS_TENANT_SERVICE_PORT_HTTP", "80"),
        ("CROSS_TENANT_PORT", "tcp://10.0.0.1:80"),
        ("CROSS_TENANT_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("CROSS_TENANT_PORT_80_TCP_PROTO", "tcp"),
        ("CROSS_TENANT_PORT_80_TCP_PORT", "80"),
        ("CROSS_TENANT_IDENTITY_PORT_80_TCP_ADDR", "10.0.0.1"),
    ];
    assert_eq!(Settings::of_environment(&with(&links)).unwrap(), settings());
    for variable in ["CROSS_TENANT_PORT_X_TCP", "CROSS_TENANT_PORT_80_TCP_NAME_X"] {
        assert!(why(&with(&[(variable, "x")])).contains(variable));
    }
}

#[test]
fn two_settings_that_exclude_each_other_are_both_named() {
    for (variables, named) in [
        (
            [
                ("CROSS_TENANT_IDENTITY_CLIENT_ID", IDENTITY),
                ("CROSS_TENANT_IDENTITY_OBJECT_ID", IDENTITY),
            ],
            [
                "CROSS_TENANT_IDENTITY_CLIENT_ID",
                "CROSS_TENANT_IDENTITY_OBJECT_ID",
            ],
        ),
        (
            [
                ("CROSS_TENANT_HOST", "app-service"),
                ("CROSS_TENANT_IMDS_ENDPOINT", "http://127.0.0.1"),
            ],
            ["CROSS_TENANT_HOST", "CROSS_TENANT_IMDS_ENDPOINT"],
        ),
        (
            [
                ("CROSS_TENANT_HOST", "imds"),
                ("CROSS_TENANT_TOKEN_FILE", "/x"),
            ],
            ["CROSS_TENANT_HOST", "CROSS_TENANT_TOKEN_FILE"],
        ),
        (
            [
                ("CROSS_TENANT_TOKEN_FILE", "/x"),
                ("CROSS_TENANT_IDENTITY_CLIENT_ID", IDENTITY),
            ],
            ["CROSS_TENANT_TOKEN_FILE", "CROSS_TENANT_IDENTITY_CLIENT_ID"],
        ),
        (
            [
                ("CROSS_TENANT_TOKEN_FILE", "/x"),
                ("CROSS_TENANT_IMDS_ENDPOINT", "http://127.0.0.1"),
            ],
            ["CROSS_TENANT_TOKEN_FILE", "CROSS_TENANT_IMDS_ENDPOINT"],
        ),
        (
            [
                ("AZURE_FEDERATED_TOKEN_FILE", "/x"),
                ("CROSS_TENANT_IDENTITY_CLIENT_ID", IDENTITY),
            ],
            [
                "AZURE_FEDERATED_TOKEN_FILE",
                "CROSS_TENANT_IDENTITY_CLIENT_ID",
            ],
        ),
        (
            [
                ("AZURE_FEDERATED_TOKEN_FILE", "/x"),
                ("IDENTITY_ENDPOINT", "http://127.0.0.1"),
            ],
            ["AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_ENDPOINT"],
        ),
        (
            [
                ("CROSS_TENANT_HOST", "azure-ml"),
                ("CROSS_TENANT_IDENTITY_OBJECT_ID", IDENTITY),
            ],
            ["CROSS_TENANT_IDENTITY_OBJECT_ID", "Azure ML"],
        ),
        (
            [
                ("CROSS_TENANT_AUTHORITY_HOST", "login.microsoftonline.us"),
                ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com"),
            ],
            ["CROSS_TENANT_AUTHORITY_HOST", "AZURE_AUTHORITY_HOST"],
        ),
        (
            [
                ("CROSS_TENANT_AUTHORITY_HOST", "login.microsoftonline.us"),
                ("CROSS_TENANT_AUDIENCE", "api://AzureADTokenExchange"),
            ],
            ["CROSS_TENANT_AUDIENCE", "login.microsoftonline.us"],
        ),
    ] {
        let why = why(&with(&variables));
        assert!(
            named.iter().all(|name| why.contains(name)),
            "{variables:?}: {why}"
        );
    }
}

#[test]
fn the_environment_leads_an_assertion_nowhere_that_only_a_file_may() {
    for (variable, value) in [
        ("CROSS_TENANT_AUTHORITY_HOST", "https://login.evil.example"),
        ("CROSS_TENANT_AUDIENCE", "https://management.azure.com"),
        ("CROSS_TENANT_IMDS_ENDPOINT", "http://imds.evil.example"),
    ] {
        let why = why(&with(&[(variable, value)]));
        assert!(
            why.contains(variable) && why.contains("in a file of Settings"),
            "{why}"
        );
    }
    let of_a_file = Settings {
        authority_host: Some("https://login.airgapped.example".into()),
        audience: Some("api://AirGappedTokenExchange".into()),
        imds_endpoint: Some("http://imds.airgapped.example".into()),
        ..settings()
    };
    let clock = HeldClock::new();
    let made = of_a_file.build(Options::default(), of([]), clock).unwrap();
    assert!(
        format!("{made:?}").contains("https://login.airgapped.example"),
        "{made:?}"
    );

    let without = Settings {
        audience: None,
        ..of_a_file
    };
    let why = why_of(&without, of([]));
    assert!(
        why.contains("authority_host") && why.contains("audience is missing"),
        "{why}"
    );
}

#[test]
fn a_file_that_is_wrong_is_told_by_its_keys() {
    let directory = tempfile::tempdir().unwrap();
    let wrong = Settings {
        target_tenant_id: "common".into(),
        client_id: String::new(),
        identity_client_id: Some("umi".into()),
        authority_host: Some("https://login.example/tenant".into()),
        audience: Some(String::new()),
        imds_endpoint: Some("127.0.0.1".into()),
        token_file: Some(directory.path().into()),
        max_cached_tokens: Some(0),
        ..Default::default()
    };
    let why = why_of(&wrong, of([]));
    for text in [
        "target_tenant_id is \"common\"",
        "client_id \"\" is not a GUID",
        "identity_client_id: the client id \"umi\"",
        "authority_host \"https://login.example/tenant\"",
        "audience is \"\"",
        "imds_endpoint is \"127.0.0.1\"",
        "which is a directory",
        "max_cached_tokens is 0",
    ] {
        assert!(why.contains(text), "{text}: {why}");
    }
    assert!(!why.contains("CROSS_TENANT_"), "{why}");
}

#[test]
fn workload_identity_without_a_file_is_told() {
    let why = why(&with(&[("CROSS_TENANT_HOST", "workload-identity")]));
    for name in [
        "CROSS_TENANT_HOST",
        "CROSS_TENANT_TOKEN_FILE",
        "AZURE_FEDERATED_TOKEN_FILE",
    ] {
        assert!(why.contains(name), "{why}");
    }
}
