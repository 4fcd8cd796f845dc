//! Whether an app's federated identity credentials trust an assertion.
//!
//! Microsoft Learn: "Configure an application to trust a managed identity", "Important
//! considerations and restrictions for federated identity credentials".

use crate::{
    entra::{client_assertion::ClientAssertion, refusal::Refusal},
    world::{
        cloud::Cloud,
        directory::Directory,
        tokens::{TOKEN_EXCHANGE_APP_ID, v1_issuer},
    },
};

/// Refuses the assertion if no federated identity credential of the app trusts it.
pub(crate) fn check(
    directory: &mut Directory,
    client_id: &str,
    assertion: &ClientAssertion,
) -> Result<(), Refusal> {
    let Some(app) = directory.registration(client_id) else {
        return Err(Refusal::no_federated_credentials(client_id, ""));
    };
    if app.federated_credentials.is_empty() {
        return Err(Refusal::no_federated_credentials(
            &app.application.client_id,
            &app.application.display_name,
        ));
    }
    check_entra_issued(directory, &app.application.tenant_id, assertion)?;
    find(directory, client_id, assertion)
}

/// The checks for assertions from Entra. Assertions from other issuers skip them.
fn check_entra_issued(
    directory: &Directory,
    home_tenant_id: &str,
    assertion: &ClientAssertion,
) -> Result<(), Refusal> {
    let is_of = |tenant_id: &str| {
        assertion
            .issuer
            .eq_ignore_ascii_case(&directory.cloud.issuer(tenant_id))
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
        .any(|state| state.principal.object_id == assertion.subject);
    if of_an_app {
        return Err(Refusal::not_of_a_managed_identity());
    }
    Ok(())
}

/// Compares issuer, subject and audience, in this order and byte for byte. The refusal names the
/// first one that no credential has.
fn find(
    directory: &mut Directory,
    client_id: &str,
    assertion: &ClientAssertion,
) -> Result<(), Refusal> {
    let cloud = directory.cloud;
    let Some(app) = directory.registration_mut(client_id) else {
        return Err(Refusal::no_federated_credentials(client_id, ""));
    };
    let mut issued: Vec<_> = app
        .federated_credentials
        .iter_mut()
        .filter(|stored| stored.credential.issuer == assertion.issuer)
        .collect();
    if issued.is_empty() {
        return Err(Refusal::no_matching_issuer(&assertion.issuer));
    }
    let differs_in_case = issued.iter().any(|stored| {
        stored
            .credential
            .subject
            .eq_ignore_ascii_case(&assertion.subject)
    });
    issued.retain(|stored| stored.credential.subject == assertion.subject);
    if issued.is_empty() {
        return Err(if differs_in_case {
            Refusal::subject_differs_in_case(&assertion.subject)
        } else {
            Refusal::no_matching_subject(&assertion.subject)
        });
    }
    let as_guid = issued
        .iter()
        .any(|stored| stored.credential.audience == TOKEN_EXCHANGE_APP_ID);
    let presented = presented_audience(cloud, assertion);
    issued.retain(|stored| stored.credential.audience == presented);
    match issued.first_mut() {
        None if as_guid => Err(Refusal::audience_is_not_the_uri(TOKEN_EXCHANGE_APP_ID)),
        None => Err(Refusal::no_matching_audience(presented)),
        Some(stored) if stored.refusals_left > 0 => {
            stored.refusals_left -= 1;
            Err(Refusal::not_propagated(
                &assertion.issuer,
                &assertion.subject,
                presented,
            ))
        }
        Some(_) => Ok(()),
    }
}

/// The audience as a credential holds it: the URI, where the token has the app id.
fn presented_audience(cloud: Cloud, assertion: &ClientAssertion) -> &str {
    if assertion.audience == TOKEN_EXCHANGE_APP_ID {
        cloud.token_exchange_audience()
    } else {
        &assertion.audience
    }
}
