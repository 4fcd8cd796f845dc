//! The emulator as a program: tells the scenario and prints what other SDKs need to take part.

#![forbid(unsafe_code)]

use cross_tenant_identity_emulator::{Emulator, Scenario, Step};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    future::Future,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

const HELP: &str = "\
A local Azure for cross-tenant managed identity: IMDS, Entra and Resource Manager.

It tells the scenario of Contoso and Litware, prints the variables that clients need
as bash `export` lines, and runs until it gets SIGINT or SIGTERM:

    cross-tenant-identity-emulator > emulator.env &
    source emulator.env

Options:
    --without STEP     Leave a step of the scenario out, and see its error:
                       role | service-principal | federated-credential |
                       multi-tenant | home-registration
    --ca-file PATH     Write the CA's certificate there, and leave it there.
                       Otherwise it goes to a temporary file, removed at the end.
    --help             Print this.
";

/// What the arguments ask for.
enum Arguments {
    Help,
    Run {
        without: Option<Step>,
        ca_file: Option<PathBuf>,
    },
}

impl Arguments {
    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
        let (mut without, mut ca_file) = (None, None);
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--help" | "-h") => return Ok(Arguments::Help),
                Some("--without") => {
                    let step = arguments.next().ok_or("--without needs a step")?;
                    let step = step.to_string_lossy();
                    let step: Step = step.parse().map_err(|error| format!("{error}"))?;
                    if without.replace(step).is_some() {
                        return Err("--without can be given once".to_owned());
                    }
                }
                Some("--ca-file") => {
                    let path = arguments.next().ok_or("--ca-file needs a path")?;
                    if ca_file.replace(PathBuf::from(path)).is_some() {
                        return Err("--ca-file can be given once".to_owned());
                    }
                }
                _ => {
                    return Err(format!(
                        "unknown argument '{}'",
                        argument.to_string_lossy().escape_debug()
                    ));
                }
            }
        }
        Ok(Arguments::Run { without, ca_file })
    }
}

fn main() -> ExitCode {
    let ended = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(Arguments::Help) => io::stdout().write_all(HELP.as_bytes()),
        Ok(Arguments::Run { without, ca_file }) => run(without, ca_file),
        Err(message) => {
            eprintln!("error: {message}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(without: Option<Step>, ca_file: Option<PathBuf>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        // Before anything is printed: who reads it may end this process at once.
        let stop = stop_signal()?;
        let emulator = Emulator::start()?;
        let scenario = match without {
            None => emulator.create_scenario(),
            Some(step) => emulator.create_scenario_without(step),
        };
        let ca_file = CaFile::write(ca_file, emulator.ca_pem())?;
        let mut stdout = io::stdout().lock();
        stdout.write_all(exports(&emulator, &scenario, without, ca_file.path()).as_bytes())?;
        stdout.flush()?;
        stop.await;
        Ok(())
    })
}

/// Completes with the first signal that asks the process to end.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Completes with the first signal that asks the process to end.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without signals the process ends when it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}

/// The CA's certificate in a file: the user's, which stays, or a temporary one, which goes.
struct CaFile {
    path: PathBuf,
    temporary: bool,
}

impl CaFile {
    fn write(path: Option<PathBuf>, pem: &str) -> io::Result<CaFile> {
        let temporary = path.is_none();
        let path = match path {
            // Clients run in other directories than this process.
            Some(path) => std::path::absolute(path)?,
            None => std::env::temp_dir().join(format!(
                "cross-tenant-identity-emulator-{}.pem",
                uuid::Uuid::new_v4()
            )),
        };
        let file = if temporary {
            OpenOptions::new().write(true).create_new(true).open(&path)
        } else {
            File::create(&path)
        };
        let named = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("{} cannot be written: {error}", path.display()),
            )
        };
        file.and_then(|mut file| file.write_all(pem.as_bytes()))
            .map_err(named)?;
        Ok(CaFile { path, temporary })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        if self.temporary {
            // Nothing can be done about a file that will not go; it holds no secret.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn exports(
    emulator: &Emulator,
    scenario: &Scenario,
    without: Option<Step>,
    ca_file: &Path,
) -> String {
    let ca_file = ca_file.to_string_lossy();
    let left_out = without.map_or_else(String::new, |step| format!(" (without {step})"));
    let mut text = format!(
        "# A local Azure with Contoso and Litware{left_out}, for the variables below; it runs \
         until SIGINT or SIGTERM.\n"
    );
    for (name, value) in [
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", emulator.imds_url()),
        ("AZURE_AUTHORITY_HOST", emulator.https_url()),
        ("ARM_ENDPOINT", emulator.https_url()),
        ("REQUESTS_CA_BUNDLE", &ca_file),
        ("SSL_CERT_FILE", &ca_file),
        ("NODE_EXTRA_CA_CERTS", &ca_file),
        ("HOME_TENANT_ID", &scenario.home_tenant_id),
        ("TARGET_TENANT_ID", &scenario.target_tenant_id),
        ("CLIENT_ID", &scenario.client_id),
        ("TARGET_SUBSCRIPTION_ID", &scenario.target_subscription_id),
        ("IDENTITY_CLIENT_ID", &scenario.identity_client_id),
        ("IDENTITY_PRINCIPAL_ID", &scenario.identity_principal_id),
        ("IDENTITY_RESOURCE_ID", &scenario.identity_resource_id),
    ] {
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    // A proxy must not come between a client and a loopback address.
    for name in ["NO_PROXY", "no_proxy"] {
        text.push_str(&format!(
            "export {name}=localhost,127.0.0.1${{{name}:+,${name}}}\n"
        ));
    }
    text
}

/// The value as one word of bash.
fn quoted(value: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,".contains(letter);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn arguments_are_understood_or_refused_with_a_reason() {
        assert!(matches!(parse(&["--help"]), Ok(Arguments::Help)));
        assert!(matches!(
            parse(&["--without", "role", "--ca-file", "ca.pem"]),
            Ok(Arguments::Run { without: Some(Step::Role), ca_file: Some(path) })
                if path == Path::new("ca.pem")
        ));
        for (arguments, reason) in [
            (vec!["--verbose"], "unknown argument '--verbose'"),
            (vec!["--without"], "needs a step"),
            (vec!["--without", "luck"], "'luck' is no step"),
            (vec!["--ca-file"], "needs a path"),
            (vec!["--without", "role", "--without", "role"], "once"),
        ] {
            let refused = parse(&arguments).err().expect("refused");
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn a_path_with_blanks_and_quotes_is_one_word_of_bash() {
        assert_eq!(quoted("/tmp/a.pem"), "/tmp/a.pem");
        assert_eq!(quoted("/tmp/it's a"), r"'/tmp/it'\''s a'");
        assert_eq!(quoted(""), "''");
    }
}
