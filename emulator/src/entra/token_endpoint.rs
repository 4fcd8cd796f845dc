//! Entra's token endpoint: the `client_credentials` grant (RFC 6749 section 4.4) with a JWT as
//! client authentication (RFC 7523 section 2.2).
//!
//! The checks, in Entra's order: form, tenant, app and its sign-in audience, the assertion's form,
//! signature and time, federated identity credential, service principal, resource, Conditional
//! Access.

use serde_json::json;
use uuid::Uuid;

use crate::{
    entra::{
        access_token::Claims,
        client_assertion::ClientAssertion,
        federated_credential,
        loop_detector::LoopDetector,
        refusal::{Refusal, with_entra_headers},
        token_request::{ClientCredential, TokenRequest},
    },
    guid::guid,
    wire::{
        hosts::AUTHORITY_HOSTS,
        http::{Request, Response},
    },
    world::{
        World,
        directory::Directory,
        principals::{Application, SignInAudience, Tenant},
        signing_key::SigningKey,
        tokens::{BACKDATED_SECONDS, roles, seconds},
    },
};

/// Responds to a token request for the tenant in the path. `now` is the time on Entra's clock.
pub(crate) fn respond(
    world: &mut World,
    loop_detector: &mut LoopDetector,
    key: &SigningKey,
    request: &Request,
    tenant: &str,
    now: i64,
) -> Response {
    issue(world, loop_detector, key, request, tenant, now)
        .map(|response| with_entra_headers(response, request, &guid()))
        .unwrap_or_else(|refusal| refusal.response(request, now))
}

fn issue(
    world: &mut World,
    loop_detector: &mut LoopDetector,
    key: &SigningKey,
    request: &Request,
    tenant: &str,
    now: i64,
) -> Result<Response, Refusal> {
    let form = TokenRequest::read(request)?;
    let tenant = find_tenant(&world.directory, request, tenant, form.client_id)?.clone();
    let application = find_application(&world.directory, form.client_id, &tenant)?.clone();
    let assertion = match form.credential {
        ClientCredential::Secret => return Err(Refusal::wrong_secret(form.client_id)),
        ClientCredential::Assertion(token) => ClientAssertion::read(token, key, now)?,
    };
    federated_credential::check(&mut world.directory, form.client_id, &assertion)?;
    let principal_id = find_service_principal(world, &application, &tenant)?;
    check_resource(world, &application, &tenant, form.resource)?;
    let blocked = world
        .directory
        .service_principal(&tenant.id, form.client_id)
        .is_some_and(|state| state.blocked);
    if blocked {
        return Err(Refusal::conditional_access());
    }
    if world.settings.loop_detection && loop_detector.is_loop(&form, &tenant.id, now) {
        return Err(Refusal::request_loop());
    }

    let lifetime = seconds(world.settings.access_token_lifetime);
    let claims = Claims {
        cloud: world.directory.cloud,
        application: &application,
        tenant_id: &tenant.id,
        principal_id: principal_id.as_deref(),
        resource: form.resource,
        roles: principal_id
            .as_deref()
            .and_then(|id| roles(&world.directory, id, form.resource)),
        not_before: now - BACKDATED_SECONDS,
        expires_on: now + lifetime,
    };
    let mut body = json!({
        "token_type": "Bearer",
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": key.sign(&claims.to_json()),
    });
    if let Some(refresh_in) = world.settings.refresh_in {
        body["refresh_in"] = json!(seconds(refresh_in));
    }
    Ok(Response::json(200, &body))
}

fn find_tenant<'a>(
    directory: &'a Directory,
    request: &Request,
    named: &str,
    client_id: &str,
) -> Result<&'a Tenant, Refusal> {
    if ["common", "organizations", "consumers"].contains(&named) {
        return Err(match directory.registration(client_id) {
            Some(app) if app.application.sign_in_audience == SignInAudience::AzureADMyOrg => {
                Refusal::common_for_single_tenant(
                    &app.application.client_id,
                    &app.application.display_name,
                )
            }
            _ => Refusal::common_for_client_credentials(),
        });
    }
    if Uuid::try_parse(named).is_err() && !is_domain_name(named) {
        return Err(Refusal::malformed_tenant(named));
    }
    let host = request.host.as_str();
    if AUTHORITY_HOSTS.contains(&host) && !directory.cloud.has_authority(host) {
        return Err(Refusal::unknown_tenant(named));
    }
    directory
        .tenant(named)
        .ok_or_else(|| Refusal::unknown_tenant(named))
}

/// RFC 1123 section 2.1, with at least two labels.
fn is_domain_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

/// Finds the app. A single-tenant app exists only in its home tenant.
fn find_application<'a>(
    directory: &'a Directory,
    client_id: &str,
    tenant: &Tenant,
) -> Result<&'a Application, Refusal> {
    directory
        .registration(client_id)
        .map(|app| &app.application)
        .filter(|app| {
            app.tenant_id.eq_ignore_ascii_case(&tenant.id)
                || app.sign_in_audience == SignInAudience::AzureADMultipleOrgs
        })
        .ok_or_else(|| Refusal::unknown_application(client_id, &tenant.display_name))
}

/// The object id of the app's service principal in `tenant`. It is `None` only if the app has no
/// service principal in its home tenant and the setting for the old behaviour is on.
fn find_service_principal(
    world: &World,
    application: &Application,
    tenant: &Tenant,
) -> Result<Option<String>, Refusal> {
    let at_home = application.tenant_id.eq_ignore_ascii_case(&tenant.id);
    match world
        .directory
        .service_principal(&tenant.id, &application.client_id)
    {
        Some(state) if state.enabled => Ok(Some(state.principal.object_id.clone())),
        Some(_) => Err(Refusal::disabled(
            &application.client_id,
            &application.display_name,
        )),
        None if at_home && world.settings.home_tokens_without_service_principal => Ok(None),
        None => Err(Refusal::no_service_principal(
            &application.client_id,
            &tenant.id,
        )),
    }
}

fn check_resource(
    world: &World,
    application: &Application,
    tenant: &Tenant,
    resource: &str,
) -> Result<(), Refusal> {
    match world.directory.resource(&tenant.id, resource) {
        None => Err(Refusal::unknown_resource(resource, &tenant.display_name)),
        Some(known) if known.assignment_required => Err(Refusal::assignment_required(
            &application.client_id,
            resource,
        )),
        Some(_) => Ok(()),
    }
}
