//! The home tenant: the app, its secrets and its federated identity credentials.

use super::{
    directory::{Application, Directory, FederatedCredential, KeyCredential, Unread},
    finding::{Finding, Level, Side},
    identity::IdentityCredential,
    permission,
    trust::{Presented, Trust, compare},
};
use crate::{azure::Azure, guid::is_guid, outcome::Failure};
use azure_core::credentials::TokenCredential;
use cross_tenant_identity::{
    Actor, CrossTenantManagedIdentityCredential as Credential, ManagedIdentityAssertion, Report,
    StepKind,
};
use std::sync::Arc;

/// Microsoft Learn, "Important considerations and restrictions for federated identity credentials".
const MOST_CREDENTIALS: usize = 20;
/// From here on there is little room left.
const NEARLY_MOST: usize = 18;

pub(super) async fn read(
    azure: &Azure,
    credential: &Credential,
    report: &Report,
    presented: Option<&Presented>,
    side: &mut Side,
) -> Result<Option<Application>, Failure> {
    if presented.is_none() {
        no_assertion(report, side);
    }
    let client_id = azure.settings.client_id.as_str();
    let mut refusals = Vec::new();
    let mut is_denied = false;
    for (who, caller) in callers(azure, credential, report) {
        let graph = azure.graph(caller)?;
        let directory = Directory {
            graph: &graph,
            client_id,
        };
        let app = match directory.application().await {
            Ok(app) => app,
            Err(Unread::Missing) => {
                side.read_with = Some(who);
                side.push(
                    Finding::new(
                        Level::Wrong,
                        "app",
                        "there is no such app in the tenant of the identity",
                    )
                    .who(Actor::HomeAdministrator)
                    .what_to_do("Register the app there, as a multi-tenant one: the script of \"cross-tenant-identity setup home\" does that. An app of the target tenant cannot trust this identity."),
                );
                return Ok(None);
            }
            Err(why) => {
                is_denied |= matches!(why, Unread::Denied(_));
                refusals.push(format!("{who}: {}", why.told()));
                continue;
            }
        };
        side.read_with = Some(who);
        of_app(&app, client_id, side);
        match directory.federated_credentials().await {
            Ok(all) => of_credentials(&all, presented, client_id, side),
            Err(why) => side.add(Level::NotRead, "federated identity credentials", why.told()),
        }
        match directory.service_principal().await {
            Ok(_) => side.add(Level::Ok, "service principal", "the app has one here"),
            Err(Unread::Missing) => side.add_with(
                Level::Warning,
                "service principal",
                "the app has none here, so it gets no token of its own tenant",
                vec![format!("az ad sp create --id {}", quoted(client_id))],
            ),
            Err(why) => side.add(Level::NotRead, "service principal", why.told()),
        }
        return Ok(Some(app));
    }
    let why = match refusals.is_empty() {
        true => "nobody could ask: there is no identity token".to_owned(),
        false => format!("nobody could read it: {}", refusals.join("; ")),
    };
    let mut finding = Finding::new(Level::NotRead, "app", why);
    if is_denied {
        let to_do = format!(
            "Grant {} of Microsoft Graph to the managed identity, as below, or to the app. A token that is in use does not have it yet.",
            permission::NAME
        );
        let identity = presented.map(|it| it.subject.as_str());
        finding = finding
            .who(Actor::HomeAdministrator)
            .what_to_do(&to_do)
            .commands(permission::grant(azure, side.tenant.as_deref(), identity));
    }
    side.push(finding);
    Ok(None)
}

/// Who may be able to read, and under which name.
fn callers(
    azure: &Azure,
    credential: &Credential,
    report: &Report,
) -> Vec<(&'static str, Arc<dyn TokenCredential>)> {
    let mut callers: Vec<(&'static str, Arc<dyn TokenCredential>)> = Vec::new();
    if report.home_tenant().is_none() {
        return callers;
    }
    // A token file has no identity that could be asked.
    if let Some(mut options) = azure.managed_identity_options()
        && let Ok(service) = azure.graph_service()
    {
        options.audience = Some(service.scope.trim_end_matches("/.default").to_owned());
        if let Ok(identity) = ManagedIdentityAssertion::new(Some(options)) {
            callers.push((
                "the managed identity",
                Arc::new(IdentityCredential(identity)),
            ));
        }
    }
    if let Some(home) = report.home_tenant()
        && let Ok(app) = credential.for_tenant(home)
    {
        callers.push(("the app", app));
    }
    callers
}

fn no_assertion(report: &Report, side: &mut Side) {
    let step = report.step(StepKind::Assertion);
    let why = step.map_or("", |step| step.summary());
    let message = format!("there is none to compare with: {why}");
    let finding = Finding::new(Level::Wrong, "identity token", message);
    side.push(match step.and_then(|step| step.diagnosis()) {
        Some(diagnosis) => finding.diagnosed(diagnosis),
        None => finding,
    });
}

fn of_app(app: &Application, client_id: &str, side: &mut Side) {
    match app.sign_in_audience.as_deref() {
        Some("AzureADMultipleOrgs" | "AzureADandPersonalMicrosoftAccount") => {
            side.add(Level::Ok, "app", "it is multi-tenant");
        }
        other => side.add_with(
            Level::Wrong,
            "app",
            format!(
                "it is not multi-tenant (signInAudience {}), so no other tenant can have it",
                other.unwrap_or("is missing")
            ),
            vec![format!(
                "az ad app update --id {} --sign-in-audience AzureADMultipleOrgs",
                quoted(client_id)
            )],
        ),
    }
    of_keys("client secret", &app.password_credentials, client_id, side);
    of_keys("certificate", &app.key_credentials, client_id, side);
    if app.password_credentials.is_empty() && app.key_credentials.is_empty() {
        side.add(
            Level::Ok,
            "secrets",
            "the app has neither a client secret nor a certificate",
        );
    }
}

/// Whoever has one does not need the managed identity.
fn of_keys(kind: &str, keys: &[KeyCredential], client_id: &str, side: &mut Side) {
    for key in keys {
        let name = key.display_name.as_deref().unwrap_or("without a name");
        let until = key.end_date_time.as_deref().unwrap_or("an unknown date");
        let cert = if kind == "certificate" { " --cert" } else { "" };
        let command = key.key_id.as_deref().filter(|id| is_guid(id)).map(|id| {
            let app = quoted(client_id);
            format!("az ad app credential delete --id {app} --key-id {id}{cert}")
        });
        side.add_with(
            Level::Warning,
            format!("{kind} {name:?}"),
            format!("it is valid until {until}, and opens every tenant that has the app: delete it if nothing else uses it"),
            command.into_iter().collect(),
        );
    }
}

fn of_credentials(
    all: &[FederatedCredential],
    presented: Option<&Presented>,
    client_id: &str,
    side: &mut Side,
) {
    let mut is_trusted = false;
    for credential in all {
        let about = format!("credential {:?}", credential.name);
        let trust = presented.map(|presented| (presented, compare(credential, presented)));
        match trust {
            None => side.add(Level::Ok, about, "not compared"),
            Some((_, Trust::Matches)) => {
                is_trusted = true;
                side.add(Level::Ok, about, "it trusts this identity");
            }
            Some((_, Trust::OfAnother)) => {
                let subject = credential.subject.as_deref().unwrap_or("an expression");
                side.add(
                    Level::Warning,
                    about,
                    format!("it is for another identity (subject {subject}) and not used here: delete it if nothing else uses it"),
                );
            }
            Some((presented, Trust::Wrong(differences))) => {
                let told: Vec<_> = differences
                    .iter()
                    .map(|it| format!("{}: {}", it.field, it.why))
                    .collect();
                side.add_with(
                    Level::Wrong,
                    about,
                    told.join("; "),
                    vec![update(client_id, &credential.name, presented)],
                );
            }
        }
    }
    if let (Some(presented), false) = (presented, is_trusted) {
        let message = match all.is_empty() {
            true => "the app has no federated identity credential",
            false => "none of the app's federated identity credentials trusts this identity",
        };
        let repairs = side
            .findings
            .iter()
            .flat_map(|it| &it.commands)
            .any(|it| it.contains("federated-credential update"));
        let command = (!repairs).then(|| create(client_id, presented));
        side.add_with(
            Level::Wrong,
            "trust",
            message,
            command.into_iter().collect(),
        );
    }
    if all.len() >= NEARLY_MOST {
        side.add(
            Level::Warning,
            "number of credentials",
            format!(
                "{} of at most {MOST_CREDENTIALS}: delete those that are not used",
                all.len()
            ),
        );
    }
}

fn update(client_id: &str, name: &str, presented: &Presented) -> String {
    let body = serde_json::json!({
        "issuer": presented.issuer,
        "subject": presented.subject,
        "audiences": [presented.audience],
    });
    format!(
        "az ad app federated-credential update --id {} --federated-credential-id {} --parameters {}",
        quoted(client_id),
        quoted(name),
        quoted(&body.to_string())
    )
}

fn create(client_id: &str, presented: &Presented) -> String {
    let body = serde_json::json!({
        "name": "managed-identity",
        "issuer": presented.issuer,
        "subject": presented.subject,
        "audiences": [presented.audience],
    });
    format!(
        "az ad app federated-credential create --id {} --parameters {}",
        quoted(client_id),
        quoted(&body.to_string())
    )
}

/// POSIX.1-2024, Shell Command Language, 2.2.2. What a terminal would obey is not pasted.
fn quoted(word: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b":/._-".contains(&b);
    if !word.is_empty() && !word.starts_with('-') && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", crate::table::printable(word).replace('\'', r"'\''"))
}
