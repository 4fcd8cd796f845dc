//! A file that always holds the managed identity's assertion.

use crate::{clock, outcome::Failure};
use azure_identity::ClientAssertion;
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tracing::{info, warn};

/// How often it is asked whether there is another assertion. Most times none is fetched: it is cached,
/// and renewed long before it expires.
const INTERVAL: Duration = Duration::from_secs(60);

pub(crate) struct AssertionFile {
    assertion: Arc<dyn ClientAssertion>,
    path: PathBuf,
    written: Option<String>,
}

impl AssertionFile {
    /// `assertion` caches, and renews long before it expires.
    pub(crate) fn new(assertion: impl ClientAssertion + 'static, path: PathBuf) -> Self {
        Self {
            assertion: Arc::new(assertion),
            path,
            written: None,
        }
    }

    /// Writes the assertion, if the file does not hold it.
    pub(crate) async fn write(&mut self) -> Result<(), Failure> {
        let assertion = self.assertion.secret(None).await?;
        // Somebody else may have emptied or replaced the file meanwhile.
        let is_there = || fs::read_to_string(&self.path).is_ok_and(|it| it == assertion);
        if self.written.as_ref() == Some(&assertion) && is_there() {
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
    // Root could so replace /dev/stdout for all programs.
    if fs::symlink_metadata(path).is_ok_and(|it| !it.is_file()) {
        let why = "it is a folder, a link, a pipe or a device: give the path of a file, or of none";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use azure_core::http::ClientMethodOptions;
    use std::{
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
    };

    /// An identity endpoint that says what it is told to; with nothing it is down.
    #[derive(Clone, Debug)]
    struct Host(Arc<Mutex<Option<&'static str>>>);

    impl Host {
        fn new() -> Self {
            Self(Arc::new(Mutex::new(Some("first"))))
        }

        fn says(&self, assertion: Option<&'static str>) {
            *self.0.lock().unwrap() = assertion;
        }
    }

    #[async_trait]
    impl ClientAssertion for Host {
        async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
            let assertion = *self.0.lock().unwrap();
            let assertion = assertion.map(str::to_owned);
            assertion.ok_or_else(|| crate::rest::other("the host is down".to_owned()))
        }
    }

    fn written(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_file_follows_the_assertion_and_an_outage_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("assertion");
        let host = Host::new();
        let mut file = AssertionFile::new(host.clone(), path.clone());
        file.write().await.unwrap();
        assert_eq!(written(&path), "first");
        let keeping = tokio::spawn(async move { file.keep().await });
        for (says, expected) in [
            (Some("first"), "first"),
            (Some("second"), "second"),
            (None, "second"),
            (None, "second"),
            (Some("third"), "third"),
        ] {
            host.says(says);
            // The clock of the test moves on by itself.
            clock::pause(INTERVAL * 2).await;
            assert_eq!(written(&path), expected);
            assert!(!keeping.is_finished());
        }
        keeping.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_gone_or_emptied_and_a_folder_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        fs::create_dir(&below).unwrap();
        let path = below.join("assertion");
        let mut file = AssertionFile::new(Host::new(), path.clone());
        file.write().await.unwrap();
        let keeping = tokio::spawn(async move { file.keep().await });
        fs::remove_file(&path).unwrap();
        clock::pause(INTERVAL * 2).await;
        assert_eq!(written(&path), "first");
        fs::write(&path, "").unwrap();
        clock::pause(INTERVAL * 2).await;
        assert_eq!(written(&path), "first");
        fs::remove_dir_all(&below).unwrap();
        clock::pause(INTERVAL * 2).await;
        assert!(!path.exists() && !keeping.is_finished());
        fs::create_dir(&below).unwrap();
        clock::pause(INTERVAL * 2).await;
        assert_eq!(written(&path), "first");
        keeping.abort();
    }

    #[test]
    fn a_reader_finds_one_text_or_the_other_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("assertion");
        // Of different lengths, and longer than a page.
        let texts = ["a".repeat(20_000), "b".repeat(50_000)];
        replace(&path, &texts[0]).unwrap();
        let reads = AtomicUsize::new(0);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while reads.load(Ordering::Relaxed) < 300 {
                    let file = fs::File::open(&path).unwrap();
                    #[cfg(unix)]
                    {
                        use std::os::unix::fs::PermissionsExt;
                        let mode = file.metadata().unwrap().permissions().mode();
                        assert_eq!(mode & 0o777, 0o600);
                    }
                    let text = io::read_to_string(file).unwrap();
                    assert!(texts.contains(&text), "a part of a text");
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
            let mut round = 0;
            while !reader.is_finished() {
                round += 1;
                replace(&path, &texts[round % 2]).unwrap();
            }
        });
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}
