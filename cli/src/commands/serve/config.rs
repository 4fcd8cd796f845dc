//! The file of `serve`.

use crate::{
    endpoint::{Networks, Tls},
    outcome::Failure,
    secret_file::{self, Sharing},
    settings::{self, GivenSettings},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{
    collections::HashSet,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// A secret that can be guessed is none.
const SHORTEST_SECRET: usize = 32;
const LONGEST_SECRET: usize = 4 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    #[serde(default = "any_port")]
    pub(super) listen: SocketAddr,
    networks: Option<Vec<String>>,
    tls: Option<TlsConfig>,
    #[serde(default)]
    pub(super) settings: GivenSettings,
    pub(super) clients: Vec<ClientConfig>,
    /// What is taken, but should not be so.
    #[serde(skip)]
    pub(super) warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsConfig {
    certificate_file: Option<PathBuf>,
    private_key_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientConfig {
    pub(super) name: String,
    secret: Option<SecretText>,
    secret_file: Option<PathBuf>,
    pub(super) target_tenant_id: String,
    pub(super) resources: Vec<String>,
    /// In place of those of all clients.
    #[serde(default)]
    pub(super) settings: GivenSettings,
}

/// Never shown, also where it is of a wrong type.
struct SecretText(String);

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8181).into()
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let mut config: Self = settings::read(path).map_err(Failure::usage)?;
        let wrong = config.problems();
        match wrong.is_empty() {
            true => {
                config.warn_of_secrets(path);
                Ok(config)
            }
            false => {
                let path = path.display();
                Err(Failure::usage(format!("{path}: {}", wrong.join("\n"))))
            }
        }
    }

    fn warn_of_secrets(&mut self, path: &Path) {
        let has_secret = self.clients.iter().any(|it| it.secret.is_some());
        if has_secret && secret_file::everybody_reads(path) {
            self.warnings.push(format!(
                "every user of this machine can read {}, which has secrets: give it mode 0600, or use secret_file",
                path.display()
            ));
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut wrong = self.problems_of_reach();
        if self.clients.is_empty() {
            wrong.push("there are no clients: give at least one".to_owned());
        }
        let mut names = HashSet::new();
        for client in &self.clients {
            let name = &client.name;
            if name.is_empty() {
                wrong.push("a client has an empty name: give it one".to_owned());
            } else if !names.insert(name) {
                wrong.push(format!(
                    "two clients have the name {name:?}: give each its own"
                ));
            }
            if client.resources.iter().all(String::is_empty) {
                wrong.push(format!(
                    "the client {name:?} has no resources: list what it may get tokens for, such as https://management.azure.com"
                ));
            }
            if client.settings.has_target_tenant() {
                wrong.push(format!(
                    "the client {name:?} has a target_tenant_id in its settings: give it one beside its name only"
                ));
            }
        }
        wrong
    }

    /// What is wrong with who can reach it.
    fn problems_of_reach(&self) -> Vec<String> {
        let listen = self.listen;
        let is_loopback = listen.ip().to_canonical().is_loopback();
        let mut wrong = Vec::new();
        match (&self.tls, &self.networks) {
            (None, _) if !is_loopback => wrong.push(format!(
                "listen is {listen}, which other machines reach, and this has no TLS: give [tls] with certificate_file and private_key_file, and networks with those of the clients; or listen on an address of this machine alone, such as 127.0.0.1:8181"
            )),
            (None, Some(_)) => wrong.push(
                "there are networks without [tls]: only this machine reaches the endpoint, so leave networks out".to_owned(),
            ),
            (Some(_), None) if !is_loopback => wrong.push(format!(
                "listen is {listen}, which other machines reach: give networks with those of the clients, such as [\"10.1.0.0/16\"]"
            )),
            (Some(_), Some(networks)) if networks.is_empty() => wrong.push(
                "networks is empty, so nobody could ask: give those of the clients, such as [\"10.1.0.0/16\"]".to_owned(),
            ),
            _ => {}
        }
        wrong.extend(self.tls.as_ref().and_then(|it| it.files().err()));
        wrong.extend(self.parsed_networks().err().into_iter().flatten());
        wrong
    }

    fn parsed_networks(&self) -> Result<Networks, Vec<String>> {
        self.networks
            .as_deref()
            .map_or(Ok(Networks::Any), Networks::parse)
    }

    pub(super) fn networks(&self) -> Result<Networks, Failure> {
        let networks = self.parsed_networks();
        networks.map_err(|wrong| Failure::usage(wrong.join("\n")))
    }

    pub(super) fn tls(&self) -> Result<Option<Tls>, Failure> {
        let Some(tls) = &self.tls else {
            return Ok(None);
        };
        let (certificate, key) = tls.files().map_err(Failure::usage)?;
        let tls = Tls::read(certificate, key);
        tls.map(Some)
            .map_err(|why| Failure::usage(format!("tls: {why}")))
    }
}

impl TlsConfig {
    fn files(&self) -> Result<(&Path, &Path), String> {
        match (&self.certificate_file, &self.private_key_file) {
            (Some(certificate), Some(key)) => Ok((certificate, key)),
            (certificate, _) => {
                let missing = match certificate {
                    None => "certificate_file",
                    Some(_) => "private_key_file",
                };
                Err(format!(
                    "tls has no {missing}: give the certificate and its key, each as a file in PEM"
                ))
            }
        }
    }
}

impl ClientConfig {
    /// Of the file, or of the other file that it names.
    pub(super) fn secret(&self) -> Result<String, String> {
        let secret = match (&self.secret, &self.secret_file) {
            (Some(secret), None) => secret.0.clone(),
            (None, Some(path)) => read_secret(path)?,
            _ => {
                return Err("give it either a secret or a secret_file".to_owned());
            }
        };
        if secret.len() < SHORTEST_SECRET {
            return Err(format!(
                "its secret has less than {SHORTEST_SECRET} characters: make one with openssl rand -hex 32"
            ));
        }
        // It is sent in a header.
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("its secret has a character that a header cannot have: make one with openssl rand -hex 32".to_owned());
        }
        Ok(secret)
    }

    /// With the name of the client, if it is about settings that it has for itself.
    pub(super) fn failure(&self, failure: Failure) -> Failure {
        match self.settings.is_empty() {
            true => failure,
            false => Failure::usage(format!(
                "the client {:?}: {}",
                self.name,
                failure.one_line()
            )),
        }
    }

    /// As programs ask for them.
    pub(super) fn resources(&self) -> Vec<String> {
        let resources = self.resources.iter().filter(|it| !it.is_empty());
        resources
            .map(|it| it.strip_suffix("/.default").unwrap_or(it).to_owned())
            .collect()
    }
}

fn read_secret(path: &Path) -> Result<String, String> {
    let text = secret_file::read(path, LONGEST_SECRET, Sharing::Group);
    let text = text.map_err(|why| format!("its secret_file {}: {why}", path.display()))?;
    // What is no text has characters that a header cannot have.
    let text = String::from_utf8_lossy(&text);
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(from) {
            Ok(serde_json::Value::String(text)) => Ok(Self(text)),
            _ => Err(D::Error::custom("a secret is no text: put it into quotes")),
        }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
