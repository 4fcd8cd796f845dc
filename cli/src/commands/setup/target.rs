//! `setup target`: the scripts of the target tenant.

use super::{
    print,
    script::{Place, Quote, Script},
    value::{Value, Values},
};
use crate::{
    cloud,
    guid::is_guid,
    outcome::{Failure, Outcome},
    settings::GivenSettings,
};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(crate) struct TargetArguments {
    /// The language of the script.
    #[arg(long, value_enum, default_value_t = Format::AzureCli)]
    format: Format,

    /// What the app gets access to: the resource id of a subscription, a resource group or a resource.
    #[arg(long, value_name = "ID")]
    scope: Option<String>,

    /// The name of the role that the app gets there. Default: Reader.
    #[arg(long, value_name = "NAME")]
    role: Option<String>,

    /// The same by its id, for --format http.
    #[arg(long, value_name = "ID")]
    role_id: Option<String>,

    /// A new GUID, the name of the role assignment, for --format http.
    #[arg(long, value_name = "ID")]
    role_assignment_id: Option<String>,

    /// The subscription of the scope, for --format http. Default: the one that --scope names.
    #[arg(long, value_name = "ID")]
    subscription_id: Option<String>,

    /// Read settings from this file: TOML, JSON or YAML, by its name.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: GivenSettings,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A script for bash with the Azure CLI.
    AzureCli,
    /// A script for PowerShell 7.
    #[value(name = "powershell")]
    PowerShell,
    /// Requests to Microsoft Graph and Resource Manager, for an HTTP client.
    Http,
}

impl TargetArguments {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let script = self.format.script();
        let known = self.known(&script)?;
        let flags = [
            (Value::Scope, &self.scope),
            (Value::Role, &self.role),
            (Value::RoleId, &self.role_id),
            (Value::RoleAssignment, &self.role_assignment_id),
            (Value::Subscription, &self.subscription_id),
        ];
        print(
            &script,
            &flags.map(|(value, flag)| (value, flag.as_deref())),
            known,
        )
    }

    fn known(&self, script: &Script) -> Result<Values, Failure> {
        let settings = self.settings.as_far_as_known(self.config.as_ref())?;
        let mut known = Values::new();
        let tenant = &settings.target_tenant_id;
        if !tenant.is_empty() && !is_guid(tenant) {
            return Err(Failure::usage(format!(
                "{} has to be a GUID here: the script compares it with the tenant of the sign-in",
                Value::TargetTenant.flag()
            )));
        }
        let mut add = |value: Value, text: Option<&str>| -> Result<(), Failure> {
            if let Some(text) = text.filter(|it| !it.is_empty()) {
                known.insert(value, value.parse(text)?);
            }
            Ok(())
        };
        add(Value::TargetTenant, Some(tenant))?;
        add(Value::App, Some(&settings.client_id))?;
        if script.has(Value::Subscription) {
            let of_scope = self.scope.as_deref().and_then(|it| it.split('/').nth(2));
            let variable = cloud::variable_of("TARGET_SUBSCRIPTION_ID");
            let subscription = of_scope.filter(|it| is_guid(it)).or(variable.as_deref());
            add(Value::Subscription, subscription)?;
        }
        if script.has(Value::Graph) {
            add(
                Value::Graph,
                Some(cloud::graph(&settings)?.endpoint.as_str()),
            )?;
            let manager = cloud::resource_manager(&settings)?.endpoint;
            add(Value::ResourceManager, Some(manager.as_str()))?;
        }
        Ok(known)
    }
}

impl Format {
    fn script(self) -> Script {
        match self {
            Self::AzureCli => Script {
                files: &[include_str!("../../../kit/target/set-up.sh")],
                places: AZURE_CLI,
            },
            Self::PowerShell => Script {
                files: &[include_str!("../../../kit/target/set-up.ps1")],
                places: POWERSHELL,
            },
            Self::Http => Script {
                files: &[include_str!("../../../kit/target/provision.http")],
                places: HTTP,
            },
        }
    }
}

const AZURE_CLI: &[Place] = &[
    Place::needed(Value::TargetTenant, Quote::Bash, "tenant=''", "tenant={}"),
    Place::needed(Value::App, Quote::Bash, "app=''", "app={}"),
    Place::needed(Value::Scope, Quote::Bash, "scope=''", "scope={}"),
    Place::optional(Value::Role, Quote::Bash, "role=Reader", "role={}"),
];

const POWERSHELL: &[Place] = &[
    Place::needed(
        Value::TargetTenant,
        Quote::PowerShell,
        "[Parameter(Mandatory)]\n    [guid] $Tenant,",
        "[guid] $Tenant = {},",
    ),
    Place::needed(
        Value::App,
        Quote::PowerShell,
        "[Parameter(Mandatory)]\n    [guid] $AppId,",
        "[guid] $AppId = {},",
    ),
    Place::needed(
        Value::Scope,
        Quote::PowerShell,
        "[Parameter(Mandatory)]\n    [ValidatePattern('^/(subscriptions|providers/Microsoft\\.Management/managementGroups)/[^/\\s]+(/[^/]+)*/?$')]\n    [string] $Scope,",
        "[string] $Scope = {},",
    ),
    Place::optional(
        Value::Role,
        Quote::PowerShell,
        "$Role = 'Reader'",
        "$Role = {}",
    ),
];

const HTTP: &[Place] = &[
    Place::needed(
        Value::TargetTenant,
        Quote::Bash,
        "<Litware's tenant id>",
        "{}",
    ),
    Place::needed(
        Value::App,
        Quote::Bare,
        "@home_client_id = 33333333-3333-4333-8333-333333333333",
        "@home_client_id = {}",
    ),
    Place::needed(
        Value::Subscription,
        Quote::Bare,
        "@target_subscription_id = 44444444-4444-4444-8444-444444444444",
        "@target_subscription_id = {}",
    ),
    Place::needed(
        Value::Scope,
        Quote::Bare,
        "@scope = /subscriptions/{{target_subscription_id}}/resourceGroups/NetworkWatcherRG",
        "@scope = {}",
    ),
    Place::optional(
        Value::RoleId,
        Quote::Bare,
        "# The built-in role Reader. The id is the same in all tenants.\n@role_id = acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "# The role.\n@role_id = {}",
    ),
    Place::needed(
        Value::RoleAssignment,
        Quote::Bare,
        "@role_assignment_id = 66666666-6666-4666-8666-666666666666",
        "@role_assignment_id = {}",
    ),
    Place::optional(
        Value::Graph,
        Quote::Bare,
        "https://graph.microsoft.com",
        "{}",
    ),
    Place::optional(
        Value::ResourceManager,
        Quote::Bare,
        "https://management.azure.com",
        "{}",
    ),
];
