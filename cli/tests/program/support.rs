//! Runs the program with nothing of this process's environment that could choose another Azure.

use cross_tenant_identity_emulator::{Emulator, Scenario};
use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

pub(crate) const ARM: &str = "https://management.azure.com/.default";

/// What has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// No head of a token is in either of its outputs.
    pub(crate) fn without_secrets(self) -> Self {
        for output in [&self.stdout, &self.stderr] {
            assert!(!output.contains("eyJ"), "a token is shown: {output}");
        }
        self
    }

    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|why| panic!("{why}: {}", self.stdout))
    }
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cross-tenant-identity"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    // Windows starts no socket without it.
    if let Some(root) = std::env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    command
}

pub(crate) fn run(arguments: &[&str]) -> Ended {
    ended(&mut command(arguments))
}

pub(crate) fn ended(command: &mut Command) -> Ended {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Ended {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// The program reads `text`.
pub(crate) fn run_with_input(arguments: &[&str], text: &[u8]) -> Ended {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may stop to read early.
    let _ = child.stdin.take().unwrap().write_all(text);
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An emulator in this process, which stands for Azure: the program reaches it by variables alone.
pub(crate) struct Azure {
    pub(crate) emulator: Emulator,
    pub(crate) scenario: Scenario,
    pub(crate) folder: TempDir,
}

impl Azure {
    pub(crate) fn start() -> Self {
        let emulator = Emulator::start().unwrap();
        let scenario = emulator.create_scenario();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), emulator.ca_pem()).unwrap();
        Self {
            emulator,
            scenario,
            folder,
        }
    }

    /// A command that reaches this Azure, without settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command
            .env(
                "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                self.emulator.imds_url(),
            )
            .env("AZURE_AUTHORITY_HOST", self.emulator.https_url())
            .env("ARM_ENDPOINT", self.emulator.https_url())
            .env("GRAPH_ENDPOINT", self.emulator.https_url())
            .env("SSL_CERT_FILE", self.folder.path().join("ca.pem"));
        command
    }

    /// With the settings as variables.
    pub(crate) fn command_with_settings(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command
            .env(
                "CROSS_TENANT_TARGET_TENANT_ID",
                &self.scenario.target_tenant_id,
            )
            .env("CROSS_TENANT_CLIENT_ID", &self.scenario.client_id)
            .env(
                "CROSS_TENANT_IDENTITY_CLIENT_ID",
                &self.scenario.identity_client_id,
            );
        command
    }

    /// A file with this text.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A file with this text, which its owner alone can read.
    #[cfg(unix)]
    pub(crate) fn private_file(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.file(name, text);
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path
    }

    /// Where a file of this name is, or would be.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}
