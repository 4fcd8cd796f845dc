//! A file that contains the assertion. Another process updates it.

use crate::{
    authority::quoted,
    claims::Claims,
    diagnosis::{self, ConnectionFailure},
    environment::Environment,
    error::{Error, Stage},
    managed_identity::is_token,
    time::{Clock, SystemClock},
};
use async_trait::async_trait;
use azure_core::{
    credentials::Secret, error::ErrorKind, http::ClientMethodOptions, time::OffsetDateTime,
};
use azure_identity::ClientAssertion;
use futures::{channel::oneshot, future::FutureExt};
use std::{
    fmt,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tracing::{debug, warn};

/// The variable with which AKS workload identity names the file (Microsoft Learn, "Use Microsoft
/// Entra Workload ID with Azure Kubernetes Service (AKS)").
pub(crate) const AZURE_FEDERATED_TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// A Kubernetes token has 1 KB to 2 KB.
const LARGEST_FILE: u64 = 64 * 1024;

/// How often the file is read. A process that writes the file in place finishes before the last read.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// The token in a file, as a client assertion: AKS workload identity, or any other projected token.
///
/// The kubelet replaces the file before its token expires. So this type reads the file at each
/// request for an assertion. With
/// [`with_assertion`](crate::CrossTenantManagedIdentityCredential::with_assertion), that is when
/// the previous token nears its `exp`, and immediately after Entra has refused it.
///
/// If the file is half written or missing, it is read again for up to a second. After that, the
/// last good token is used until it expires.
///
/// The app trusts the issuer and the subject of the token: its federated identity credential names
/// the OIDC issuer of the cluster and `system:serviceaccount:NAMESPACE:NAME`.
///
/// Clones share their state.
///
/// ```no_run
/// use cross_tenant_identity::{CrossTenantManagedIdentityCredential, TokenFileAssertion};
/// use std::sync::Arc;
///
/// # fn main() -> azure_core::Result<()> {
/// let credential = CrossTenantManagedIdentityCredential::with_assertion(
///     "22222222-2222-4222-8222-222222222222", // Litware, the target tenant
///     "33333333-3333-4333-8333-333333333333", // Contoso's multi-tenant app
///     Arc::new(TokenFileAssertion::from_env()?),
///     None,
/// )?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TokenFileAssertion(Arc<TokenFile>);

struct TokenFile {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    /// Locked to read or replace the token, never while a file is read.
    last_good: Mutex<Option<Good>>,
}

struct Good {
    token: Secret,
    expires_on: OffsetDateTime,
}

impl TokenFileAssertion {
    /// The file that `AZURE_FEDERATED_TOKEN_FILE` names.
    ///
    /// `AZURE_TENANT_ID` and `AZURE_CLIENT_ID`, which workload identity sets beside it, are not read:
    /// they name the home tenant and an identity there, not the target tenant and the app.
    ///
    /// # Errors
    ///
    /// If the variable is missing or empty, or names a directory.
    pub fn from_env() -> azure_core::Result<Self> {
        Ok(Self::from(&Environment::Process, Arc::new(SystemClock))?)
    }

    /// The file with this path.
    ///
    /// # Errors
    ///
    /// If the path is empty, or names a directory. A file that does not exist yet is not an error
    /// here.
    pub fn new(path: impl Into<PathBuf>) -> azure_core::Result<Self> {
        Ok(Self::at(path.into(), "path", Arc::new(SystemClock))?)
    }

    pub(crate) fn from(environment: &Environment, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let path = environment.var(AZURE_FEDERATED_TOKEN_FILE).ok_or_else(|| {
            Error::configuration(format!(
                "{AZURE_FEDERATED_TOKEN_FILE} is missing or empty: label the pod with azure.workload.identity/use: \"true\" and give it an annotated service account, or name the file with TokenFileAssertion::new"
            ))
        })?;
        Self::at(path.into(), AZURE_FEDERATED_TOKEN_FILE, clock)
    }

    pub(crate) fn at(path: PathBuf, what: &str, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::check(&path, what).map_err(Error::configuration)?;
        Ok(Self(Arc::new(TokenFile {
            path,
            clock,
            last_good: Mutex::default(),
        })))
    }

    /// Checks that a path can be the path of a token file. `what` is its name in a message.
    pub(crate) fn check(path: &Path, what: &str) -> Result<(), String> {
        let wrong = match fs::metadata(path) {
            _ if path.as_os_str().is_empty() => "which names no file",
            Ok(found) if found.is_dir() => "which is a directory",
            _ => return Ok(()),
        };
        Err(format!(
            "{what} is {}, {wrong}: give the path of the file that holds the token",
            quoted(&path.display().to_string())
        ))
    }
}

#[async_trait]
impl ClientAssertion for TokenFileAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let (reply, answer) = oneshot::channel();
        let file = Arc::clone(&self.0);
        let read = async move {
            // The caller can be cancelled before this is sent.
            drop(reply.send(file.token().await));
        };
        let spawned = self.0.clock.spawn(read.boxed());
        spawned.map_err(|why| self.0.failed(&Unread::Io(why)))?;
        match answer.await {
            Ok(token) => Ok(token?),
            Err(_) => Err(self.0.failed(&Unread::Ended).into()),
        }
    }
}

impl fmt::Debug for TokenFileAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFileAssertion")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

/// Why there is no token in a file.
enum Unread {
    Io(io::Error),
    NotAFile,
    TooLarge,
    NoToken,
    Ended,
}

impl TokenFile {
    async fn token(&self) -> Result<String, Error> {
        let mut made = 1;
        let why = loop {
            match self.read().await {
                Ok(token) => return Ok(self.keep(token)),
                Err(why) if made >= TRIES || !why.may_pass() => break why,
                Err(_) => self.clock.pause(PAUSE).await,
            }
            made += 1;
        };
        let error = self.failed(&why);
        let last_good = self.last_good();
        match last_good
            .as_ref()
            .filter(|it| it.expires_on > self.clock.wall())
        {
            Some(good) => {
                warn!(%error, "the last good token is used");
                Ok(good.token.secret().to_owned())
            }
            None => Err(error),
        }
    }

    async fn read(&self) -> Result<String, Unread> {
        let path = self.path.clone();
        // Reading from some file systems can block.
        let read = tokio::task::spawn_blocking(move || read(&path));
        read.await.unwrap_or(Err(Unread::Ended))
    }

    fn keep(&self, token: String) -> String {
        let exp = Claims::peek(&token).and_then(|claims| claims.exp);
        let expires_on = exp.and_then(|exp| OffsetDateTime::from_unix_timestamp(exp).ok());
        if let Some(expires_on) = expires_on {
            match expires_on > self.clock.wall() {
                true => debug!(%expires_on, "client assertion from the token file"),
                // By this host's clock. The service uses its own clock.
                false => {
                    warn!(path = %self.path.display(), %expires_on, "the token in the file has expired, and nobody has replaced it")
                }
            }
            *self.last_good() = Some(Good {
                token: Secret::new(token.clone()),
                expires_on,
            });
        }
        token
    }

    fn last_good(&self) -> std::sync::MutexGuard<'_, Option<Good>> {
        self.last_good
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, why: &Unread) -> Error {
        let reason = match why {
            Unread::Io(error) => error.kind().to_string(),
            Unread::NotAFile => "it is not a file".to_owned(),
            Unread::TooLarge => format!("it is larger than {} KiB", LARGEST_FILE / 1024),
            Unread::NoToken => "it holds no whole token".to_owned(),
            Unread::Ended => "the thread that reads it has ended".to_owned(),
        };
        let path = quoted(&self.path.display().to_string());
        let source = azure_core::Error::with_message(ErrorKind::Io, "the file was not read");
        Error::unanswered(
            Stage::Assertion,
            format!("the token file {path} brought no client assertion"),
            ConnectionFailure {
                diagnosis: diagnosis::of_token_file(&path, &reason),
                is_transient: why.may_pass(),
                is_set_up: false,
                reason,
            },
            source,
        )
    }
}

impl Unread {
    /// Whether the error can come from an update of the file that is not complete.
    fn may_pass(&self) -> bool {
        match self {
            Self::Io(error) => error.kind() != io::ErrorKind::PermissionDenied,
            Self::NoToken | Self::Ended => true,
            Self::NotAFile | Self::TooLarge => false,
        }
    }
}

fn read(path: &Path) -> Result<String, Unread> {
    // Checked before the file is opened: opening a pipe can block.
    if !fs::metadata(path).map_err(Unread::Io)?.is_file() {
        return Err(Unread::NotAFile);
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(Unread::Io)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(Unread::TooLarge);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Unread::NoToken)?;
    let token = text.trim();
    // A truncated JWT has no readable claims, or no signature. If the signature is truncated, the
    // service refuses the token, and the file is read again.
    let is_whole = is_token(token) && Claims::peek(token).is_some() && !token.ends_with('.');
    match is_whole {
        true => Ok(token.to_owned()),
        false => Err(Unread::NoToken),
    }
}

#[cfg(test)]
mod tests;
