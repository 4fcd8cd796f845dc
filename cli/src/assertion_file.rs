//! A file that always holds the managed identity's assertion.

use crate::{clock, outcome::Failure};
use azure_identity::ClientAssertion;
use cross_tenant_identity::ManagedIdentityAssertion;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};
use tracing::{info, warn};

/// How often it is asked whether there is another assertion. Most times none is fetched: it is cached,
/// and renewed long before it expires.
const INTERVAL: Duration = Duration::from_secs(60);

pub(crate) struct AssertionFile {
    assertion: ManagedIdentityAssertion,
    path: PathBuf,
    written: Option<String>,
}

impl AssertionFile {
    pub(crate) fn new(assertion: ManagedIdentityAssertion, path: PathBuf) -> Self {
        Self {
            assertion,
            path,
            written: None,
        }
    }

    /// Writes the assertion, if it is another one than before.
    pub(crate) async fn write(&mut self) -> Result<(), Failure> {
        let assertion = self.assertion.secret(None).await?;
        if self.written.as_ref() == Some(&assertion) && self.path.exists() {
            return Ok(());
        }
        replace(&self.path, &assertion).map_err(|why| {
            let message = format!("cannot write {}: {why}", self.path.display());
            io::Error::new(why.kind(), message)
        })?;
        info!(path = %self.path.display(), "wrote the assertion");
        self.written = Some(assertion);
        Ok(())
    }

    /// Renews it for ever. What is there stays until there is something newer.
    pub(crate) async fn keep(&mut self) {
        loop {
            clock::pause(INTERVAL).await;
            if let Err(failure) = self.write().await {
                warn!(why = failure.one_line(), "the assertion was not renewed");
            }
        }
    }
}

/// A reader sees the old text or the new one, and nothing between (rename(2)). Only this user can read
/// it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // With mode 0600.
    let mut file = tempfile::Builder::new()
        .prefix(".assertion-")
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
