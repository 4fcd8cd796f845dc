//! The file with the certificate of the emulator's CA.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::guid::guid;

/// The file with the certificate: the user's file, which stays, or a temporary file.
#[derive(Debug)]
pub(super) struct CaFile {
    path: PathBuf,
    temporary: bool,
}

impl CaFile {
    pub(super) fn write(path: Option<&Path>, pem: &str) -> io::Result<CaFile> {
        let temporary = path.is_none();
        let path = match path {
            // Absolute, because clients can run in another directory.
            Some(path) => std::path::absolute(path)?,
            None => env::temp_dir().join(format!("cross-tenant-identity-emulator-{}.pem", guid())),
        };
        let file = if temporary {
            OpenOptions::new().write(true).create_new(true).open(&path)
        } else {
            File::create(&path)
        };
        file.and_then(|mut file| file.write_all(pem.as_bytes()))
            .map_err(|error| {
                let message = format!("cannot write {}: {error}", path.display());
                io::Error::new(error.kind(), message)
            })?;
        Ok(CaFile { path, temporary })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        if self.temporary {
            // An error leaves a file in the temporary directory. It holds no secret.
            let _ = fs::remove_file(&self.path);
        }
    }
}
