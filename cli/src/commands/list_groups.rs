//! `list-groups`: the resource groups that the target tenant lets the app read.

use crate::{
    azure::Connection,
    outcome::{Failure, Outcome},
    output, resource_manager, table,
};
use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct ListGroupsArguments {
    /// The subscription in the target tenant. Default: the one that the variable
    /// TARGET_SUBSCRIPTION_ID names, else all that the app sees.
    #[arg(long, value_name = "ID")]
    subscription_id: Option<String>,

    /// Print a list for programs.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    connection: Connection,
}

impl ListGroupsArguments {
    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        let azure = self.connection.azure(None)?;
        let subscription = azure.subscription_id(self.subscription_id.as_deref());
        let service = azure.resource_manager(azure.credential()?)?;
        let groups = resource_manager::resource_groups(&service, subscription.as_deref()).await?;
        if self.json {
            output::print_json(&groups)?;
            return Ok(Outcome::Ok);
        }
        if groups.is_empty() {
            output::print("There is no resource group that this app may read.")?;
            return Ok(Outcome::Ok);
        }
        let rows = groups.into_iter().map(|group| {
            [
                group.subscription_id,
                group.name,
                group.location,
                group.provisioning_state,
            ]
        });
        let headings = ["SUBSCRIPTION", "RESOURCE GROUP", "LOCATION", "STATE"];
        output::print(&table::of(headings, rows))?;
        Ok(Outcome::Ok)
    }
}
