//! The variables that the examples read beside the credential's own (`CROSS_TENANT_…`).
//!
//! All of them are checked before anything is sent, and one error names all that is wrong.

use azure_core::http::Url;
use cross_tenant_identity::{Settings, explain};
use std::{env, error::Error, ffi::OsString, fmt, fs, path::PathBuf};

pub const SUBSCRIPTION_ID: &str = "TARGET_SUBSCRIPTION_ID";
pub const STORAGE_URL: &str = "TARGET_STORAGE_URL";
pub const VAULT_URL: &str = "TARGET_VAULT_URL";
pub const ARM_ENDPOINT: &str = "ARM_ENDPOINT";
pub const CA_FILE: &str = "EMULATOR_CA_FILE";

const ALL: [&str; 5] = [
    SUBSCRIPTION_ID,
    STORAGE_URL,
    VAULT_URL,
    ARM_ENDPOINT,
    CA_FILE,
];

/// The variables that [`Settings::from_env`] reads begin with this.
const OF_THE_CREDENTIAL: &str = "CROSS_TENANT_";

const ARM_OF_PUBLIC_AZURE: &str = "https://management.azure.com";

/// Printed by `--help` below the options.
pub const HELP: &str = "\
Environment:
  CROSS_TENANT_TARGET_TENANT_ID    the tenant that owns the resources
  CROSS_TENANT_CLIENT_ID           the client id of the multi-tenant app
  CROSS_TENANT_IDENTITY_CLIENT_ID  the managed identity, where the host has several
  CROSS_TENANT_...                 the other variables that `Settings::from_env` reads
  RUST_LOG                         what is logged, such as cross_tenant_identity=debug
  NO_COLOR                         prints without colors

Exit status: 0 on success, 1 if it failed, 2 for a wrong command line or wrong settings.";

/// Of all examples.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Azure")]
pub struct EmulatorVariables {
    /// The CA certificate of a running emulator. Only this certificate is trusted then.
    #[arg(long, env = CA_FILE, value_name = "PATH", hide_env_values = true)]
    emulator_ca_file: Option<OsString>,
}

/// Of the examples that use Azure Resource Manager.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Azure")]
pub struct ArmVariables {
    /// The subscription of the target tenant.
    #[arg(long, env = SUBSCRIPTION_ID, value_name = "ID", hide_env_values = true)]
    target_subscription_id: Option<OsString>,

    /// Azure Resource Manager [default: https://management.azure.com].
    #[arg(long, env = ARM_ENDPOINT, value_name = "URL", hide_env_values = true)]
    arm_endpoint: Option<OsString>,
}

/// Of the example with a blob.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Azure")]
pub struct StorageVariables {
    /// The storage account of the target tenant.
    #[arg(long, env = STORAGE_URL, value_name = "URL", hide_env_values = true)]
    target_storage_url: Option<OsString>,
}

/// Of the service.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Azure")]
pub struct VaultVariables {
    /// The key vault of the target tenant.
    #[arg(long, env = VAULT_URL, value_name = "URL", hide_env_values = true)]
    target_vault_url: Option<OsString>,
}

/// What is given to an example. Each example has a part of it.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub emulator: EmulatorVariables,
    pub arm: Option<ArmVariables>,
    pub storage: Option<StorageVariables>,
    pub vault: Option<VaultVariables>,
}

/// What was given, checked.
#[derive(Debug)]
pub struct Variables {
    pub settings: Settings,
    pub subscription_id: Option<String>,
    pub arm_endpoint: Url,
    pub storage_url: Option<Url>,
    pub vault_url: Option<Url>,
    /// The certificate of a running emulator's CA, in PEM.
    pub ca_pem: Option<Vec<u8>>,
}

impl Given {
    /// Whether a variable of the examples or of the credential is set, also to an empty value.
    pub fn is_configured(&self) -> bool {
        let of_the_credential =
            env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with(OF_THE_CREDENTIAL));
        let arm = self.arm.clone().unwrap_or_default();
        let options = [
            self.emulator.emulator_ca_file.clone(),
            arm.target_subscription_id,
            arm.arm_endpoint,
            self.storage.clone().unwrap_or_default().target_storage_url,
            self.vault.clone().unwrap_or_default().target_vault_url,
        ];
        of_the_credential
            || options.iter().any(Option::is_some)
            || ALL.into_iter().any(|name| env::var_os(name).is_some())
    }

    /// # Errors
    ///
    /// One error for all variables that are missing or make no sense.
    pub fn check(self) -> Result<Variables, BadVariables> {
        let mut wrong = Wrong::default();
        let settings = Settings::from_env().map_err(|why| wrong.settings = Some(why));

        let subscription_id = self.arm.as_ref().and_then(|given| {
            let value = wrong.text(SUBSCRIPTION_ID, given.target_subscription_id.as_ref());
            wrong.required(
                SUBSCRIPTION_ID,
                value,
                given.target_subscription_id.is_some(),
                "set it to the id of the target tenant's subscription",
            )
        });
        if let Some(id) = &subscription_id
            && !is_guid(id)
        {
            wrong.add(format!(
                "{SUBSCRIPTION_ID} {id:?} is not a GUID: set it to the id of the target tenant's subscription"
            ));
        }
        let storage_url = self.storage.as_ref().and_then(|given| {
            let value = wrong.url(STORAGE_URL, given.target_storage_url.as_ref());
            wrong.required(
                STORAGE_URL,
                value,
                given.target_storage_url.is_some(),
                "set it to the URL of the storage account, such as https://litware.blob.core.windows.net",
            )
        });
        let vault_url = self
            .vault
            .as_ref()
            .and_then(|given| wrong.url(VAULT_URL, given.target_vault_url.as_ref()));
        let ca_file = self.emulator.emulator_ca_file.as_ref();
        let ca_pem = wrong
            .text(CA_FILE, ca_file)
            .and_then(|path| wrong.certificate(path.into()));
        let arm = self.arm.as_ref();
        let arm_endpoint = arm.and_then(|given| given.arm_endpoint.as_ref());
        // Otherwise it would ask Azure itself with the emulator's ids.
        if arm.is_some() && ca_file.is_some() && arm_endpoint.is_none() {
            wrong.add(format!(
                "{CA_FILE} is set without {ARM_ENDPOINT}: set both as the emulator prints them, or unset {CA_FILE}"
            ));
        }
        let arm_endpoint = wrong.origin(ARM_ENDPOINT, arm_endpoint);
        let public = Url::parse(ARM_OF_PUBLIC_AZURE).map_err(|why| wrong.add(why.to_string()));

        match (settings, public) {
            (Ok(settings), Ok(public)) if wrong.own.is_empty() => Ok(Variables {
                settings,
                subscription_id,
                arm_endpoint: arm_endpoint.unwrap_or(public),
                storage_url,
                vault_url,
                ca_pem,
            }),
            _ => Err(BadVariables {
                own: wrong.own,
                settings: wrong.settings,
            }),
        }
    }
}

/// What is wrong so far.
#[derive(Default)]
struct Wrong {
    own: Vec<String>,
    settings: Option<azure_core::Error>,
}

impl Wrong {
    fn add(&mut self, message: String) {
        self.own.push(message);
    }

    fn text(&mut self, name: &str, value: Option<&OsString>) -> Option<String> {
        let value = value?;
        match value.to_str() {
            Some("") => self.add(format!("{name} is empty: give it a value, or unset it")),
            Some(text) => return Some(text.to_owned()),
            None => self.add(format!("{name} is not Unicode: give a value that is")),
        }
        None
    }

    fn url(&mut self, name: &str, value: Option<&OsString>) -> Option<Url> {
        let text = self.text(name, value)?;
        match Url::parse(&text) {
            // A token is sent there.
            Ok(url) if url.scheme() == "https" && url.host().is_some() => Some(url),
            Ok(_) => {
                self.add(format!("{name} {text:?} is not an https URL: give one"));
                None
            }
            Err(why) => {
                self.add(format!("{name} {text:?} is not a URL ({why}): give one"));
                None
            }
        }
    }

    /// A URL of scheme, host and port alone.
    fn origin(&mut self, name: &str, value: Option<&OsString>) -> Option<Url> {
        let url = self.url(name, value)?;
        let is_origin = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_origin {
            self.add(format!(
                "{name} has more than scheme, host and port: give just {}",
                url.origin().ascii_serialization()
            ));
        }
        Some(url)
    }

    fn certificate(&mut self, path: PathBuf) -> Option<Vec<u8>> {
        let shown = path.display();
        let pem = match fs::read(&path) {
            Ok(pem) => pem,
            Err(why) => {
                self.add(format!(
                    "{CA_FILE} names {shown}, which cannot be read ({why}): is the emulator still running?"
                ));
                return None;
            }
        };
        let is_certificate = reqwest::Certificate::from_pem_bundle(&pem)
            .is_ok_and(|certificates| !certificates.is_empty());
        if !is_certificate {
            self.add(format!(
                "{CA_FILE} names {shown}, which holds no certificate in PEM: give the file that the emulator has written"
            ));
            return None;
        }
        Some(pem)
    }

    fn required<T>(
        &mut self,
        name: &str,
        value: Option<T>,
        is_set: bool,
        to_do: &str,
    ) -> Option<T> {
        // If it is set, it is known already what is wrong with it.
        if value.is_none() && !is_set {
            self.add(format!("{name} is missing: {to_do}"));
        }
        value
    }
}

fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12])
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// All that is wrong with the variables.
#[derive(Debug)]
pub struct BadVariables {
    own: Vec<String>,
    settings: Option<azure_core::Error>,
}

impl BadVariables {
    pub fn one(message: String) -> Self {
        Self::several(vec![message])
    }

    pub fn several(messages: Vec<String>) -> Self {
        Self {
            own: messages,
            settings: None,
        }
    }

    /// All that is wrong, in one error.
    pub fn and(mut self, other: Self) -> Self {
        self.own.extend(other.own);
        self.settings = self.settings.or(other.settings);
        self
    }
}

impl fmt::Display for BadVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.own.join("\n"))?;
        match &self.settings {
            Some(settings) if self.own.is_empty() => write!(f, "{}", explain(settings)),
            Some(settings) => write!(f, "\n\n{}", explain(settings)),
            None => Ok(()),
        }
    }
}

impl Error for BadVariables {}
