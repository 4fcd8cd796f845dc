//! What a host sets for its programs: variables, and a token file for workload identity.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use crate::{
    client::host::Host,
    emulator::Emulator,
    guid::guid,
    scenario::{Scenario, step::Step},
    set_up::error::SetUpError,
    world::{
        cloud::Cloud,
        principals::{FederatedCredential, ManagedIdentity},
    },
};

/// The only directory whose key files clients of Azure Arc trust.
const ARC_KEYS: &str = "/var/opt/azcmagent/tokens";

const SERVICE_ACCOUNT: &str = "system:serviceaccount:litware-work:watcher";

/// The variables of a host.
#[derive(Debug)]
pub(super) struct HostVariables {
    pub(super) variables: Vec<(&'static str, String)>,
    /// Removes the file when it is dropped.
    _token_file: Option<TokenFile>,
}

impl HostVariables {
    pub(super) fn new(
        host: Host,
        emulator: &Emulator,
        scenario: &Scenario,
    ) -> io::Result<HostVariables> {
        let cloud = emulator.services.state().world.directory.cloud;
        let secret = emulator.identity_header().to_owned();
        let mut token_file = None;
        let variables = match host {
            Host::Imds => Vec::new(),
            Host::AppService => vec![
                ("IDENTITY_ENDPOINT", emulator.identity_endpoint().to_owned()),
                ("IDENTITY_HEADER", secret),
            ],
            Host::AzureArc => {
                make_arc_machine(cloud, emulator, scenario)?;
                vec![
                    ("IDENTITY_ENDPOINT", emulator.arc_endpoint()),
                    ("IMDS_ENDPOINT", emulator.imds_url().to_owned()),
                ]
            }
            Host::AzureMl => vec![
                ("MSI_ENDPOINT", emulator.azure_ml_endpoint()),
                ("MSI_SECRET", secret),
                (
                    "DEFAULT_IDENTITY_CLIENT_ID",
                    scenario.identity_client_id.clone(),
                ),
            ],
            Host::ServiceFabric => vec![
                ("IDENTITY_ENDPOINT", emulator.service_fabric_endpoint()),
                ("IDENTITY_HEADER", secret),
                (
                    "IDENTITY_SERVER_THUMBPRINT",
                    emulator.server_thumbprint().to_owned(),
                ),
            ],
            Host::WorkloadIdentity => {
                let file = make_pod(cloud, emulator, scenario)?;
                let path = file.0.to_string_lossy().into_owned();
                token_file = Some(file);
                vec![
                    ("AZURE_FEDERATED_TOKEN_FILE", path),
                    // What the cluster's webhook sets: the home tenant and an identity there.
                    ("AZURE_TENANT_ID", scenario.home_tenant_id.clone()),
                    ("AZURE_CLIENT_ID", scenario.identity_client_id.clone()),
                ]
            }
        };
        Ok(HostVariables {
            variables,
            _token_file: token_file,
        })
    }
}

/// A machine with Azure Arc has a system-assigned identity, which the app trusts here, too.
fn make_arc_machine(cloud: Cloud, emulator: &Emulator, scenario: &Scenario) -> io::Result<()> {
    make_arc_keys().map_err(|error| {
        let message = format!(
            "cannot write to {ARC_KEYS}, the only directory from which clients of Azure Arc take keys \
             ({error}): create it for this user, with sudo install -d -o \"$USER\" {ARC_KEYS}"
        );
        io::Error::new(error.kind(), message)
    })?;
    emulator.set_arc_key_directory(ARC_KEYS);
    let machine = ManagedIdentity::system_assigned(&scenario.home_tenant_id, "arc-machine");
    let trust = FederatedCredential::trusting_in(cloud, &machine);
    let principal_id = machine.principal_id.clone();
    emulator
        .add_managed_identity(machine)
        .and_then(|()| emulator.assign_identity_to_host(&principal_id))
        .map_err(io::Error::other)?;
    trust_unless_left_out(emulator, scenario, trust)
}

/// The directory is there, and this user may write to it.
fn make_arc_keys() -> io::Result<()> {
    fs::create_dir_all(ARC_KEYS)?;
    let trial = PathBuf::from(ARC_KEYS).join(guid());
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&trial)?;
    fs::remove_file(trial)
}

/// The app trusts a service account, whose token is in a file.
fn make_pod(cloud: Cloud, emulator: &Emulator, scenario: &Scenario) -> io::Result<TokenFile> {
    let of_the_cluster = ManagedIdentity::system_assigned(&scenario.home_tenant_id, "cluster");
    let trust = FederatedCredential {
        issuer: Emulator::SERVICE_ACCOUNT_ISSUER.to_owned(),
        subject: SERVICE_ACCOUNT.to_owned(),
        ..FederatedCredential::trusting_in(cloud, &of_the_cluster)
    };
    trust_unless_left_out(emulator, scenario, trust)?;
    let day = Duration::from_secs(24 * 60 * 60);
    TokenFile::write(&emulator.service_account_token(SERVICE_ACCOUNT, day))
}

/// The app trusts the subject, as it trusts the identity of the scenario.
fn trust_unless_left_out(
    emulator: &Emulator,
    scenario: &Scenario,
    trust: FederatedCredential,
) -> io::Result<()> {
    if scenario.left_out == Some(Step::FederatedCredential) {
        return Ok(());
    }
    match emulator.add_federated_credential(&scenario.client_id, trust) {
        // The app is in no tenant that can have it, because a step is left out.
        Ok(()) | Err(SetUpError::NotFound(_)) => Ok(()),
        Err(error) => Err(io::Error::other(error)),
    }
}

#[derive(Debug)]
struct TokenFile(PathBuf);

impl TokenFile {
    fn write(token: &str) -> io::Result<TokenFile> {
        let name = format!("cross-tenant-identity-emulator-{}.jwt", guid());
        let file = TokenFile(env::temp_dir().join(name));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&file.0)?
            .write_all(token.as_bytes())?;
        Ok(file)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        // An error leaves a file that only this emulator would have taken.
        let _ = fs::remove_file(&self.0);
    }
}
