//! Entra's token endpoint: the `client_credentials` grant (RFC 6749 section 4.4) with a JWT as
//! client authentication (RFC 7523 section 2.2).
//!
//! The order of its checks: form, tenant, app and its audience type, the assertion's form,
//! signature and time, federated identity credential, service principal, resource.

use serde_json::json;
use std::collections::{HashMap, VecDeque};
use uuid::Uuid;

use crate::{
    assertion::Assertion,
    directory::Directory,
    federation,
    identity_tokens::{BACKDATED_SECONDS, opaque, seconds},
    keys::SigningKey,
    log::fingerprint,
    principals::{
        Application, SignInAudience, TOKEN_EXCHANGE_APP_ID, TOKEN_EXCHANGE_AUDIENCE, Tenant, guid,
        issuer, v1_issuer,
    },
    refusal::{Refusal, with_entra_headers},
    wire::{Answer, Request, duplicate},
    world::World,
};

/// RFC 7523 section 2.2.
const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The authority hosts of other clouds (Microsoft Learn, "National clouds"): they do not know
/// this cloud's tenants.
const OTHER_CLOUDS: [&str; 6] = [
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login.sovcloud-identity.fr",
    "login.sovcloud-identity.de",
    "login.sovcloud-identity.sg",
];

/// Answers a token request for the tenant that the path names. `now` is Entra's idea of it.
pub(crate) fn answer(
    world: &mut World,
    key: &SigningKey,
    request: &Request,
    tenant: &str,
    now: i64,
) -> Answer {
    issue(world, key, request, tenant, now)
        .map(|answer| with_entra_headers(answer, request, &guid()))
        .unwrap_or_else(|refusal| refusal.answer(request, now))
}

fn issue(
    world: &mut World,
    key: &SigningKey,
    request: &Request,
    tenant: &str,
    now: i64,
) -> Result<Answer, Refusal> {
    let form = Form::read(request)?;
    let tenant = find_tenant(&world.directory, request, tenant, form.client_id)?.clone();
    let application = find_application(&world.directory, form.client_id, &tenant)?.clone();
    let assertion = match form.credential {
        Credential::Secret => return Err(Refusal::wrong_secret(form.client_id)),
        Credential::Assertion(token) => Assertion::read(token, key, now)?,
    };
    federation::check(&mut world.directory, form.client_id, &assertion)?;
    let principal_id = find_principal(world, &application, &tenant)?;
    check_resource(world, &application, &tenant, form.resource)?;
    let blocked = world
        .directory
        .presence(&tenant.id, form.client_id)
        .is_some_and(|presence| presence.blocked);
    if blocked {
        return Err(Refusal::conditional_access());
    }
    if world.settings.loop_detection && world.loops.looping(&form, &tenant.id, now) {
        return Err(Refusal::request_loop());
    }

    let lifetime = seconds(world.settings.access_token_lifetime);
    let claims = Claims {
        application: &application,
        tenant_id: &tenant.id,
        principal_id: principal_id.as_deref(),
        resource: form.resource,
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
    Ok(Answer::json(200, &body))
}

/// The form's fields, all there and each of the right kind.
struct Form<'a> {
    client_id: &'a str,
    resource: &'a str,
    credential: Credential<'a>,
}

enum Credential<'a> {
    Assertion(&'a str),
    /// Never right: no app here has one.
    Secret,
}

impl<'a> Form<'a> {
    fn read(request: &'a Request) -> Result<Form<'a>, Refusal> {
        if request.method != "POST" {
            return Err(Refusal::only_post(&request.method));
        }
        if let Some(name) = duplicate(&request.form) {
            return Err(Refusal::duplicate_field(name));
        }
        let field = |name: &str| {
            request
                .form(name)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| Refusal::missing_field(name))
        };
        match field("grant_type")? {
            "client_credentials" => {}
            other => return Err(Refusal::unsupported_grant(other)),
        }
        let client_id = field("client_id")?;
        let resource = resource(field("scope")?)?;
        let credential = match (field("client_assertion"), field("client_secret")) {
            (Ok(assertion), _) => {
                if field("client_assertion_type")? != CLIENT_ASSERTION_TYPE {
                    return Err(Refusal::assertion_type());
                }
                Credential::Assertion(assertion)
            }
            (Err(_), Ok(_)) => Credential::Secret,
            (Err(_), Err(_)) => return Err(Refusal::no_client_credential()),
        };
        Ok(Form {
            client_id,
            resource,
            credential,
        })
    }
}

/// The one resource that the scopes are of. Microsoft Learn, "Microsoft identity platform and
/// the OAuth 2.0 client credentials flow": `{resource}/.default`.
fn resource(scope: &str) -> Result<&str, Refusal> {
    /// OpenID Connect Core section 5.4 and section 11: scopes of no resource.
    const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

    let mut found: Option<&str> = None;
    for scope in scope.split_whitespace() {
        if OPENID.contains(&scope) {
            continue;
        }
        let Some(resource) = scope.strip_suffix("/.default") else {
            return Err(Refusal::scope_without_default(scope));
        };
        if resource.is_empty() || resource.contains(char::is_control) {
            return Err(Refusal::malformed_scope(scope));
        }
        if found.is_some_and(|before| before != resource) {
            return Err(Refusal::several_resources());
        }
        found = Some(resource);
    }
    found.ok_or_else(Refusal::no_resource)
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
    if OTHER_CLOUDS.contains(&request.host.as_str()) {
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

/// A single-tenant app is not to be found anywhere but at home.
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

/// The object id of the app's service principal in `tenant`; `None` is the old behaviour of a
/// home tenant without one.
fn find_principal(
    world: &World,
    application: &Application,
    tenant: &Tenant,
) -> Result<Option<String>, Refusal> {
    let at_home = application.tenant_id.eq_ignore_ascii_case(&tenant.id);
    match world.directory.presence(&tenant.id, &application.client_id) {
        Some(presence) if presence.enabled => Ok(Some(presence.principal.object_id.clone())),
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

struct Claims<'a> {
    application: &'a Application,
    tenant_id: &'a str,
    principal_id: Option<&'a str>,
    resource: &'a str,
    not_before: i64,
    expires_on: i64,
}

impl Claims<'_> {
    /// Microsoft Learn, "Access token claims reference": v1.0 for Azure's own resources. A token
    /// for token exchange is v2.0, and says that it came from a federated identity credential.
    fn to_json(&self) -> serde_json::Value {
        let mut claims = json!({
            "iat": self.not_before,
            "nbf": self.not_before,
            "exp": self.expires_on,
            "aio": opaque(),
            "idtyp": "app",
            "rh": opaque(),
            "tid": self.tenant_id,
            "uti": opaque(),
        });
        if self.resource.eq_ignore_ascii_case(TOKEN_EXCHANGE_AUDIENCE) {
            claims["aud"] = json!(TOKEN_EXCHANGE_APP_ID);
            claims["iss"] = json!(issuer(self.tenant_id));
            claims["azp"] = json!(self.application.client_id);
            claims["azpacr"] = json!("2");
            claims["ver"] = json!("2.0");
            claims["xms_ficinfo"] = json!(opaque());
        } else {
            claims["aud"] = json!(self.resource);
            claims["iss"] = json!(v1_issuer(self.tenant_id));
            claims["idp"] = json!(v1_issuer(self.tenant_id));
            claims["appid"] = json!(self.application.client_id);
            claims["appidacr"] = json!("2");
            claims["ver"] = json!("1.0");
        }
        if let Some(principal_id) = self.principal_id {
            claims["oid"] = json!(principal_id);
            claims["sub"] = json!(principal_id);
        }
        claims
    }
}

/// Counts equal requests (AADSTS50196).
#[derive(Default)]
pub(crate) struct LoopDetector {
    granted: HashMap<String, VecDeque<i64>>,
}

impl LoopDetector {
    /// Microsoft Learn, "Microsoft Entra authentication and authorization error codes", 50196:
    /// more than 15 equal requests in five minutes.
    const MOST: usize = 15;
    const SECONDS: i64 = 5 * 60;

    /// From this many on, requests that have not been made for five minutes are forgotten.
    const MANY: usize = 10_000;

    fn looping(&mut self, form: &Form<'_>, tenant_id: &str, now: i64) -> bool {
        let Credential::Assertion(assertion) = form.credential else {
            return false;
        };
        let request = [
            tenant_id,
            form.client_id,
            form.resource,
            &fingerprint(assertion),
        ]
        .join("\n");
        let recent = |before: &i64| (now - before).abs() < Self::SECONDS;
        if self.granted.len() >= Self::MANY {
            self.granted.retain(|_, times| times.iter().any(recent));
        }
        let times = self.granted.entry(request).or_default();
        times.retain(recent);
        times.push_back(now);
        times.len() > Self::MOST
    }
}
