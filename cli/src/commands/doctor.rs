//! `doctor`: what is wrong, who has to act, and what to run.

use crate::{
    azure::{Azure, Connection},
    outcome::{Failure, Outcome},
    output::{self, BOLD, GREEN, RED, YELLOW},
    resource_manager::GROUPS_VERSION,
};
use clap::{Args, ValueEnum};
use cross_tenant_identity::{Actor, DiagnoseOptions, Report};

#[derive(Args, Debug)]
pub(crate) struct DoctorArguments {
    /// Print only the part of one side, ready to be mailed to it.
    #[arg(long = "for", value_enum, value_name = "WHO")]
    side: Option<Side>,

    /// What the token is to be for. May be repeated. Default: Azure Resource Manager.
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        conflicts_with = "subscription_id"
    )]
    scopes: Vec<String>,

    /// Exchange the identity's token in the home tenant, too. It tests the trust by itself.
    #[arg(long)]
    home: bool,

    /// Call this resource with the token, by GET. The token is sent to it.
    #[arg(long, value_name = "URL", conflicts_with = "subscription_id")]
    resource: Option<String>,

    /// List the resource groups of this subscription with the token.
    #[arg(long, value_name = "ID")]
    subscription_id: Option<String>,

    /// Print an object for programs.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    /// The administrator of the tenant with the managed identity and the app.
    HomeAdmin,
    /// The administrator of the tenant that owns the resource.
    TargetAdmin,
    /// The developer of the service.
    Developer,
    /// The operator of the host that the service runs on.
    HostAdmin,
}

impl Side {
    fn actor(self) -> Actor {
        match self {
            Self::HomeAdmin => Actor::HomeAdministrator,
            Self::TargetAdmin => Actor::TargetAdministrator,
            Self::Developer => Actor::Developer,
            Self::HostAdmin => Actor::Operator,
        }
    }

    fn of(who: Actor) -> &'static [Side] {
        match who {
            Actor::HomeAdministrator => &[Self::HomeAdmin],
            Actor::TargetAdministrator => &[Self::TargetAdmin],
            Actor::BothAdministrators => &[Self::HomeAdmin, Self::TargetAdmin],
            Actor::Developer => &[Self::Developer],
            Actor::Operator => &[Self::HostAdmin],
            _ => &[],
        }
    }
}

impl DoctorArguments {
    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        let azure = self.connection.azure(None)?;
        let (scopes, options) = self.walk(&azure)?;
        let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
        let report = azure.credential()?.diagnose(&scopes, Some(options)).await;
        match (self.side, self.json) {
            (None, true) => output::print_json(&report)?,
            (None, false) => output::print(&text(&report))?,
            (Some(side), true) => output::print_json(&report.part_for(side.actor()))?,
            (Some(side), false) => output::print(&report.part_for(side.actor()).to_string())?,
        }
        if self
            .side
            .is_some_and(|side| report.part_for(side.actor()).is_empty())
        {
            note_others(&report);
        }
        Ok(Outcome::of(report.is_ok()))
    }

    fn walk(&self, azure: &Azure) -> Result<(Vec<String>, DiagnoseOptions), Failure> {
        let subscription = match self.subscription_id.as_deref() {
            None if !azure.is_emulated() => None,
            flag => azure.subscription_id(flag),
        };
        let mut scopes = self.scopes.clone();
        let mut resource_url = self.resource.clone();
        if scopes.is_empty() {
            let service = azure.resource_manager_service()?;
            if let (None, Some(id)) = (&resource_url, subscription) {
                let service = azure.resource_manager(azure.credential()?)?;
                let path = ["subscriptions", &id, "resourceGroups"];
                let url = service.url(&path, &[("api-version", GROUPS_VERSION)])?;
                resource_url = Some(url.into());
            }
            scopes.push(service.scope);
        }
        let options = DiagnoseOptions {
            // On the emulator it costs nothing, and shows each mistake.
            exchange_at_home: self.home || azure.is_emulated(),
            resource_url,
        };
        Ok((scopes, options))
    }
}

/// The report, and how to get the parts that others need.
fn text(report: &Report) -> String {
    let mut text = coloured(&report.to_string());
    let sides = sides(report);
    if !sides.is_empty() {
        text.push_str("\n\nTo print the part of one side alone, ready to be sent, add:");
        text.push_str(&flags(&sides));
    }
    text
}

/// Whose part is not empty.
fn note_others(report: &Report) {
    let sides = sides(report);
    if !sides.is_empty() {
        let flags = flags(&sides);
        output::note(&format!(
            "Others have to act. To print their part, use:{flags}"
        ));
    }
}

/// Who has to act.
fn sides(report: &Report) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    for side in report.actors().into_iter().flat_map(Side::of) {
        if !sides.contains(side) {
            sides.push(*side);
        }
    }
    sides
}

/// A line for each.
fn flags(sides: &[Side]) -> String {
    let line = |side: &Side| {
        let name = side.to_possible_value();
        let name = name.as_ref().map_or("", |name| name.get_name());
        format!("\n    --for {name:<14} for {}", side.actor())
    };
    sides.iter().map(line).collect()
}

fn coloured(report: &str) -> String {
    let tags = [
        ("[ok]", GREEN),
        ("[warning]", YELLOW),
        ("[failed]", RED),
        ("Result:", BOLD),
        ("Warnings:", YELLOW),
        ("What happened:", BOLD),
        ("Who has to act:", BOLD),
        ("What to do:", BOLD),
    ];
    let lines = report.lines().map(|line| {
        let tag = tags.iter().find(|(tag, _)| line.starts_with(tag));
        match tag {
            Some((tag, style)) => format!("{style}{tag}{style:#}{}", &line[tag.len()..]),
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
