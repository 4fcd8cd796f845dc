use super::*;
use crate::{
    authority::{AuthorityHost, ClientId, TenantId},
    claims::Claims,
};
use azure_core::{cloud::CloudConfiguration, time::OffsetDateTime};
use std::collections::HashSet;

const HOME: &str = "11111111-1111-4111-8111-111111111111";
const TARGET: &str = "22222222-2222-4222-8222-222222222222";
const APP: &str = "33333333-3333-4333-8333-333333333333";
const PRINCIPAL: &str = "44444444-4444-4444-8444-444444444444";
const IDENTITY: &str = "55555555-5555-4555-8555-555555555555";
const EXCHANGE_APP: &str = "fb60f99c-7a34-4190-8149-302f77469936";
const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The time on the host's clock: 2023-11-14T22:13:20Z, when the claims expire.
const NOW: i64 = 1_700_000_000;

/// The table of protocol.md §4, row by row.
const CODES: [(u32, Actor, Retry); 85] = {
    use Actor::{
        BothAdministrators as Both, Developer as Dev, HomeAdministrator as Home, Nobody,
        Operator as Op, TargetAdministrator as Target,
    };
    use Retry::{Later, Never, NewAssertionOnce as Again};
    [
        (700_236, Home, Never),
        (7_000_229, Target, Later),
        (700_016, Both, Later),
        (700_211, Home, Later),
        (700_212, Home, Never),
        (7_002_121, Home, Never),
        (7_002_206, Home, Never),
        (700_213, Home, Later),
        (7_002_137, Home, Later),
        (7_002_138, Home, Later),
        (700_214, Home, Never),
        (70021, Home, Later),
        (70025, Home, Later),
        (700_222, Dev, Never),
        (700_226, Dev, Never),
        (700_227, Dev, Never),
        (700_229, Op, Never),
        (700_231, Dev, Never),
        (700_223, Home, Never),
        (700_238, Home, Never),
        (7_002_381, Home, Never),
        (7_000_112, Target, Never),
        (90002, Dev, Never),
        (900_023, Dev, Never),
        (50194, Home, Never),
        (9_001_023, Dev, Never),
        (900_382, Dev, Never),
        (900_432, Dev, Never),
        (700_024, Op, Again),
        (700_027, Op, Again),
        (50012, Op, Again),
        (50013, Op, Again),
        (500_133, Op, Again),
        (50027, Dev, Never),
        (90014, Dev, Never),
        (5_002_738, Dev, Never),
        (5_002_723, Dev, Never),
        (700_021, Dev, Never),
        (7_000_216, Dev, Never),
        (7_000_218, Dev, Never),
        (900_144, Dev, Never),
        (500_011, Target, Never),
        (500_014, Target, Never),
        (50001, Target, Never),
        (70011, Dev, Never),
        (1_002_012, Dev, Never),
        (700_022, Dev, Never),
        (700_023, Dev, Never),
        (53003, Target, Never),
        (530_032, Target, Never),
        (530_035, Target, Never),
        (501_051, Target, Never),
        (50196, Dev, Never),
        (50033, Nobody, Later),
        (90006, Nobody, Later),
        (90012, Nobody, Later),
        (90024, Nobody, Later),
        (90033, Nobody, Later),
        (90055, Nobody, Later),
        (90090, Nobody, Later),
        // Errors that users reported.
        (50166, Nobody, Later),
        (900_612, Nobody, Later),
        (65001, Target, Never),
        (650_052, Target, Never),
        (650_054, Target, Never),
        (65005, Both, Never),
        (65002, Dev, Never),
        (90009, Dev, Never),
        (700_025, Home, Never),
        (500_021, Op, Never),
        (500_212, Home, Never),
        (500_213, Target, Never),
        (50006, Op, Again),
        (9_002_313, Dev, Never),
        (90038, Dev, Never),
        (50049, Dev, Never),
        (28002, Dev, Never),
        (100_007, Dev, Never),
        // Certificate-bound tokens.
        (392_196, Target, Never),
        (500_181, Target, Never),
        (51000, Target, Never),
        (1_000_610, Target, Never),
        // Families.
        (7_002_139, Home, Later),
        (7_000_161, Both, Later),
        (530_039, Target, Never),
    ]
};

fn claims() -> Claims {
    Claims {
        iss: Some(format!("https://login.microsoftonline.com/{HOME}/v2.0")),
        sub: Some(PRINCIPAL.into()),
        aud: Some(EXCHANGE_APP.into()),
        tid: Some(HOME.into()),
        azp: Some(IDENTITY.into()),
        idtyp: Some("app".into()),
        exp: Some(1_700_000_000),
        ..Claims::default()
    }
}

struct Asked {
    cloud: CloudConfiguration,
    tenant: &'static str,
    scopes: &'static str,
    audience: &'static str,
    is_hosts_choice: bool,
    now: i64,
    claims: Option<Claims>,
    status: u16,
    error: Option<&'static str>,
    description: String,
    codes: Vec<u32>,
    suberror: Option<&'static str>,
    has_claims: bool,
}

impl Asked {
    fn of(code: u32) -> Self {
        Self {
            cloud: CloudConfiguration::AzurePublic,
            tenant: TARGET,
            scopes: "https://storage.azure.com/.default",
            audience: AUDIENCE,
            is_hosts_choice: false,
            now: NOW,
            claims: Some(claims()),
            status: 401,
            error: Some("invalid_client"),
            description: String::new(),
            codes: vec![code],
            suberror: None,
            has_claims: false,
        }
    }

    fn both(&self) -> (Diagnosis, Retry) {
        of_refusal(
            &Refusal {
                status: self.status,
                error: self.error,
                description: Some(&self.description),
                codes: &self.codes,
                suberror: self.suberror,
                has_claims: self.has_claims,
                is_entras: true,
            },
            &Exchange {
                authority: &AuthorityHost::choose(Some(&self.cloud), None).unwrap(),
                tenant: &TenantId::parse(self.tenant).unwrap(),
                client_id: &ClientId::parse(APP).unwrap(),
                scopes: self.scopes,
                assertion: self.claims.as_ref(),
                asked: &AssertionRequest {
                    audience: self.audience.into(),
                    is_hosts_choice: self.is_hosts_choice,
                },
                now: OffsetDateTime::from_unix_timestamp(self.now).unwrap(),
            },
        )
    }

    fn told(&self) -> Diagnosis {
        self.both().0
    }
}

fn texts(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis.commands().iter().map(Command::text).collect()
}

fn is_clean(text: &str) -> bool {
    !text.contains(|c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
    })
}

#[test]
fn every_code_of_the_table_has_its_own_explanation() {
    let mut seen = HashSet::new();
    for (code, who, retry) in CODES {
        let (told, again) = Asked::of(code).both();
        assert_eq!(told.code(), Some(code));
        assert_eq!(told.who(), who, "{code}: {told}");
        assert_eq!(again, retry, "{code}");
        assert!(
            seen.insert(told.what_happened().to_owned()),
            "{code}: {told}"
        );
        for text in [told.what_happened(), told.what_to_do()] {
            assert!(text.ends_with('.') && is_clean(text), "{code}: {text}");
            assert!(
                !text.contains(['{', '}']) && !text.contains("  "),
                "{code}: {text}"
            );
            assert!(text.len() < 700, "{code}: {text}");
        }
    }
}

#[test]
fn an_unknown_longer_number_uses_the_row_of_its_family() {
    let told = Asked::of(7_002_139).told();
    assert_eq!(told.code(), Some(7_002_139));
    assert!(
        told.what_happened()
            .starts_with("This version does not know AADSTS7002139 itself")
    );
    assert!(told.what_happened().contains("subject differs"));
    // An exact row wins over the row of its family.
    let case_only = Asked::of(7_002_138).told();
    assert!(case_only.what_happened().contains("upper and lower case"));
    assert!(!case_only.what_happened().contains("does not know"));
}

#[test]
fn a_number_of_another_family_is_not_explained_wrongly() {
    for code in [
        7_000_215,
        7_000_222,
        7_000_114,
        500_121,
        500_131,
        1,
        0,
        u32::MAX,
    ] {
        let (told, again) = Asked::of(code).both();
        assert!(is_unknown(&told), "{code}: {told}");
        assert_eq!((told.code(), again), (Some(code), Retry::Never), "{code}");
    }
}

fn is_unknown(told: &Diagnosis) -> bool {
    told.what_happened()
        .contains("a reason that this version does not know")
}

#[test]
fn the_first_known_code_decides_and_a_description_stands_in_for_the_list() {
    let mut asked = Asked::of(1);
    asked.codes = vec![1, 700_024, 700_213];
    assert_eq!(asked.told().code(), Some(700_024));
    asked.codes.clear();
    asked.description = "AADSTS700213: No matching …".into();
    assert_eq!(asked.told().code(), Some(700_213));
    asked.description = "AADSTS: AADSTSx AADSTS99999999999999999 no number".into();
    assert!(is_unknown(&asked.told()) && asked.told().code().is_none());
}

#[test]
fn without_a_known_code_status_and_error_decide() {
    let mut asked = Asked::of(1);
    for (status, error, retry) in [
        (400, Some("temporarily_unavailable"), Retry::Later),
        (429, None, Retry::Later),
        (408, None, Retry::Later),
        (503, Some("server_error"), Retry::Later),
        (400, Some("invalid_grant"), Retry::Never),
        (302, None, Retry::Never),
    ] {
        (asked.status, asked.error) = (status, error);
        let (told, again) = asked.both();
        assert_eq!(again, retry, "{status} {error:?}");
        let waits = retry == Retry::Later;
        assert_eq!(
            told.who() == Actor::Nobody,
            waits,
            "{status} {error:?}: {told}"
        );
    }
    // A number never makes an outage permanent.
    let mut outage = Asked::of(700_236);
    outage.status = 503;
    assert_eq!(outage.both().1, Retry::Later);
}

#[test]
fn a_refusal_of_the_home_tenant_names_its_administrator_and_does_not_mention_the_trust() {
    for code in [7_000_229, 700_016] {
        let mut asked = Asked::of(code);
        let away = asked.told();
        assert_ne!(away.who(), Actor::HomeAdministrator);
        assert!(away.to_string().contains(TARGET) && !away.to_string().contains("nothing of"));

        asked.tenant = HOME;
        let home = asked.told();
        assert_eq!(home.who(), Actor::HomeAdministrator);
        assert!(home.what_happened().contains("says nothing of the trust"));

        // The issuer also shows that it is the home tenant.
        asked.claims.as_mut().unwrap().tid = None;
        assert_eq!(asked.told().who(), Actor::HomeAdministrator);
        asked.claims = None;
        assert_ne!(asked.told().who(), Actor::HomeAdministrator);
    }
}

#[test]
fn an_unknown_app_is_checked_in_the_home_tenant_first_and_then_in_the_target_tenant() {
    let told = Asked::of(700_016).told();
    assert_eq!(told.who(), Actor::BothAdministrators);
    let commands = texts(&told);
    let at = |part: &str| {
        commands
            .iter()
            .position(|text| text.contains(part))
            .unwrap()
    };
    let order = [
        at(&format!("az login --tenant {HOME}")),
        at(&format!("az ad app show --id {APP} --query signInAudience")),
        at("--sign-in-audience AzureADMultipleOrgs"),
        at(&format!("az login --tenant {TARGET}")),
        at("az ad sp create"),
        at("Connect-AzAccount"),
    ];
    assert!(order.is_sorted(), "{told}");
}

#[test]
fn each_kind_of_assertion_has_its_own_explanation() {
    let issuer = format!("https://eastus2.oic.prod-aks.azure.com/{HOME}/{IDENTITY}/");
    for (code, issuer, subject, word) in [
        (
            700_213,
            issuer.as_str(),
            "system:serviceaccount:default:sa",
            "service account",
        ),
        (
            7_002_137,
            "https://sts.windows.net/",
            "/eid1/c/pub/t/x/a/y/z",
            "not a managed identity's",
        ),
        (
            700_213,
            "https://token.actions.githubusercontent.com",
            "repo:contoso/app:ref:refs/heads/main",
            "GitHub",
        ),
        (
            700_213,
            "https://gitlab.com",
            "project_path:g/p:ref_type:branch:ref:main",
            "GitLab",
        ),
        (
            700_213,
            "https://accounts.google.com",
            "1234567890",
            "identity provider",
        ),
    ] {
        for is_read in [true, false] {
            let mut asked = Asked::of(code);
            asked.claims = is_read.then(|| Claims {
                iss: Some(issuer.to_owned()),
                sub: Some(subject.to_owned()),
                ..Claims::default()
            });
            asked.description = format!(
                "AADSTS{code}: No matching federated identity record found for presented assertion subject '{subject}'. Check …"
            );
            let told = asked.told();
            assert!(
                told.what_to_do().contains(&format!("{subject:?}")),
                "{told}"
            );
            if is_read || !subject.starts_with("123") {
                assert!(told.what_to_do().contains(word), "{told}");
                assert!(
                    !told.what_to_do().contains("principal (object) id"),
                    "{told}"
                );
            }
            let creates = texts(&told)
                .into_iter()
                .filter(|text| text.contains("create") || text.starts_with("New-"));
            let mut seen = 0;
            for text in creates {
                seen += 1;
                assert!(text.contains(subject), "{text}");
            }
            assert_eq!(seen, 2, "{told}");
        }
    }
}

#[test]
fn a_value_for_copying_is_not_shortened() {
    let issuer = format!("https://eastus2.oic.prod-aks.azure.com/{HOME}/{IDENTITY}/");
    let mut asked = Asked::of(700_211);
    asked.claims = Some(Claims {
        iss: Some(issuer.clone()),
        sub: Some("system:serviceaccount:default:sa".into()),
        ..Claims::default()
    });
    let told = asked.told();
    assert!(told.what_to_do().contains(&format!("{issuer:?}")), "{told}");
    assert!(told.first_step().contains(&issuer), "{told}");
    // The tenant of the cluster is not the tenant of the app.
    assert!(texts(&told)[0].contains("<home tenant id>"), "{told}");
}

#[test]
fn a_wrong_audience_of_another_kind_of_assertion_is_requested_again_or_trusted() {
    for (audience, who) in [
        ("https://github.com/contoso", Actor::Developer),
        (AUDIENCE, Actor::HomeAdministrator),
    ] {
        let mut asked = Asked::of(700_212);
        asked.claims = Some(Claims {
            iss: Some("https://token.actions.githubusercontent.com".into()),
            sub: Some("repo:contoso/app:ref:refs/heads/main".into()),
            aud: Some(audience.into()),
            ..Claims::default()
        });
        let told = asked.told();
        assert_eq!(told.who(), who, "{told}");
        assert!(!told.to_string().contains("managed_identity."), "{told}");
    }
}

#[test]
fn a_tenant_requested_by_name_is_recognised_by_the_id_in_the_response() {
    let mut asked = Asked::of(7_000_229);
    asked.tenant = "contoso.onmicrosoft.com";
    assert_eq!(asked.told().who(), Actor::TargetAdministrator);
    asked.description = format!(
        "AADSTS7000229: The client application {APP} is missing service principal in the tenant {HOME}. See …"
    );
    assert_eq!(asked.told().who(), Actor::HomeAdministrator);
}

#[test]
fn a_missing_service_principal_is_created_after_signing_in_to_its_tenant() {
    assert_eq!(
        texts(&Asked::of(7_000_229).told()),
        [
            format!("az login --tenant {TARGET} --allow-no-subscriptions"),
            format!("az ad sp create --id {APP}"),
            format!("Connect-AzAccount -Tenant {TARGET}"),
            format!("New-AzADServicePrincipal -ApplicationId {APP}"),
        ]
    );
    let mut government = Asked::of(7_000_229);
    government.cloud = CloudConfiguration::AzureGovernment;
    let told = government.told();
    assert_eq!(
        told.commands()[0].text(),
        "az cloud set --name AzureUSGovernment"
    );
    assert!(texts(&told)[3].ends_with("-Environment AzureUSGovernment"));
    let mut china = Asked::of(7_000_229);
    china.cloud = CloudConfiguration::AzureChina;
    let told = china.told();
    assert_eq!(texts(&told)[0], "az cloud set --name AzureChinaCloud");
    assert!(texts(&told)[3].ends_with("-Environment AzureChinaCloud"));
}

#[test]
fn the_administrator_of_the_tenant_that_was_asked_has_to_act() {
    for (tenant, who, named) in [
        (
            TARGET,
            Actor::TargetAdministrator,
            format!("the target tenant {TARGET}"),
        ),
        (
            HOME,
            Actor::HomeAdministrator,
            format!("the home tenant {HOME}"),
        ),
    ] {
        let mut asked = Asked::of(500_011);
        asked.tenant = tenant;
        let told = asked.told();
        assert_eq!(told.who(), who);
        assert!(told.what_happened().contains(&named), "{told}");
    }
}

#[test]
fn the_diagnosis_has_what_the_response_says_about_the_policy() {
    let plain = Asked::of(53003).told();
    assert!(!plain.what_happened().contains("suberror"), "{plain}");
    assert!(!plain.what_happened().contains("claims"), "{plain}");
    let mut asked = Asked::of(53003);
    asked.suberror = Some("message_only");
    asked.has_claims = true;
    let told = asked.told();
    let happened = told.what_happened();
    assert!(
        happened.contains("The suberror is \"message_only\"."),
        "{told}"
    );
    assert!(
        happened.contains("The answer's claims name the policy."),
        "{told}"
    );
}

#[test]
fn the_app_that_demands_an_assignment_is_named() {
    let mut asked = Asked::of(501_051);
    assert!(!asked.told().what_to_do().contains(IDENTITY));
    asked.description = format!("… is not assigned to a role for the application '{IDENTITY}'(x).");
    let told = asked.told();
    let named = format!("of the resource's application {IDENTITY} ");
    assert!(told.what_to_do().contains(&named), "{told}");
}

#[test]
fn a_command_shows_the_principal_of_the_identity_if_the_assertion_names_its_resource() {
    let mut asked = Asked::of(700_213);
    let resource = format!(
        "/subscriptions/{HOME}/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n"
    );
    asked.claims.as_mut().unwrap().xms_mirid = Some(resource.clone());
    let told = asked.told();
    let show = format!("az identity show --ids {resource} --query principalId --output tsv");
    assert!(texts(&told).contains(&show.as_str()), "{told}");
}

#[test]
fn a_mismatch_names_the_value_that_differs_and_the_right_value() {
    let issuer = format!("https://login.microsoftonline.com/{HOME}/v2.0");
    for (code, differs, value) in [
        (700_211, "the issuer differs", issuer.as_str()),
        (700_212, "the audience differs", AUDIENCE),
        (700_213, "the subject differs", PRINCIPAL),
        (70021, "issuer, subject or audience differs", PRINCIPAL),
    ] {
        let told = Asked::of(code).told();
        assert!(told.what_happened().contains(differs), "{told}");
        for presented in [issuer.as_str(), PRINCIPAL, EXCHANGE_APP] {
            assert!(told.what_happened().contains(presented), "{told}");
        }
        assert!(told.what_to_do().contains(value), "{told}");
        assert!(
            texts(&told)
                .contains(&format!("az ad app federated-credential list --id {APP}").as_str())
        );
    }
    let subject = Asked::of(700_213).told();
    assert!(
        subject
            .what_to_do()
            .contains(&format!("not its client id \"{IDENTITY}\"")),
        "{subject}"
    );
    let issuer = Asked::of(700_211).told();
    assert!(issuer.what_to_do().contains("without a slash at the end"));
    let mut slashed = Asked::of(700_211);
    slashed.claims.as_mut().unwrap().iss = Some(format!("https://sts.windows.net/{HOME}/"));
    let to_do = slashed.told().what_to_do().to_owned();
    assert!(to_do.contains("with the slash at the end"), "{to_do}");
}

#[test]
fn the_command_creates_the_trust_with_the_values_of_the_assertion() {
    let told = Asked::of(70025).told();
    let issuer = format!("https://login.microsoftonline.com/{HOME}/v2.0");
    assert_eq!(
        texts(&told),
        [
            format!("az login --tenant {HOME} --allow-no-subscriptions"),
            format!("az ad app federated-credential list --id {APP}"),
            format!(
                r#"az ad app federated-credential create --id {APP} --parameters '{{"audiences":["{AUDIENCE}"],"issuer":"{issuer}","name":"managed-identity-{PRINCIPAL}","subject":"{PRINCIPAL}"}}'"#
            ),
            format!("Connect-AzAccount -Tenant {HOME}"),
            format!(
                "New-AzADAppFederatedCredential -ApplicationObjectId (Get-AzADApplication -ApplicationId {APP}).Id -Name managed-identity-{PRINCIPAL} -Audience {AUDIENCE} -Issuer {issuer} -Subject {PRINCIPAL}"
            ),
        ]
    );
}

#[test]
fn without_readable_claims_the_values_come_from_the_description() {
    let mut asked = Asked::of(70021);
    asked.claims = None;
    asked.description = format!(
        "AADSTS70021: No matching federated identity record found for presented assertion. Assertion Issuer: 'https://login.microsoftonline.com/{HOME}/v2.0'. Assertion Subject: '{PRINCIPAL}'. Assertion Audience: '{EXCHANGE_APP}'. https://docs.example"
    );
    let told = asked.told();
    assert!(told.what_happened().contains(PRINCIPAL));
    assert!(
        texts(&told)[0].contains(HOME) && texts(&told)[2].contains(PRINCIPAL),
        "{told}"
    );

    asked = Asked::of(700_213);
    asked.claims = None;
    asked.description = format!(
        "AADSTS700213: No matching federated identity record found for presented assertion subject '{PRINCIPAL}'. Check …"
    );
    assert!(asked.told().what_to_do().contains(PRINCIPAL));
}

#[test]
fn the_developer_has_to_fix_an_assertion_for_the_audience_of_another_cloud() {
    let mut asked = Asked::of(700_212);
    asked.cloud = CloudConfiguration::AzureGovernment;
    let told = asked.told();
    assert_eq!(told.who(), Actor::Developer);
    assert!(
        told.what_to_do()
            .contains("api://AzureADTokenExchangeUSGov")
    );
}

#[test]
fn a_wrong_audience_is_changed_on_the_existing_credential() {
    assert_eq!(
        texts(&Asked::of(700_214).told())[2..],
        [
            format!(
                r#"az ad app federated-credential update --id {APP} --federated-credential-id '<id of the federated identity credential>' --parameters '{{"audiences":["{AUDIENCE}"]}}'"#
            ),
            format!("Connect-AzAccount -Tenant {HOME}"),
            format!(
                "Update-AzADAppFederatedCredential -ApplicationObjectId (Get-AzADApplication -ApplicationId {APP}).Id -FederatedCredentialId '<id of the federated identity credential>' -Audience {AUDIENCE}"
            ),
        ]
    );
}

#[test]
fn the_client_id_of_the_identity_in_place_of_the_apps_is_noticed() {
    for tenant in [HOME, TARGET] {
        let mut asked = Asked::of(700_016);
        asked.tenant = tenant;
        assert!(!asked.told().what_happened().contains("own client id"));
        asked.claims.as_mut().unwrap().azp = Some(APP.to_uppercase());
        let told = asked.told();
        assert!(
            told.what_happened()
                .contains("client_id is the managed identity's own client id")
        );
    }
}

#[test]
fn a_stale_assertion_is_explained_with_its_expiry() {
    assert!(
        Asked::of(700_024)
            .told()
            .what_happened()
            .contains("2023-11-14T22:13:20Z")
    );
    let mut odd = Asked::of(700_024);
    odd.claims.as_mut().unwrap().exp = Some(i64::MAX);
    assert!(!odd.told().what_happened().contains("exp is"));
}

#[test]
fn a_wrong_scope_is_shown_with_the_right_one() {
    let mut asked = Asked::of(1_002_012);
    asked.scopes = "https://storage.azure.com";
    assert!(
        asked
            .told()
            .what_to_do()
            .contains("\"https://storage.azure.com/.default\"")
    );
}

#[test]
fn hostile_claims_reach_no_command_and_are_escaped_in_prose() {
    for bad in [
        "'; reboot; '",
        "$(reboot)",
        "\u{1b}[31mreboot\u{202e}\n\r\0",
        "https://evil.example/'reboot",
        "{app} reboot",
        "eyJhbGciOiJub25lIn0.eyJyZWJvb3QiOjF9.c2lnbmF0dXJl-reboot",
    ] {
        for (code, ..) in CODES {
            for home in [HOME, TARGET] {
                let mut asked = Asked::of(code);
                asked.tenant = home;
                let text = Some(bad.to_owned());
                asked.claims = Some(Claims {
                    iss: text.clone(),
                    sub: text.clone(),
                    aud: text.clone(),
                    tid: text.clone(),
                    azp: text.clone(),
                    idtyp: text.clone(),
                    oid: text.clone(),
                    xms_mirid: text.clone(),
                    iat: Some(i64::MAX),
                    exp: Some(i64::MIN),
                });
                asked.description =
                    format!("AADSTS{code}: assertion subject '{bad}'. in the tenant '{bad}'");
                let told = asked.told();
                for command in texts(&told) {
                    assert!(!command.contains("reboot"), "{command}");
                }
                assert!(told.to_string().lines().all(is_clean), "{told}");
                assert!(!told.to_string().contains("eyJ"), "{told}");
            }
        }
    }
}

#[test]
fn an_unknown_value_is_a_placeholder_in_quotes() {
    let mut asked = Asked::of(700_213);
    asked.claims = None;
    let told = asked.told();
    assert!(
        texts(&told)[0].starts_with("az login --tenant '<home tenant id>'"),
        "{told}"
    );
    for command in texts(&told) {
        let outside: String = command.split('\'').step_by(2).collect();
        assert!(!outside.contains(['<', '>']), "{command}");
    }
}

#[test]
fn the_text_labels_each_of_its_parts() {
    let told = Asked::of(7_000_229).told().with_support_ids([
        ("Trace ID", "t1".to_owned()),
        ("correlation ID", "c1".to_owned()),
    ]);
    let text = told.to_string();
    let starts: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with(' ') && !line.is_empty())
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        starts,
        [
            "What happened",
            "Who has to act",
            "What to do",
            "Azure CLI:",
            "PowerShell:",
            "More",
            "More",
            "For support",
        ]
    );
    assert!(text.contains("Who has to act: the target tenant's administrator\n"));
    assert!(
        text.ends_with("For support: Trace ID t1, correlation ID c1"),
        "{text}"
    );
    let indented = text.lines().filter(|line| line.starts_with("    ")).count();
    assert_eq!(indented, told.commands().len());
}

#[test]
fn a_sentence_ends_at_its_full_stop_and_not_inside_a_value() {
    for (text, first) in [
        ("Set it to \"a. b\". Then wait.", "Set it to \"a. b\"."),
        (
            "Set it to \"a\\\". b\". Then wait.",
            "Set it to \"a\\\". b\".",
        ),
        (
            "Ask for x.default at once. Wait.",
            "Ask for x.default at once.",
        ),
        ("Only one.", "Only one."),
        ("", ""),
    ] {
        assert_eq!(first_sentence(text), first);
    }
}

#[test]
fn the_first_thing_to_do_fits_on_one_line() {
    for (code, ..) in CODES {
        let told = Asked::of(code).told();
        assert!(
            told.first_step().len() <= 180,
            "{code}: {}",
            told.first_step()
        );
    }
}

#[test]
fn values_are_cut() {
    let mut asked = Asked::of(700_213);
    asked.claims.as_mut().unwrap().sub = Some("x y ".repeat(5000));
    assert!(asked.told().to_string().len() < 4000);
}

const OUTSIDE_ITS_TIME: &str = "AADSTS700024: Client assertion is not within its valid time range. Current time: 2023-11-14T22:13:20.0000000Z, assertion valid from 2023-11-13T22:08:20.0000000Z, expiry time of assertion 2023-11-14T22:13:20.0000000Z.";

#[test]
fn a_wrong_clock_and_a_stale_assertion_have_different_explanations() {
    let mut asked = Asked::of(700_024);
    asked.description = OUTSIDE_ITS_TIME.into();
    let agree = asked.told();
    assert!(agree.what_happened().contains("is stale"), "{agree}");
    assert_eq!(agree.commands(), []);

    asked.now = NOW - 3 * 3600 - 60;
    let differ = asked.told();
    assert!(
        differ.what_happened().contains("is 3 hours behind Entra's"),
        "{differ}"
    );
    assert_eq!(differ.first_step(), "Set the host's clock by NTP.");
    assert!(texts(&differ).iter().any(|it| it.contains("timedatectl")));

    // Without a time in the sentence, both causes are possible.
    asked.description.clear();
    assert!(asked.told().what_happened().contains("or a clock is off"));
}

#[test]
fn the_developer_has_to_name_an_identity_if_the_host_selected_it() {
    for code in [700_213, 7_002_137] {
        let mut asked = Asked::of(code);
        asked.is_hosts_choice = true;
        let told = asked.told();
        assert_eq!(told.who(), Actor::Developer, "{told}");
        assert!(told.what_to_do().contains(PRINCIPAL), "{told}");
        assert!(texts(&told)[0].starts_with("az vm identity show"), "{told}");
        // A service account is not the host's choice.
        let claims = asked.claims.as_mut().unwrap();
        claims.sub = Some("system:serviceaccount:default:sa".into());
        assert_eq!(asked.told().who(), Actor::HomeAdministrator);
    }
}
