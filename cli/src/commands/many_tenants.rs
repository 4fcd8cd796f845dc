//! `many-tenants`: the resource groups of many target tenants at once, with one assertion for all.

#[cfg(feature = "emulator")]
mod emulated;
mod list;
mod summary;

use crate::{
    azure::{Azure, Connection},
    clock,
    outcome::{Failure, Outcome},
    output, resource_manager,
    resource_manager::ResourceGroup,
};
use clap::{Args, value_parser};
use cross_tenant_identity::CrossTenantManagedIdentityCredential as Credential;
use futures::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use list::Tenant;
use std::{path::PathBuf, sync::Arc};
use summary::Summary;

const MORE: &str = "\
FILE has a line for each tenant: its id or domain, its subscription (default: all that the app sees
there) and a name for people, with commas between them. Empty lines and those that begin with # are
left out:

  # tenant, subscription, name
  11736a4e-0000-4000-8000-000000000002, 5b5c7170-0000-4000-8000-00000000000a, Litware
  fabrikam.example";

#[derive(Args, Debug)]
#[command(after_help = MORE)]
pub(crate) struct ManyTenantsArguments {
    /// The list of tenants; - for standard input. On the emulator there are 200, of which three are set
    /// up wrong.
    #[cfg_attr(
        feature = "emulator",
        arg(required_unless_present = "emulator", conflicts_with = "emulator")
    )]
    #[cfg_attr(not(feature = "emulator"), arg(required = true))]
    file: Option<PathBuf>,

    /// How many tenants are asked at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = value_parser!(u16).range(1..=256))]
    concurrency: u16,

    /// Print an object for programs.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    connection: Connection,
}

/// What a tenant has shown.
pub(crate) struct Answer {
    pub(crate) tenant: Tenant,
    pub(crate) groups: Result<Vec<ResourceGroup>, Failure>,
}

impl ManyTenantsArguments {
    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        let listed = self.file.as_deref().map(list::read).transpose();
        let listed = listed.map_err(Failure::usage)?.unwrap_or_default();
        let first = listed.first().map(|tenant| tenant.id.as_str());
        let azure = self.connection.azure(first)?;
        #[cfg(feature = "emulator")]
        let listed = match &azure.emulated {
            Some(emulated) => emulated::create(emulated)?,
            None => listed,
        };
        let start = clock::start();
        let credential = azure.credential()?;
        let progress = progress(listed.len());
        let asked = stream::iter(listed).map(|tenant| ask(&azure, &credential, tenant));
        let mut answers: Vec<Answer> = asked
            .buffer_unordered(self.concurrency.into())
            .inspect(|_| progress.inc(1))
            .collect()
            .await;
        progress.finish_and_clear();
        answers.sort_by_key(|answer| answer.tenant.line);
        let summary = Summary::new(answers, start.elapsed());
        match self.json {
            true => output::print_json(&summary)?,
            false => output::print(&summary.to_string())?,
        }
        #[cfg(feature = "emulator")]
        if let Some(emulated) = &azure.emulated {
            emulated::note_requests(&emulated.emulator);
        }
        Ok(Outcome::of(summary.is_ok()))
    }
}

/// What goes wrong with one tenant stops no other.
async fn ask(azure: &Azure, credential: &Credential, tenant: Tenant) -> Answer {
    let groups = async {
        let credential: Arc<Credential> = credential.for_tenant(&tenant.id)?;
        let service = azure.resource_manager(credential)?;
        let subscription = tenant.subscription_id.as_deref();
        Ok(resource_manager::resource_groups(&service, subscription).await?)
    };
    Answer {
        groups: groups.await,
        tenant,
    }
}

/// On standard error, and only if that is a terminal.
fn progress(length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} tenants");
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
