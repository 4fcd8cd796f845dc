//! The app, its service principal, and the tenant that was asked.

use super::*;

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
