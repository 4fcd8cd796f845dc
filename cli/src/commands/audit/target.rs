//! The target tenant: the app's service principal.

use super::{
    directory::{Directory, Unread},
    finding::{Finding, Level, Side},
    permission,
};
use crate::{azure::Azure, guid::is_guid, outcome::Failure};
use cross_tenant_identity::{
    Actor, CrossTenantManagedIdentityCredential as Credential, Report, ReportStep, StepKind,
    StepOutcome,
};
use std::sync::Arc;

pub(super) async fn read(
    azure: &Azure,
    credential: &Arc<Credential>,
    report: &Report,
    home: &Side,
    side: &mut Side,
) -> Result<(), Failure> {
    let Some(exchange) = report.step(StepKind::TargetExchange) else {
        return Ok(());
    };
    match exchange.outcome() {
        StepOutcome::Ok | StepOutcome::Warning => {
            side.add(
                Level::Ok,
                "token",
                "the tenant gives the app a token for Microsoft Graph",
            );
        }
        StepOutcome::Skipped => {
            side.add(
                Level::NotRead,
                "token",
                "it was not asked for, as there is no identity token",
            );
            return Ok(());
        }
        _ => {
            of_refusal(exchange, home, side);
            return Ok(());
        }
    }
    side.read_with = Some("the app");
    let graph = azure.graph(Arc::clone(credential) as _)?;
    let directory = Directory {
        graph: &graph,
        client_id: &azure.settings.client_id,
    };
    match directory.service_principal().await {
        Ok(principal) => {
            let id = &principal.id;
            match principal.account_enabled {
                Some(false) => side.push(
                    Finding::new(
                        Level::Wrong,
                        "service principal",
                        format!("{id} is disabled"),
                    )
                    .who(Actor::TargetAdministrator)
                    .what_to_do("Enable it again, once you know why it was disabled.")
                    .commands(enable(id)),
                ),
                _ => side.add(
                    Level::Ok,
                    "service principal",
                    format!("{id} is enabled; it is this object id that roles are granted to"),
                ),
            }
            let owner = principal.app_owner_organization_id;
            if let (Some(owner), Some(home)) = (owner, report.home_tenant())
                && !owner.eq_ignore_ascii_case(home)
            {
                side.add(
                    Level::Wrong,
                    "owner of the app",
                    format!("the app is registered in {owner}, and the identity is of {home}: an app trusts only identities of its own tenant"),
                );
            }
        }
        Err(Unread::Missing) => side.add(
            Level::NotRead,
            "service principal",
            "Microsoft Graph does not show it yet: wait some minutes",
        ),
        Err(Unread::Denied(why)) => {
            let claim = exchange.claims().find(|(name, _)| *name == "oid");
            let principal = claim.map(|(_, id)| id);
            let to_do = format!(
                "Grant the app {} of Microsoft Graph in this tenant, for this audit alone: its own work does not need it.",
                permission::NAME
            );
            let commands = permission::grant(azure, side.tenant.as_deref(), principal.as_deref());
            side.push(
                Finding::new(Level::NotRead, "service principal", why)
                    .who(Actor::TargetAdministrator)
                    .what_to_do(&to_do)
                    .commands(commands),
            );
        }
        Err(Unread::Failed(why)) => side.add(Level::NotRead, "service principal", why),
    }
    Ok(())
}

fn enable(id: &str) -> Vec<String> {
    let known = Some(id).filter(|id| is_guid(id)).into_iter();
    known
        .map(|id| format!("az ad sp update --id {id} --set accountEnabled=true"))
        .collect()
}

fn of_refusal(exchange: &ReportStep, home: &Side, side: &mut Side) {
    let message = format!("the tenant gives the app none: {}", exchange.summary());
    let finding = Finding::new(Level::Wrong, "token", message);
    side.push(match exchange.diagnosis() {
        // With what is really there in place of what Entra says of it.
        Some(diagnosis) if diagnosis.who() == Actor::HomeAdministrator && home.has_wrong() => {
            finding
                .who(Actor::HomeAdministrator)
                .what_to_do("See the home tenant above.")
        }
        Some(diagnosis) => finding.diagnosed(diagnosis),
        None => finding,
    });
}
