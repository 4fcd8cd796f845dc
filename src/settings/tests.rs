use super::*;
use crate::{ManagedIdentityHost, Stage, time::tests::HeldClock};
use azure_core::credentials::TokenCredential;
use cross_tenant_identity_emulator::{Emulator, Endpoint, FederatedCredential};

const TENANT: &str = "22222222-2222-4222-8222-222222222222";
const APP: &str = "33333333-3333-4333-8333-333333333333";
const IDENTITY: &str = "11111111-1111-4111-8111-111111111111";
const RESOURCE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n";
const ARM: &str = "https://management.azure.com/.default";

/// An environment with the two required variables and these.
fn with(variables: &[(&str, &str)]) -> Environment {
    let required = [
        ("CROSS_TENANT_TARGET_TENANT_ID", TENANT),
        ("CROSS_TENANT_CLIENT_ID", APP),
    ];
    of(required.iter().chain(variables).copied())
}

fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Environment {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Environment::Fixed {
        values: variables.into_iter().map(owned).collect(),
        root: None,
    }
}

/// What `from_env` says is wrong.
fn why(environment: &Environment) -> String {
    let error = Settings::of_environment(environment).unwrap_err();
    assert_eq!(error.stage(), Stage::Configuration);
    let diagnosis = error.diagnosis().unwrap();
    let line = error.to_string();
    assert!(!line.contains('…'), "cut: {line}");
    format!("{line}\n{diagnosis}")
}

/// What a file with these settings says is wrong.
fn why_of(settings: &Settings, environment: Environment) -> String {
    let made = settings.build(Options::default(), environment, HeldClock::new());
    made.unwrap_err().to_string()
}

fn settings() -> Settings {
    Settings {
        target_tenant_id: TENANT.into(),
        client_id: APP.into(),
        ..Default::default()
    }
}

#[test]
fn every_key_has_a_variable_that_sets_the_same() {
    let all = [
        ("CROSS_TENANT_IDENTITY_OBJECT_ID", IDENTITY),
        (
            "CROSS_TENANT_AUTHORITY_HOST",
            "https://login.chinacloudapi.cn",
        ),
        ("CROSS_TENANT_AUDIENCE", "api://AzureADTokenExchangeChina"),
        ("CROSS_TENANT_HOST", "imds"),
        ("CROSS_TENANT_IMDS_ENDPOINT", "http://127.0.0.1:8080"),
        ("CROSS_TENANT_MAX_CACHED_TOKENS", "5000"),
        ("CROSS_TENANT_MAX_CONCURRENT_REQUESTS", "8"),
        ("CROSS_TENANT_UNCHANGED_DUE_TOKEN", "fail"),
    ];
    let read = Settings::of_environment(&with(&all)).unwrap();
    let expected = Settings {
        identity_object_id: Some(IDENTITY.into()),
        authority_host: Some("https://login.chinacloudapi.cn".into()),
        audience: Some("api://AzureADTokenExchangeChina".into()),
        host: Some(ManagedIdentityHost::Imds.into()),
        imds_endpoint: Some("http://127.0.0.1:8080".into()),
        max_cached_tokens: Some(5000),
        max_concurrent_requests: Some(8),
        unchanged_due_token: Some(UnchangedDueToken::Fail),
        ..settings()
    };
    assert_eq!(read, expected);

    let client_id = [("CROSS_TENANT_IDENTITY_CLIENT_ID", IDENTITY)];
    let read = Settings::of_environment(&with(&client_id)).unwrap();
    assert_eq!(read.identity_client_id.as_deref(), Some(IDENTITY));
    let resource_id = [("CROSS_TENANT_IDENTITY_RESOURCE_ID", RESOURCE)];
    let read = Settings::of_environment(&with(&resource_id)).unwrap();
    assert_eq!(read.identity_resource_id.as_deref(), Some(RESOURCE));
    let token_file = [
        ("CROSS_TENANT_HOST", "workload-identity"),
        ("CROSS_TENANT_TOKEN_FILE", "/nowhere/token"),
    ];
    let read = Settings::of_environment(&with(&token_file)).unwrap();
    assert_eq!(read.host, Some(SettingsHost::WorkloadIdentity));
    assert_eq!(read.token_file, Some("/nowhere/token".into()));
}

#[test]
fn the_keys_of_a_file_are_the_names_of_the_variables() {
    let unknown = r#"{"tenant":""}"#;
    let said = serde_json::from_str::<Settings>(unknown).unwrap_err();
    let said = said.to_string();
    let (_, expected) = said.split_once("expected one of ").unwrap();
    let expected = expected.split(" at line").next().unwrap();
    let keys: Vec<_> = expected
        .split(", ")
        .map(|key| key.trim_matches('`'))
        .collect();
    assert_eq!(keys, variables::KEYS);
}

#[test]
fn a_file_reads_back_what_was_written() {
    let all = Settings {
        identity_resource_id: Some(RESOURCE.into()),
        host: Some(ManagedIdentityHost::AppService.into()),
        max_cached_tokens: Some(5000),
        unchanged_due_token: Some(UnchangedDueToken::Serve),
        ..settings()
    };
    for settings in [settings(), all] {
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
        let toml = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<Settings>(&toml).unwrap(), settings);
    }
}

#[test]
fn a_file_with_an_unknown_key_or_value_is_refused_with_the_known_ones() {
    let required = format!("target_tenant_id = \"{TENANT}\"\nclient_id = \"{APP}\"\n");
    for (line, named) in [
        ("tenant_id = \"x\"", "target_tenant_id"),
        ("host = \"app_service\"", "app-service"),
        ("host = \"IMDS\"", "workload-identity"),
        ("unchanged_due_token = \"Serve\"", "serve"),
        ("max_cached_tokens = -1", "usize"),
    ] {
        let file = format!("{required}{line}\n");
        let said = toml::from_str::<Settings>(&file).unwrap_err().to_string();
        assert!(said.contains(named), "{line}: {said}");
    }
    let said = toml::from_str::<Settings>("client_id = \"x\"").unwrap_err();
    assert!(said.to_string().contains("target_tenant_id"), "{said}");
}

#[test]
fn a_host_has_one_name_everywhere() {
    for (host, name) in [
        (ManagedIdentityHost::Imds, "imds"),
        (ManagedIdentityHost::AppService, "app-service"),
        (ManagedIdentityHost::AzureArc, "azure-arc"),
        (ManagedIdentityHost::AzureMl, "azure-ml"),
        (ManagedIdentityHost::ServiceFabric, "service-fabric"),
    ] {
        assert_eq!(host.to_string(), name);
        assert_eq!(name.parse::<ManagedIdentityHost>().unwrap(), host);
        assert_eq!(SettingsHost::from(host).to_string(), name);
        assert_eq!(name.parse::<SettingsHost>().unwrap(), host.into());
        assert_eq!(format!("{host:>15}").len(), 15);
    }
    let file = SettingsHost::WorkloadIdentity;
    assert_eq!("workload-identity".parse::<SettingsHost>().unwrap(), file);
    assert_eq!(file.to_string(), "workload-identity");
    let said = "workload-identity".parse::<ManagedIdentityHost>();
    let said = said.unwrap_err().to_string();
    assert!(said.contains("service-fabric"), "{said}");
    let said = "arc".parse::<SettingsHost>().unwrap_err().to_string();
    assert!(
        said.contains("azure-arc") && said.contains("workload-identity"),
        "{said}"
    );
}

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

#[test]
fn a_setting_that_is_given_replaces_the_option_and_no_other() {
    let settings = Settings {
        identity_client_id: Some(IDENTITY.into()),
        max_cached_tokens: Some(7),
        ..settings()
    };
    let mut options = Options {
        max_cached_tokens: Some(1),
        max_concurrent_requests: Some(2),
        unchanged_due_token: UnchangedDueToken::Fail,
        ..Default::default()
    };
    options.managed_identity.host = Some(ManagedIdentityHost::AppService);
    let applied = settings.managed_identity_options(options, &of([])).unwrap();
    assert_eq!(applied.max_cached_tokens, Some(7));
    assert_eq!(applied.max_concurrent_requests, Some(2));
    assert_eq!(applied.unchanged_due_token, UnchangedDueToken::Fail);
    let identity = applied.managed_identity;
    assert_eq!(identity.host, Some(ManagedIdentityHost::AppService));
    assert!(
        matches!(identity.user_assigned_id, Some(UserAssignedId::ClientId(id)) if id == IDENTITY)
    );
}

#[test]
fn a_managed_identity_that_the_program_names_is_not_replaced_by_a_file_that_is_found() {
    let environment = of([("AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token")]);
    let source = |settings: &Settings, fill: fn(&mut crate::ManagedIdentityAssertionOptions)| {
        let mut options = Options::default();
        fill(&mut options.managed_identity);
        settings.checked_source(&options, &environment).unwrap()
    };
    let named: [fn(&mut crate::ManagedIdentityAssertionOptions); 3] = [
        |it| it.host = Some(ManagedIdentityHost::Imds),
        |it| it.imds_endpoint = Some("http://127.0.0.1".into()),
        |it| it.user_assigned_id = Some(UserAssignedId::ClientId(IDENTITY.into())),
    ];
    for fill in named {
        assert_eq!(source(&settings(), fill), Source::ManagedIdentity);
    }
    assert_eq!(source(&settings(), |_| ()), Source::TokenFile);
    let workload_identity = Settings {
        host: Some(SettingsHost::WorkloadIdentity),
        ..settings()
    };
    assert_eq!(source(&workload_identity, named[0]), Source::TokenFile);
}

#[test]
fn the_options_of_a_token_file_are_refused_rather_than_without_it() {
    let settings = Settings {
        token_file: Some("/nowhere/token".into()),
        ..settings()
    };
    let why = settings.managed_identity_options(Options::default(), &of([]));
    assert!(
        why.unwrap_err()
            .to_string()
            .contains("Settings::credential")
    );
}

/// The emulator's scenario by variables, and a token for it.
async fn token(azure: &Emulator, variables: &[(&str, &str)]) {
    let environment = of(variables.iter().copied());
    let settings = Settings::of_environment(&environment).unwrap();
    let options = Options {
        client_options: azure.client_options(),
        ..Default::default()
    };
    let credential = settings.build(options, environment, HeldClock::new());
    credential.unwrap().get_token(&[ARM], None).await.unwrap();
}

#[tokio::test]
async fn variables_alone_bring_a_token_through_a_managed_identity() {
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    let variables = [
        ("CROSS_TENANT_TARGET_TENANT_ID", &*scenario.target_tenant_id),
        ("CROSS_TENANT_CLIENT_ID", &scenario.client_id),
        (
            "CROSS_TENANT_IDENTITY_RESOURCE_ID",
            &scenario.identity_resource_id,
        ),
        ("CROSS_TENANT_IMDS_ENDPOINT", azure.imds_url()),
        ("CROSS_TENANT_AUTHORITY_HOST", azure.https_url()),
    ];
    token(&azure, &variables).await;
    let asked = azure.requests_to(Endpoint::Imds);
    let msi_res_id = (
        "msi_res_id".to_owned(),
        scenario.identity_resource_id.clone(),
    );
    assert!(asked[0].query.contains(&msi_res_id), "{:?}", asked[0]);
}

#[tokio::test]
async fn the_file_of_workload_identity_is_found_by_its_variable() {
    const SUBJECT: &str = "system:serviceaccount:litware-work:watcher";
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    let trust = FederatedCredential {
        name: "the-pod".into(),
        issuer: Emulator::SERVICE_ACCOUNT_ISSUER.into(),
        subject: SUBJECT.into(),
        audience: "api://AzureADTokenExchange".into(),
    };
    azure
        .add_federated_credential(&scenario.client_id, trust)
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let an_hour = std::time::Duration::from_secs(3600);
    std::fs::write(&path, azure.service_account_token(SUBJECT, an_hour)).unwrap();
    let variables = [
        ("CROSS_TENANT_TARGET_TENANT_ID", &*scenario.target_tenant_id),
        ("CROSS_TENANT_CLIENT_ID", &scenario.client_id),
        ("AZURE_FEDERATED_TOKEN_FILE", path.to_str().unwrap()),
        ("AZURE_AUTHORITY_HOST", azure.https_url()),
    ];
    token(&azure, &variables).await;
    assert!(azure.requests_to(Endpoint::Imds).is_empty());
}

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
