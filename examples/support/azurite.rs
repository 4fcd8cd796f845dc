//! Azurite, Microsoft's own storage emulator, as Litware's storage account: a server that neither
//! the library nor our emulator was written by, and that judges the access token by itself.

use azure_core::base64;
use cross_tenant_identity_emulator::Emulator;
use std::{
    io::{self, BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// The version that this was tried with; later ones want Node 22.
const INSTALL: &str = "npm install --global azurite@3.35.0";

/// The variable that names the program where it is not on the PATH.
const PROGRAM: &str = "AZURITE_BLOB";

/// A running Azurite; it ends with this.
pub struct Azurite {
    process: Child,
    _folder: TempDir,
    pub url: String,
}

impl Azurite {
    /// Starts it with a certificate of the emulator's CA: Azurite takes bearer tokens over TLS only.
    ///
    /// # Errors
    ///
    /// When it is not installed, and how to install it; or what it said when it did not start.
    pub fn start(emulator: &Emulator) -> Result<Self, String> {
        let program = std::env::var(PROGRAM).unwrap_or_else(|_| "azurite-blob".to_owned());
        let (certificate, key, folder) =
            files(emulator).map_err(|why| format!("the certificate for Azurite: {why}"))?;
        let account_key = base64::encode("any key: nobody here signs with it");
        let process = Command::new(&program)
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0"])
            .args(["--oauth", "basic", "--cert", &certificate, "--key", &key])
            // It lags behind the versions that SDKs ask for.
            .args(["--skipApiVersionCheck", "--disableTelemetry"])
            .args(["--inMemoryPersistence", "--silent"])
            .env("AZURITE_ACCOUNTS", format!("litware:{account_key}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|why| {
                format!(
                    "{program} does not start ({why}). Azurite is needed here: {INSTALL} (Node 20), or name its azurite-blob in {PROGRAM}"
                )
            })?;
        let mut azurite = Self {
            process,
            _folder: folder,
            url: String::new(),
        };
        let origin = azurite.origin()?;
        azurite.url = format!("{origin}/litware");
        Ok(azurite)
    }

    /// It says where it listens, or why it does not.
    fn origin(&mut self) -> Result<String, String> {
        let out = self.process.stdout.take();
        let mut said = String::new();
        for line in out.into_iter().flat_map(|out| BufReader::new(out).lines()) {
            let line = line.map_err(|why| format!("Azurite: {why}"))?;
            if let Some(at) = line.find("https://").filter(|_| line.contains("listen")) {
                return Ok(line[at..].trim().trim_end_matches('/').to_owned());
            }
            said.push_str(&line);
            said.push('\n');
        }
        if let Some(error) = &mut self.process.stderr {
            // What cannot be read of it is missing from a message that is about something else.
            let _ = error.read_to_string(&mut said);
        }
        Err(format!("Azurite did not start: {}", said.trim()))
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn files(emulator: &Emulator) -> io::Result<(String, String, TempDir)> {
    let folder = tempfile::tempdir()?;
    let leaf = emulator.server_certificate(&["127.0.0.1"])?;
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok::<_, io::Error>(path.display().to_string())
    };
    let certificate = write("certificate.pem", &leaf.certificate_pem)?;
    let key = write("key.pem", &leaf.private_key_pem)?;
    Ok((certificate, key, folder))
}
