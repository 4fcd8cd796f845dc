//! Azure Arc: a machine outside Azure with the Connected Machine agent.
//!
//! Microsoft Learn, "Authenticate against Azure resources with Azure Arc-enabled servers", describes
//! request, challenge and answers. The agent answers the first request with the path of a file that
//! only members of its group can read; the content of that file opens the second.

use super::{
    Host, ManagedIdentityHost, Setup,
    endpoint::{Endpoint, address, is_header_value},
    host::IDENTITY_ENDPOINT,
};
use crate::{
    authority::quoted, diagnosis, environment::Environment, error::Error, headers::header,
    transport::Destination,
};
use azure_core::{
    credentials::{AccessToken, Secret},
    http::{RawResponse, StatusCode, headers::WWW_AUTHENTICATE},
};
use futures::future::{BoxFuture, FutureExt};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

const HOST: ManagedIdentityHost = ManagedIdentityHost::AzureArc;

const API_VERSION: &str = "2020-06-01";

/// Where the agent listens when no variable says otherwise.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";

/// The agent's own keys are far shorter.
const LARGEST_KEY: u64 = 4096;

#[derive(Debug)]
pub(super) struct AzureArc {
    endpoint: Endpoint,
    /// The one directory whose files may be read and sent.
    keys: PathBuf,
}

impl AzureArc {
    pub(super) fn new(setup: Setup) -> Result<Self, Error> {
        let named = setup.environment.var(IDENTITY_ENDPOINT);
        let url = address(
            IDENTITY_ENDPOINT,
            named.as_deref().unwrap_or(DEFAULT_ENDPOINT),
        )?;
        let keys = keys(&setup.environment);
        Ok(Self {
            endpoint: Endpoint::new(HOST, url, None, Destination::Host, setup)?,
            keys,
        })
    }

    async fn ask(&self) -> Result<AccessToken, Error> {
        let endpoint = &self.endpoint;
        let mut request = endpoint.request(API_VERSION, None);
        request.insert_header("metadata", "true");
        let answer = endpoint.send(&mut request).await?;
        if answer.status() != StatusCode::Unauthorized {
            return endpoint.token(&answer);
        }
        let key = match self.key(&answer).await {
            Ok(key) => key,
            Err(why) => {
                let why = diagnosis::of_key_file(&why, &self.keys.display().to_string());
                return Err(endpoint.refused(&answer, Some(why), &[]));
            }
        };
        request.insert_header("authorization", format!("Basic {}", key.secret()));
        let answer = endpoint.send(&mut request).await?;
        let status = answer.status();
        if status.is_success() {
            return endpoint.token(&answer);
        }
        let is_refused = matches!(status, StatusCode::Unauthorized | StatusCode::Forbidden);
        let why = is_refused.then(diagnosis::of_refused_key);
        Err(endpoint.refused(&answer, why, &[key.secret()]))
    }

    /// The key that a challenge asks for, or why it is not sent.
    async fn key(&self, challenge: &RawResponse) -> Result<Secret, String> {
        let named = header(challenge.headers(), &WWW_AUTHENTICATE);
        let path = named.and_then(realm).ok_or_else(|| {
            "its challenge names no file: it has no header WWW-Authenticate: Basic realm=…"
                .to_owned()
        })?;
        let (path, keys) = (PathBuf::from(path), self.keys.clone());
        // A file system may keep its readers waiting.
        let read = tokio::task::spawn_blocking(move || read(&place(&path, &keys)?));
        read.await
            .unwrap_or_else(|_| Err("the key file could not be read".to_owned()))
    }
}

/// `Basic realm=<path>`, with or without quotation marks (RFC 9110 §11.6.1).
fn realm(challenge: &str) -> Option<&str> {
    let (scheme, parameter) = challenge.trim().split_once(' ')?;
    let (name, value) = parameter.split_once('=')?;
    let value = value.trim();
    let unquoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let is_one = scheme.eq_ignore_ascii_case("basic") && name.trim().eq_ignore_ascii_case("realm");
    Some(unquoted.unwrap_or(value)).filter(|path| is_one && !path.is_empty())
}

/// Where the agent puts its keys (Microsoft Learn, as above).
fn keys(environment: &Environment) -> PathBuf {
    if cfg!(windows) {
        let data = environment.var("ProgramData");
        let data = data.unwrap_or_else(|| r"C:\ProgramData".to_owned());
        return PathBuf::from(data).join(r"AzureConnectedMachineAgent\Tokens");
    }
    environment.place("/var/opt/azcmagent/tokens".into())
}

/// The real place of the key file. Opens nothing: a hostile endpoint must not make this process read
/// and send another file.
fn place(named: &Path, keys: &Path) -> Result<PathBuf, String> {
    let shown = quoted(&named.display().to_string());
    let not_there = |why: io::Error| format!("the key file {shown} is not there: {}", why.kind());
    if !named.is_absolute() {
        return Err(format!("the key file {shown} is no absolute path"));
    }
    // Symbolic links and `..` are resolved first, in the directory's own path as well.
    let place = fs::canonicalize(named).map_err(not_there)?;
    let is_inside = fs::canonicalize(keys).is_ok_and(|keys| place.parent() == Some(&keys));
    if !is_inside {
        return Err(format!(
            "the key file {shown} is not in the agent's own directory, so it was not read"
        ));
    }
    if place.extension().is_none_or(|suffix| suffix != "key") {
        return Err(format!(
            "the key file {shown} does not end in .key, so it was not read"
        ));
    }
    let about = fs::symlink_metadata(&place).map_err(not_there)?;
    if !about.is_file() {
        return Err(format!("the key file {shown} is not a file"));
    }
    if about.len() > LARGEST_KEY {
        return Err(format!(
            "the key file {shown} is larger than {LARGEST_KEY} bytes, so it was not read"
        ));
    }
    Ok(place)
}

fn read(place: &Path) -> Result<Secret, String> {
    let shown = quoted(&place.display().to_string());
    let mut key = String::new();
    // Bounded once more: the file may have grown.
    File::open(place)
        .and_then(|file| file.take(LARGEST_KEY).read_to_string(&mut key))
        .map_err(|why| format!("the key file {shown} cannot be read: {}", why.kind()))?;
    match is_header_value(key.trim()) {
        true => Ok(Secret::new(key.trim().to_owned())),
        false => Err(format!("the key file {shown} holds no key")),
    }
}

impl Host for AzureArc {
    fn kind(&self) -> ManagedIdentityHost {
        HOST
    }

    fn origin(&self) -> &str {
        self.endpoint.origin()
    }

    fn token<'a>(
        &'a self,
        _: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        self.ask().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_names_one_file() {
        for (challenge, path) in [
            ("Basic realm=/a/b.key", Some("/a/b.key")),
            ("basic Realm=\"/a/b c.key\"", Some("/a/b c.key")),
            (r"Basic realm=C:\Tokens\x.key", Some(r"C:\Tokens\x.key")),
            ("Bearer realm=/a/b.key", None),
            ("Basic realm=", None),
            ("Basic charset=x", None),
            ("Basic", None),
            ("", None),
        ] {
            assert_eq!(realm(challenge), path, "{challenge}");
        }
    }

    /// `place` never opens a file, and says no before `read` would.
    #[cfg(unix)]
    #[test]
    fn only_a_small_key_file_in_the_agents_directory_has_a_place() {
        let root = tempfile::tempdir().unwrap();
        let keys = root.path().join("tokens");
        let secrets = root.path().join("secrets");
        fs::create_dir_all(keys.join("directory.key")).unwrap();
        fs::create_dir_all(keys.join("below")).unwrap();
        fs::create_dir_all(&secrets).unwrap();
        for file in [
            secrets.join("other.key"),
            keys.join("good.key"),
            keys.join("below/deep.key"),
            keys.join("good.txt"),
            keys.join(".key"),
        ] {
            fs::write(file, "canary").unwrap();
        }
        fs::write(keys.join("exact.key"), "x".repeat(4096)).unwrap();
        fs::write(keys.join("large.key"), "x".repeat(4097)).unwrap();
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(root.path().join(to), keys.join(name)).unwrap();
        };
        link("secrets/other.key", "link.key");
        link("tokens/good.txt", "suffix.key");
        link("tokens/good.key", "inside.key");
        link("tokens/nothing.key", "dangling.key");

        for good in ["good.key", "exact.key", "inside.key", "below/../good.key"] {
            let place = place(&keys.join(good), &keys).unwrap();
            assert_eq!(place.parent(), Some(&*fs::canonicalize(&keys).unwrap()));
        }
        for (bad, why) in [
            ("../secrets/other.key", "own directory"),
            ("link.key", "own directory"),
            ("below/deep.key", "own directory"),
            ("good.txt", "does not end in .key"),
            (".key", "does not end in .key"),
            ("suffix.key", "does not end in .key"),
            ("large.key", "larger than 4096 bytes"),
            ("directory.key", "not a file"),
            ("dangling.key", "not there"),
            ("nothing.key", "not there"),
        ] {
            let said = place(&keys.join(bad), &keys).unwrap_err();
            assert!(said.contains(why), "{bad}: {said}");
        }
        assert!(place(Path::new("tokens/good.key"), &keys).is_err());
        // The directory itself may be a link, as /var is on some systems.
        std::os::unix::fs::symlink(&keys, root.path().join("also")).unwrap();
        let also = root.path().join("also");
        assert!(place(&also.join("good.key"), &keys).is_ok());
        assert!(place(&keys.join("good.key"), &also).is_ok());
        // Where the agent is not installed nothing is its own.
        assert!(place(&keys.join("good.key"), Path::new("/nowhere")).is_err());
    }
}
