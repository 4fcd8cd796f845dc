//! Which host the environment shows, and which values are refused.

use super::*;
use crate::authority::AuthorityHost;

const NEAR: &str = "http://127.0.0.1:41741/msi/token";
const NEAR_TLS: &str = "https://localhost:2377/metadata/identity/oauth2/token";
const THUMBPRINT: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";

fn chosen<const N: usize>(
    named: Option<ManagedIdentityHost>,
    variables: [(&str, &str); N],
) -> Result<ManagedIdentityAssertion, Error> {
    let options = ManagedIdentityAssertionOptions {
        host: named,
        ..Default::default()
    };
    with(options, variables)
}

fn with<const N: usize>(
    options: ManagedIdentityAssertionOptions,
    variables: [(&str, &str); N],
) -> Result<ManagedIdentityAssertion, Error> {
    ManagedIdentityAssertion::for_authority(
        &AuthorityHost::choose(None, None).unwrap(),
        options,
        Environment::from(variables),
        HeldClock::new(),
    )
}

fn why<const N: usize>(named: Option<ManagedIdentityHost>, variables: [(&str, &str); N]) -> String {
    let error = chosen(named, variables).unwrap_err();
    assert_eq!(error.stage(), Stage::Configuration);
    let shown = format!("{error} {error:?} {}", error.diagnosis().unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    error.to_string()
}

#[test]
fn each_host_is_recognised_by_its_variables() {
    let found = |assertion: Result<ManagedIdentityAssertion, Error>| assertion.unwrap().host();
    assert_eq!(found(chosen(None, [])), ManagedIdentityHost::Imds);
    let app_service = [("IDENTITY_ENDPOINT", NEAR), ("IDENTITY_HEADER", "canary")];
    assert_eq!(
        found(chosen(None, app_service)),
        ManagedIdentityHost::AppService
    );
    // App Service sets the older pair of variables, too.
    let both = [
        ("IDENTITY_ENDPOINT", NEAR),
        ("IDENTITY_HEADER", "canary"),
        ("MSI_ENDPOINT", NEAR),
        ("MSI_SECRET", "canary"),
    ];
    assert_eq!(found(chosen(None, both)), ManagedIdentityHost::AppService);
    let service_fabric = [
        ("IDENTITY_ENDPOINT", NEAR_TLS),
        ("IDENTITY_HEADER", "canary"),
        ("IDENTITY_SERVER_THUMBPRINT", THUMBPRINT),
    ];
    assert_eq!(
        found(chosen(None, service_fabric)),
        ManagedIdentityHost::ServiceFabric
    );
    let arc = [
        ("IDENTITY_ENDPOINT", NEAR),
        ("IMDS_ENDPOINT", "http://127.0.0.1:40342"),
    ];
    assert_eq!(found(chosen(None, arc)), ManagedIdentityHost::AzureArc);
    let ml = [("MSI_ENDPOINT", NEAR), ("MSI_SECRET", "canary")];
    assert_eq!(found(chosen(None, ml)), ManagedIdentityHost::AzureMl);
}

#[test]
fn a_header_without_an_endpoint_means_imds() {
    for variables in [
        [("IDENTITY_HEADER", "canary"), ("MSI_SECRET", "canary")],
        [
            ("IDENTITY_HEADER", "canary"),
            ("IDENTITY_SERVER_THUMBPRINT", THUMBPRINT),
        ],
        [("IDENTITY_HEADER", "canary"), ("IDENTITY_ENDPOINT", "")],
    ] {
        let assertion = chosen(None, variables).unwrap();
        assert_eq!(assertion.host(), ManagedIdentityHost::Imds);
    }
}

#[test]
fn an_endpoint_variable_without_the_others_is_an_error_with_their_names() {
    for header in ["", "\0"] {
        // An empty variable counts as a missing one.
        let header = ("IDENTITY_HEADER", header.trim_matches('\0'));
        let said = why(None, [("IDENTITY_ENDPOINT", NEAR), header]);
        assert!(said.contains("IDENTITY_HEADER"), "{said}");
    }
    let thumbprint = ("IDENTITY_SERVER_THUMBPRINT", THUMBPRINT);
    let said = why(None, [("IDENTITY_ENDPOINT", NEAR_TLS), thumbprint]);
    assert!(
        said.contains("Service Fabric") && said.contains("IDENTITY_HEADER"),
        "{said}"
    );
}

#[test]
fn cloud_shell_cannot_work_and_the_error_says_why() {
    let error = chosen(
        None,
        [("MSI_ENDPOINT", "http://localhost:50342/oauth2/token")],
    );
    let error = error.unwrap_err();
    let told = error.diagnosis().unwrap().to_string();
    for said in ["Cloud Shell", "a user's", "AADSTS700229", "MSI_SECRET"] {
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn a_host_named_in_code_needs_its_own_variables_and_no_others() {
    let imds = chosen(
        Some(ManagedIdentityHost::Imds),
        [("IDENTITY_ENDPOINT", NEAR), ("IDENTITY_HEADER", "canary")],
    );
    assert_eq!(imds.unwrap().host(), ManagedIdentityHost::Imds);
    let arc = chosen(Some(ManagedIdentityHost::AzureArc), []).unwrap();
    assert_eq!(arc.host(), ManagedIdentityHost::AzureArc);
    for (host, missing) in [
        (ManagedIdentityHost::AppService, "IDENTITY_ENDPOINT"),
        (ManagedIdentityHost::AzureMl, "MSI_ENDPOINT"),
        (ManagedIdentityHost::ServiceFabric, "IDENTITY_ENDPOINT"),
    ] {
        let said = why(Some(host), []);
        assert!(said.contains(missing), "{said}");
    }
}

#[test]
fn a_host_and_the_address_of_another_exclude_each_other() {
    let options = |host| ManagedIdentityAssertionOptions {
        host,
        imds_endpoint: Some("http://127.0.0.1:1".to_owned()),
        ..Default::default()
    };
    let said = with(options(Some(ManagedIdentityHost::AppService)), []).unwrap_err();
    let said = said.to_string();
    assert!(
        said.contains("managed_identity.host") && said.contains("imds_endpoint"),
        "{said}"
    );
    for host in [None, Some(ManagedIdentityHost::Imds)] {
        // The code has precedence over the environment.
        let variables = [("IDENTITY_ENDPOINT", NEAR), ("IDENTITY_HEADER", "canary")];
        let assertion = with(options(host), variables).unwrap();
        assert_eq!(assertion.host(), ManagedIdentityHost::Imds);
    }
}

#[test]
fn a_wrong_endpoint_address_is_an_error_and_a_remote_one_gets_no_secret() {
    for address in [
        "127.0.0.1:41741",
        "msi/token",
        "ftp://127.0.0.1/",
        "http://user:canary@127.0.0.1/",
        "http://127.0.0.1/?a=b",
        "http://127.0.0.1/#x",
        "http://10.0.0.4/msi/token",
        "http://8.8.8.8/msi/token",
        "http://localhost.evil.example/msi/token",
        "http://[2001:db8::1]/msi/token",
    ] {
        let header = ("IDENTITY_HEADER", "canary");
        let said = why(None, [("IDENTITY_ENDPOINT", address), header]);
        assert!(said.contains("IDENTITY_ENDPOINT"), "{address}: {said}");
        let said = why(None, [("MSI_ENDPOINT", address), ("MSI_SECRET", "canary")]);
        assert!(said.contains("MSI_ENDPOINT"), "{address}: {said}");
        let arc = ("IMDS_ENDPOINT", "http://127.0.0.1:40342");
        let said = why(None, [("IDENTITY_ENDPOINT", address), arc]);
        assert!(said.contains("IDENTITY_ENDPOINT"), "{address}: {said}");
    }
    for near in [
        "http://localhost:42356/msi/token",
        "http://169.254.129.2:8081/msi/token",
        "http://[::1]:8081/msi/token",
        "http://[fe80::1]/msi/token",
    ] {
        let header = ("IDENTITY_HEADER", "x");
        assert!(chosen(None, [("IDENTITY_ENDPOINT", near), header]).is_ok());
    }
}

#[test]
fn an_invalid_header_value_is_an_error_without_the_value() {
    for header in ["canary\r\nx: y", "canary\0", " canary", "canary\u{e4}"] {
        let header = ("IDENTITY_HEADER", header);
        let said = why(None, [("IDENTITY_ENDPOINT", NEAR), header]);
        assert!(said.contains("IDENTITY_HEADER"), "{said}");
    }
}

#[test]
fn debug_output_names_the_host_and_contains_no_secret() {
    let variables = [("IDENTITY_ENDPOINT", NEAR), ("IDENTITY_HEADER", "canary")];
    let shown = format!("{:?}", chosen(None, variables).unwrap());
    assert!(
        shown.contains("AppService") && !shown.contains("canary"),
        "{shown}"
    );
    let setup = crate::managed_identity::Setup {
        selector: None,
        audience: "api://AzureADTokenExchange".into(),
        client_options: ClientOptions::default(),
        retry: None,
        environment: Environment::from(variables),
        clock: HeldClock::new(),
    };
    let host = crate::managed_identity::choose(None, None, setup)
        .unwrap()
        .host;
    let shown = format!("{host:?}");
    assert!(!shown.contains("canary"), "{shown}");
}
