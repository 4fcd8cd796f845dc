//! The commands that help after a refusal of the token endpoint.

use super::{
    Shell,
    command::Command,
    presented::{Kind, Presented},
    refusal::Exchange,
    trust::Trust,
    value::Value,
};

/// What has to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    None,
    /// Create the service principal of the app in the tenant of the request.
    Provision,
    /// Check that the app is multi-tenant, in the home tenant. Then check that it has a service
    /// principal in the target tenant.
    CheckBoth,
    /// Enable the service principal again.
    Enable,
    /// Allow the use of the app in other tenants.
    MakeMultiTenant,
    /// Change the app so that it is not a public client.
    MakeConfidential,
    /// Start again: create the app in the home tenant, and its service principal in the target
    /// tenant.
    RegisterAtHome,
    /// List the app's federated identity credentials, and create the missing one.
    Trust,
    /// List the credentials and the identities of the host, to compare them.
    CompareIdentities,
    /// Print the id of a tenant.
    ShowTenant,
    /// Print the time of the host.
    ShowClock,
    /// List the credentials, and change the audience of the existing one.
    ChangeAudience,
}

const NEW_APP: &str = "client id of the app in the home tenant";
const NEW_OBJECT: &str = "object id of the app in the home tenant";
const CREDENTIAL: &str = "id of the federated identity credential";
const HOME: &str = "home tenant id";
const MACHINE: &str = "resource id of the virtual machine";

/// The commands for one refusal.
pub(super) struct Commands<'a> {
    pub(super) exchange: &'a Exchange<'a>,
    pub(super) presented: &'a Presented<'a>,
    /// The tenant of the identity and the app.
    pub(super) home: Option<&'a str>,
}

impl Commands<'_> {
    pub(super) fn of(&self, remedy: Remedy) -> Vec<Command> {
        let app = Value::client(self.exchange.client_id);
        let asked = Value::tenant(self.exchange.tenant);
        let home = self.home.and_then(Value::guid);
        match remedy {
            Remedy::None => Vec::new(),
            Remedy::Provision => self.in_tenant(Some(&asked), provision(Some(&app))),
            Remedy::CheckBoth => {
                let mut all = self.in_tenant(home.as_ref(), check_and_make_multi_tenant(&app));
                all.extend(self.in_tenant(Some(&asked), provision(Some(&app))));
                all
            }
            Remedy::Enable => self.in_tenant(
                Some(&asked),
                [
                    Command::az("ad sp update")
                        .value("--id", &app)
                        .fixed("--set accountEnabled=true"),
                    Command::powershell("Update-AzADServicePrincipal")
                        .value("-ApplicationId", &app)
                        .fixed("-AccountEnabled"),
                ],
            ),
            Remedy::MakeMultiTenant => self.in_tenant(home.as_ref(), make_multi_tenant(&app)),
            Remedy::MakeConfidential => self.in_tenant(
                home.as_ref(),
                [
                    Command::az("ad app update")
                        .value("--id", &app)
                        .fixed("--set isFallbackPublicClient=false"),
                    Command::powershell("Get-AzADApplication")
                        .value("-ApplicationId", &app)
                        .fixed("| Update-AzADApplication -IsFallbackPublicClient:0"),
                ],
            ),
            Remedy::RegisterAtHome => self.register_at_home(home.as_ref(), &asked),
            Remedy::Trust => {
                let trust = self.trust();
                let mut commands = vec![list_of(&app)];
                commands.extend(self.identity());
                commands.push(
                    Command::az("ad app federated-credential create")
                        .value("--id", &app)
                        .parameters(&trust.body()),
                );
                commands.push(
                    trust.options(
                        Command::powershell("New-AzADAppFederatedCredential")
                            .object_of("-ApplicationObjectId", &app),
                    ),
                );
                self.in_tenant(home.as_ref(), commands)
            }
            Remedy::CompareIdentities => {
                let mut commands = vec![identities_of_host()];
                commands.extend(self.in_tenant(home.as_ref(), [list_of(&app)]));
                commands
            }
            Remedy::ShowTenant => vec![
                Command::az("account show").fixed("--query tenantId --output tsv"),
                Command::powershell("Get-AzContext").fixed("| Select-Object Tenant"),
            ],
            // Only a host with a managed identity is known to be an Azure host.
            Remedy::ShowClock if self.presented.kind == Kind::ManagedIdentity => vec![
                Command::az("vm run-command invoke")
                    .placeholder("--ids", MACHINE)
                    .fixed("--command-id RunShellScript --scripts timedatectl"),
            ],
            Remedy::ShowClock => Vec::new(),
            Remedy::ChangeAudience => {
                // An app can have only one credential with this issuer and subject, so the command
                // changes it.
                let trust = self.trust();
                let change = Command::az("ad app federated-credential update")
                    .value("--id", &app)
                    .placeholder("--federated-credential-id", CREDENTIAL)
                    .parameters(&trust.audience_alone());
                let change_too = Command::powershell("Update-AzADAppFederatedCredential")
                    .object_of("-ApplicationObjectId", &app)
                    .placeholder("-FederatedCredentialId", CREDENTIAL);
                self.in_tenant(
                    home.as_ref(),
                    [list_of(&app), change, trust.audience_option(change_too)],
                )
            }
        }
    }

    fn register_at_home(&self, home: Option<&Value>, asked: &Value) -> Vec<Command> {
        let trust = self.trust();
        let mut commands = self.in_tenant(
            home,
            [
                Command::az("ad app create")
                    .placeholder("--display-name", "name of the app")
                    .fixed("--sign-in-audience AzureADMultipleOrgs"),
                Command::az("ad app federated-credential create")
                    .placeholder("--id", NEW_APP)
                    .parameters(&trust.body()),
                Command::powershell("New-AzADApplication")
                    .placeholder("-DisplayName", "name of the app")
                    .fixed("-SignInAudience AzureADMultipleOrgs"),
                trust.options(
                    Command::powershell("New-AzADAppFederatedCredential")
                        .placeholder("-ApplicationObjectId", NEW_OBJECT),
                ),
            ],
        );
        commands.extend(self.in_tenant(Some(asked), provision(None)));
        commands
    }

    fn trust(&self) -> Trust {
        Trust {
            kind: self.presented.kind,
            issuer: self.presented.issuer.and_then(Value::issuer),
            subject: self.presented.subject.and_then(Value::subject),
            audience: Value::audience(self.exchange.authority),
        }
    }

    /// Prints the principal id of the identity that the assertion was issued to.
    fn identity(&self) -> Option<Command> {
        let id = self.exchange.assertion?.xms_mirid.as_deref()?;
        let show = Command::az("identity show").value("--ids", &Value::resource_id(id)?);
        Some(show.fixed("--query principalId --output tsv"))
    }

    /// The commands. For each shell, they start with the sign-in to the tenant that they are for.
    fn in_tenant(
        &self,
        tenant: Option<&Value>,
        commands: impl IntoIterator<Item = Command>,
    ) -> Vec<Command> {
        let (az, powershell): (Vec<_>, Vec<_>) = commands
            .into_iter()
            .partition(|command| command.shell() == Shell::AzureCli);
        let cloud = match self.exchange.authority.audience() {
            Some("api://AzureADTokenExchangeUSGov") => Some((
                "cloud set --name AzureUSGovernment",
                "-Environment AzureUSGovernment",
            )),
            Some("api://AzureADTokenExchangeChina") => Some((
                "cloud set --name AzureChinaCloud",
                "-Environment AzureChinaCloud",
            )),
            _ => None,
        };
        let mut all = Vec::new();
        if !az.is_empty() {
            all.extend(cloud.map(|(set, _)| Command::az(set)));
            all.push(
                Command::az("login")
                    .value_or("--tenant", tenant, HOME)
                    .fixed("--allow-no-subscriptions"),
            );
            all.extend(az);
        }
        if !powershell.is_empty() {
            let connect =
                Command::powershell("Connect-AzAccount").value_or("-Tenant", tenant, HOME);
            all.push(match cloud {
                Some((_, environment)) => connect.fixed(environment),
                None => connect,
            });
            all.extend(powershell);
        }
        all
    }
}

/// Prints the identities that are assigned to the host, where that is a virtual machine.
pub(super) fn identities_of_host() -> Command {
    Command::az("vm identity show").placeholder("--ids", MACHINE)
}

fn provision(app: Option<&Value>) -> [Command; 2] {
    [
        Command::az("ad sp create").value_or("--id", app, NEW_APP),
        Command::powershell("New-AzADServicePrincipal").value_or("-ApplicationId", app, NEW_APP),
    ]
}

/// Prints AzureADMultipleOrgs for a multi-tenant app, and otherwise changes it.
fn check_and_make_multi_tenant(app: &Value) -> [Command; 4] {
    let [az, powershell] = make_multi_tenant(app);
    [
        Command::az("ad app show")
            .value("--id", app)
            .fixed("--query signInAudience --output tsv"),
        az,
        Command::powershell("Get-AzADApplication")
            .value("-ApplicationId", app)
            .fixed("| Select-Object SignInAudience"),
        powershell,
    ]
}

fn make_multi_tenant(app: &Value) -> [Command; 2] {
    [
        Command::az("ad app update")
            .value("--id", app)
            .fixed("--sign-in-audience AzureADMultipleOrgs"),
        Command::powershell("Get-AzADApplication")
            .value("-ApplicationId", app)
            .fixed("| Update-AzADApplication -SignInAudience AzureADMultipleOrgs"),
    ]
}

fn list_of(app: &Value) -> Command {
    Command::az("ad app federated-credential list").value("--id", app)
}
