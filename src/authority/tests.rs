use super::*;
use azure_core::cloud::CustomConfiguration;

#[test]
fn what_is_cut_says_so_and_what_is_whole_does_not() {
    let (whole, long) = ("x".repeat(100), "x".repeat(101));
    assert_eq!(quoted(&whole), format!("\"{whole}\""));
    assert_eq!(quoted(&long), format!("\"{whole}\"…"));
}

fn custom(host: &str) -> CloudConfiguration {
    let mut configuration = CustomConfiguration::default();
    configuration.authority_host = host.to_owned();
    configuration.into()
}

#[test]
fn a_tenant_is_a_guid_or_a_domain_name() {
    for good in [
        "72F988BF-86f1-41af-91ab-2d7cd011db47",
        "litware.onmicrosoft.com",
        "Litware.COM",
        "xn--bcher-kva.example",
        "3m.com",
    ] {
        let tenant = TenantId::parse(good).unwrap();
        assert_eq!(tenant.as_str(), good.to_ascii_lowercase());
    }
    for bad in [
        "",
        " ",
        "..",
        ".",
        "common",
        "Organizations",
        "consumers",
        "litware",
        "1.2.3.4",
        "bücher.example",
        "a..b",
        "-a.com",
        "a-.com",
        "a_b.com",
        "litware.com/",
        "a.com?x",
        "%2e%2e.com",
        "{72f988bf-86f1-41af-91ab-2d7cd011db47}",
        "72f988bf86f141af91ab2d7cd011db47",
        "litware.com\n",
        " litware.com",
    ] {
        let why = TenantId::parse(bad).unwrap_err();
        assert!(why.contains("tenant_id"), "{bad:?}: {why}");
    }
    assert!(TenantId::parse(&format!("{}.com", "a".repeat(64))).is_err());
    assert!(
        TenantId::parse("72f988bf-86f1-41af-91ab-2d7cd011db47")
            .unwrap()
            .is_guid()
    );
    assert!(!TenantId::parse("litware.com").unwrap().is_guid());
}

#[test]
fn a_client_is_a_guid() {
    assert!(ClientId::parse("72F988BF-86f1-41af-91ab-2d7cd011db47").is_ok());
    for bad in [
        "",
        "my-app",
        "api://my-app",
        "urn:uuid:72f988bf-86f1-41af-91ab-2d7cd011db47",
    ] {
        assert!(ClientId::parse(bad).unwrap_err().contains("client_id"));
    }
}

#[test]
fn a_value_in_a_message_is_escaped_and_cut() {
    let why = TenantId::parse(&format!("\u{1b}[31m\0{}", "x".repeat(5000))).unwrap_err();
    assert!(
        !why.contains('\u{1b}') && !why.contains('\0') && why.len() < 500,
        "{why}"
    );
}

#[test]
fn each_cloud_has_its_authority_and_its_audience() {
    for (cloud, origin, audience) in [
        (
            None,
            "https://login.microsoftonline.com",
            Some("api://AzureADTokenExchange"),
        ),
        (
            Some(CloudConfiguration::AzurePublic),
            "https://login.microsoftonline.com",
            Some("api://AzureADTokenExchange"),
        ),
        (
            Some(CloudConfiguration::AzureGovernment),
            "https://login.microsoftonline.us",
            Some("api://AzureADTokenExchangeUSGov"),
        ),
        (
            Some(CloudConfiguration::AzureChina),
            "https://login.chinacloudapi.cn",
            Some("api://AzureADTokenExchangeChina"),
        ),
        (
            Some(custom("https://login.sovcloud-identity.fr/")),
            "https://login.sovcloud-identity.fr",
            Some("api://AzureADTokenExchangeFrance"),
        ),
        (
            Some(custom("login.sovcloud-identity.de")),
            "https://login.sovcloud-identity.de",
            Some("api://AzureADTokenExchangeGermany"),
        ),
        (
            Some(custom("login.sovcloud-identity.sg")),
            "https://login.sovcloud-identity.sg",
            Some("api://AzureADTokenExchangeGovSG"),
        ),
        (
            Some(custom("https://login.partner.microsoftonline.cn")),
            "https://login.partner.microsoftonline.cn",
            Some("api://AzureADTokenExchangeChina"),
        ),
        (
            Some(custom("https://login.windows.net/")),
            "https://login.microsoftonline.com",
            Some("api://AzureADTokenExchange"),
        ),
        (
            Some(custom("STS.windows.net:443")),
            "https://login.microsoftonline.com",
            Some("api://AzureADTokenExchange"),
        ),
        (
            Some(custom("login.microsoft.com")),
            "https://login.microsoftonline.com",
            Some("api://AzureADTokenExchange"),
        ),
        (
            Some(custom("https://login.windows.net:8443")),
            "https://login.windows.net:8443",
            None,
        ),
        (
            Some(custom("LOGIN.microsoftonline.com:443")),
            "https://login.microsoftonline.com",
            Some("api://AzureADTokenExchange"),
        ),
        (
            Some(custom("https://login.airgapped.example:8443")),
            "https://login.airgapped.example:8443",
            None,
        ),
        (
            Some(custom("https://login.microsoftonline.com:8443")),
            "https://login.microsoftonline.com:8443",
            None,
        ),
    ] {
        let authority = AuthorityHost::choose(cloud.as_ref(), None).unwrap();
        assert_eq!(authority.origin(), origin);
        assert_eq!(authority.audience(), audience, "{origin}");
    }
}

#[test]
fn two_names_of_one_cloud_are_the_same_cloud() {
    let of = |host| AuthorityHost::choose(Some(&custom(host)), None).unwrap();
    for (one, other, is_same) in [
        ("login.windows.net", "login.microsoftonline.com", true),
        (
            "login.partner.microsoftonline.cn",
            "login.chinacloudapi.cn",
            true,
        ),
        ("login.airgapped.example", "login.airgapped.example", true),
        ("login.airgapped.example", "login.other.example", false),
        (
            "login.airgapped.example",
            "login.microsoftonline.com",
            false,
        ),
        (
            "login.microsoftonline.us",
            "login.microsoftonline.com",
            false,
        ),
        (
            "login.sovcloud-identity.fr",
            "login.sovcloud-identity.de",
            false,
        ),
    ] {
        assert_eq!(of(one).is_same_cloud(&of(other)), is_same, "{one} {other}");
        assert_eq!(of(other).is_same_cloud(&of(one)), is_same, "{one} {other}");
    }
}

#[test]
fn an_authority_is_an_https_origin_and_nothing_more() {
    for bad in [
        "",
        "http://login.microsoftonline.com",
        "https://",
        "https://user@login.example",
        "https://user:secret@login.example",
        "https://login.example/tenant",
        "https://login.example?x=1",
        "https://login.example/#x",
        "ftp://login.example",
        "https://login example",
    ] {
        let why = AuthorityHost::choose(Some(&custom(bad)), None).unwrap_err();
        assert!(why.contains("authority_host"), "{bad:?}: {why}");
        assert!(!why.contains("secret"), "{why}");
    }
}

#[test]
fn the_environment_chooses_only_known_clouds_or_this_machine() {
    for good in [
        "https://login.microsoftonline.us",
        "https://login.microsoftonline.us/",
        "https://login.windows.net",
        "login.chinacloudapi.cn",
        "https://localhost:4443",
        "https://127.0.0.1:4443",
        "https://[::1]:4443",
        "",
    ] {
        assert!(AuthorityHost::choose(None, Some(good)).is_ok(), "{good}");
    }
    for bad in [
        "https://login.evil.example",
        "https://login.microsoftonline.com.evil.example",
        "https://login.microsoftonline.com:8443",
        "https://localhost.evil.example",
        "http://localhost:80",
    ] {
        let why = AuthorityHost::choose(None, Some(bad)).unwrap_err();
        assert!(why.contains(AZURE_AUTHORITY_HOST), "{why}");
    }
    let given = AuthorityHost::choose(
        Some(&CloudConfiguration::AzurePublic),
        Some("https://localhost:1"),
    );
    assert_eq!(
        given.unwrap().origin(),
        "https://login.microsoftonline.com",
        "code wins"
    );
}

#[test]
fn the_token_endpoint_is_the_tenants() {
    let authority = AuthorityHost::choose(None, None).unwrap();
    let tenant = TenantId::parse("Litware.com").unwrap();
    assert_eq!(
        authority.token_endpoint(&tenant).unwrap().as_str(),
        "https://login.microsoftonline.com/litware.com/oauth2/v2.0/token"
    );
}
