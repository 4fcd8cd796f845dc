//! `setup home`: the scripts of the home tenant.

use super::{
    print,
    script::{Place, Quote, Script},
    value::{Value, Values},
};
use crate::{
    cloud,
    outcome::{Failure, Outcome},
    output,
    settings::GivenSettings,
};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(crate) struct HomeArguments {
    /// The language of the script.
    #[arg(long, value_enum, default_value_t = Format::AzureCli)]
    format: Format,

    /// The home tenant's id.
    #[arg(long, value_name = "ID")]
    home_tenant_id: Option<String>,

    /// The subscription of the managed identity, for Terraform.
    #[arg(long, value_name = "ID")]
    subscription_id: Option<String>,

    /// The resource group of the managed identity.
    #[arg(long, value_name = "NAME")]
    resource_group: Option<String>,

    /// A virtual machine of this group that gets the identity.
    #[arg(long, value_name = "NAME")]
    vm: Option<String>,

    /// The name of the managed identity.
    #[arg(long, value_name = "NAME")]
    identity_name: Option<String>,

    /// The display name of the app.
    #[arg(long, value_name = "NAME")]
    app_name: Option<String>,

    /// Read settings from this file: TOML, JSON or YAML, by its name.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: GivenSettings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A script for bash with the Azure CLI.
    AzureCli,
    /// A script for PowerShell 7.
    #[value(name = "powershell")]
    PowerShell,
    /// A Bicep file.
    Bicep,
    /// bicepconfig.json, which the Bicep file needs beside it. It has no values to fill in.
    BicepConfig,
    /// A Terraform file.
    Terraform,
}

impl HomeArguments {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let script = self.format.script();
        let known = self.known(&script)?;
        let has_app = known.contains_key(&Value::App);
        let flags = [
            (Value::HomeTenant, &self.home_tenant_id),
            (Value::Subscription, &self.subscription_id),
            (Value::ResourceGroup, &self.resource_group),
            (Value::VirtualMachine, &self.vm),
            (Value::IdentityName, &self.identity_name),
            (Value::AppName, &self.app_name),
        ];
        let flags = flags.map(|(value, flag)| (value, flag.as_deref()));
        let outcome = print(&script, &flags, known)?;
        if has_app && matches!(self.format, Format::Bicep | Format::Terraform) {
            output::note("note: this creates an app of its own, not the one of --client-id");
        }
        if self.format == Format::Bicep {
            output::note("note: it needs bicepconfig.json beside it: --format bicep-config");
        }
        Ok(outcome)
    }

    /// What the settings say. What the script has no place for is not looked at.
    fn known(&self, script: &Script) -> Result<Values, Failure> {
        let settings = self.settings.as_far_as_known(self.config.as_ref())?;
        let mut known = Values::new();
        let mut add = |value: Value, text: Option<&str>| -> Result<(), Failure> {
            if let Some(text) = text.filter(|it| !it.is_empty()) {
                known.insert(value, value.parse(text)?);
            }
            Ok(())
        };
        add(Value::TargetTenant, Some(&settings.target_tenant_id))?;
        add(Value::App, Some(&settings.client_id))?;
        if let Some(id) = settings.identity_resource_id.as_deref() {
            let parts: Vec<_> = id.split('/').collect();
            let after = |key: &str| {
                let at = parts.iter().position(|part| part.eq_ignore_ascii_case(key));
                at.and_then(|at| parts.get(at + 1)).copied()
            };
            add(Value::Subscription, after("subscriptions"))?;
            add(Value::ResourceGroup, after("resourceGroups"))?;
            add(Value::IdentityName, after("userAssignedIdentities"))?;
        }
        if script.has(Value::Audience) {
            let audience = settings.audience.clone();
            let audience = audience.or_else(|| cloud::token_exchange(&settings));
            add(Value::Audience, audience.as_deref())?;
        }
        if script.has(Value::AuthorityHost) {
            add(
                Value::AuthorityHost,
                cloud::given_authority_host(&settings).as_deref(),
            )?;
        }
        Ok(known)
    }
}

impl Format {
    fn script(self) -> Script {
        match self {
            Self::AzureCli => Script {
                files: &[include_str!("../../../kit/home/set-up.sh")],
                places: AZURE_CLI,
            },
            Self::PowerShell => Script {
                files: &[include_str!("../../../kit/home/set-up.ps1")],
                places: POWERSHELL,
            },
            Self::Bicep => Script {
                files: &[include_str!("../../../kit/home/main.bicep")],
                places: BICEP,
            },
            Self::BicepConfig => Script {
                files: &[include_str!("../../../kit/home/bicepconfig.json")],
                places: &[],
            },
            Self::Terraform => Script {
                files: &[
                    include_str!("../../../kit/home/terraform/main.tf"),
                    include_str!("../../../kit/home/terraform/variables.tf"),
                    include_str!("../../../kit/home/terraform/outputs.tf"),
                ],
                places: TERRAFORM,
            },
        }
    }
}

const NEXT: &str = "CROSS_TENANT_TARGET_TENANT_ID=<target tenant id>";
const NEXT_FILLED: &str = "CROSS_TENANT_TARGET_TENANT_ID={}";
const TENANT: &str = "<Contoso's tenant id>";

const AZURE_CLI: &[Place] = &[
    Place::needed(Value::HomeTenant, Quote::Bash, "tenant=''", "tenant={}"),
    Place::needed(Value::ResourceGroup, Quote::Bash, "group=''", "group={}"),
    Place::optional(Value::VirtualMachine, Quote::Bash, "vm=''", "vm={}"),
    Place::optional(
        Value::IdentityName,
        Quote::Bash,
        "identity_name=umi-multi-tenant-example",
        "identity_name={}",
    ),
    Place::optional(
        Value::AppName,
        Quote::Bash,
        "app_name='Multi-Tenant Example App'",
        "app_name={}",
    ),
    Place::optional(Value::App, Quote::Bash, "app=''", "app={}"),
    Place::needed(Value::TargetTenant, Quote::Bare, NEXT, NEXT_FILLED),
];

const POWERSHELL: &[Place] = &[
    Place::needed(
        Value::HomeTenant,
        Quote::PowerShell,
        "[Parameter(Mandatory)]\n    [guid] $Tenant,",
        "[guid] $Tenant = {},",
    ),
    Place::needed(
        Value::ResourceGroup,
        Quote::PowerShell,
        "[Parameter(Mandatory)]\n    [ValidatePattern('^[\\w.()-]{1,90}$')]\n    [string] $ResourceGroup,",
        "[string] $ResourceGroup = {},",
    ),
    Place::optional(
        Value::VirtualMachine,
        Quote::PowerShell,
        "[string] $VirtualMachine,",
        "[string] $VirtualMachine = {},",
    ),
    Place::optional(
        Value::IdentityName,
        Quote::PowerShell,
        "$Identity = 'umi-multi-tenant-example'",
        "$Identity = {}",
    ),
    Place::optional(
        Value::AppName,
        Quote::PowerShell,
        "$App = 'Multi-Tenant Example App'",
        "$App = {}",
    ),
    Place::optional(
        Value::App,
        Quote::PowerShell,
        "[guid] $AppId\n",
        "[guid] $AppId = {}\n",
    ),
    Place::needed(Value::TargetTenant, Quote::Bare, NEXT, NEXT_FILLED),
];

// The comments at the top have the commands to run; those are for a shell.
const BICEP: &[Place] = &[
    Place::needed(Value::HomeTenant, Quote::Bash, TENANT, "{}"),
    Place::needed(Value::ResourceGroup, Quote::Bash, "<resource group>", "{}"),
    Place::optional(
        Value::VirtualMachine,
        Quote::Bash,
        "<virtual machine>",
        "{}",
    ),
    Place::optional(
        Value::IdentityName,
        Quote::Bicep,
        "'umi-multi-tenant-example'",
        "{}",
    ),
    Place::optional(
        Value::AppName,
        Quote::Bicep,
        "'Multi-Tenant Example App'",
        "{}",
    ),
    Place::optional(
        Value::Audience,
        Quote::Bicep,
        "param audience string = 'api://AzureADTokenExchange'",
        "param audience string = {}",
    ),
];

const TERRAFORM: &[Place] = &[
    Place::needed(Value::HomeTenant, Quote::Bash, TENANT, "{}"),
    Place::needed(
        Value::Subscription,
        Quote::Terraform,
        "description = \"Contoso's subscription.\"\n  type        = string\n",
        "description = \"Contoso's subscription.\"\n  type        = string\n  default     = {}\n",
    ),
    Place::needed(
        Value::ResourceGroup,
        Quote::Terraform,
        "description = \"The group of the managed identity. It must exist.\"\n  type        = string\n",
        "description = \"The group of the managed identity. It must exist.\"\n  type        = string\n  default     = {}\n",
    ),
    Place::needed(Value::Subscription, Quote::Bash, "<subscription id>", "{}"),
    Place::needed(Value::ResourceGroup, Quote::Bash, "<resource group>", "{}"),
    Place::optional(
        Value::IdentityName,
        Quote::Terraform,
        "\"umi-multi-tenant-example\"",
        "{}",
    ),
    Place::optional(
        Value::AppName,
        Quote::Terraform,
        "\"Multi-Tenant Example App\"",
        "{}",
    ),
    Place::optional(
        Value::AuthorityHost,
        Quote::Terraform,
        "\"https://login.microsoftonline.com\"",
        "{}",
    ),
    Place::optional(
        Value::Audience,
        Quote::Terraform,
        "\"api://AzureADTokenExchange\"",
        "{}",
    ),
];
