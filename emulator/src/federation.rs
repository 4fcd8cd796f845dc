//! Whether an app trusts an assertion: its federated identity credentials.
//!
//! Microsoft Learn: "Configure an application to trust a managed identity", "Important
//! considerations and restrictions for federated identity credentials".

use crate::{
    assertion::Assertion,
    directory::Directory,
    principals::{TOKEN_EXCHANGE_APP_ID, TOKEN_EXCHANGE_AUDIENCE, issuer, v1_issuer},
    refusal::Refusal,
};

/// Refuses unless a federated identity credential of the app trusts the assertion.
pub(crate) fn check(
    directory: &mut Directory,
    client_id: &str,
    assertion: &Assertion,
) -> Result<(), Refusal> {
    let Some(app) = directory.registration(client_id) else {
        return Err(Refusal::no_federated_credentials(client_id, ""));
    };
    if app.trusts.is_empty() {
        return Err(Refusal::no_federated_credentials(
            &app.application.client_id,
            &app.application.display_name,
        ));
    }
    check_entra_issued(directory, &app.application.tenant_id, assertion)?;
    find(directory, client_id, assertion)
}

/// The rules for assertions that Entra itself issued; other issuers' know none of them.
fn check_entra_issued(
    directory: &Directory,
    home_tenant_id: &str,
    assertion: &Assertion,
) -> Result<(), Refusal> {
    let is_of = |tenant_id: &str| {
        assertion.issuer.eq_ignore_ascii_case(&issuer(tenant_id))
            || assertion.issuer.eq_ignore_ascii_case(&v1_issuer(tenant_id))
    };
    let Some(tenant) = directory.tenants.iter().find(|tenant| is_of(&tenant.id)) else {
        return Ok(());
    };
    if !tenant.id.eq_ignore_ascii_case(home_tenant_id) {
        return Err(Refusal::foreign_entra_issuer(&assertion.issuer));
    }
    if assertion.claim("idtyp") != Some("app") {
        return Err(Refusal::not_app_only());
    }
    if assertion.has_claim("xms_ficinfo") {
        return Err(Refusal::came_from_federation());
    }
    if assertion.audience != TOKEN_EXCHANGE_APP_ID {
        return Err(Refusal::not_for_token_exchange(&assertion.audience));
    }
    let of_an_app = directory
        .service_principals
        .iter()
        .any(|presence| presence.principal.object_id == assertion.subject);
    if of_an_app {
        return Err(Refusal::not_of_a_managed_identity());
    }
    Ok(())
}

/// Issuer, subject and audience are compared byte for byte, and the first that no credential
/// shares with those before it is what Entra names.
fn find(directory: &mut Directory, client_id: &str, assertion: &Assertion) -> Result<(), Refusal> {
    let Some(app) = directory.registration_mut(client_id) else {
        return Err(Refusal::no_federated_credentials(client_id, ""));
    };
    let mut issued: Vec<_> = app
        .trusts
        .iter_mut()
        .filter(|trust| trust.credential.issuer == assertion.issuer)
        .collect();
    if issued.is_empty() {
        return Err(Refusal::no_matching_issuer(&assertion.issuer));
    }
    let differs_in_case = issued.iter().any(|trust| {
        trust
            .credential
            .subject
            .eq_ignore_ascii_case(&assertion.subject)
    });
    issued.retain(|trust| trust.credential.subject == assertion.subject);
    if issued.is_empty() {
        return Err(if differs_in_case {
            Refusal::subject_differs_in_case(&assertion.subject)
        } else {
            Refusal::no_matching_subject(&assertion.subject)
        });
    }
    let as_guid = issued
        .iter()
        .any(|trust| trust.credential.audience == TOKEN_EXCHANGE_APP_ID);
    let presented = presented_audience(assertion);
    issued.retain(|trust| trust.credential.audience == presented);
    match issued.first_mut() {
        None if as_guid => Err(Refusal::audience_is_not_the_uri(TOKEN_EXCHANGE_APP_ID)),
        None => Err(Refusal::no_matching_audience(presented)),
        Some(trust) if trust.unpropagated > 0 => {
            trust.unpropagated -= 1;
            Err(Refusal::not_propagated(
                &assertion.issuer,
                &assertion.subject,
                presented,
            ))
        }
        Some(_) => Ok(()),
    }
}

/// The token holds the exchange endpoint's app id, the credential its URI.
fn presented_audience(assertion: &Assertion) -> &str {
    if assertion.audience == TOKEN_EXCHANGE_APP_ID {
        TOKEN_EXCHANGE_AUDIENCE
    } else {
        &assertion.audience
    }
}
