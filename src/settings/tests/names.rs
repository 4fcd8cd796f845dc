//! The names of the settings: keys of a file, variables, hosts.

use super::*;

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
    assert_eq!(keys, crate::settings::names::KEYS);
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
