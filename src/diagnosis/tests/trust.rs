//! The federated identity credential.

use super::*;

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
