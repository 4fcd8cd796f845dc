//! The assertion: its kind, its audience, its time.

use super::*;

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
