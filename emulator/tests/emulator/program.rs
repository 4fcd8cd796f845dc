//! The program, as a user starts it.

use cross_tenant_identity_emulator::Step;
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cross-tenant-identity-emulator");

/// The program with these arguments, and without variables that change what it does.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    for name in [
        "EMULATOR_PORT",
        "EMULATOR_WITHOUT",
        "EMULATOR_HOST",
        "EMULATOR_LOG",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(name);
    }
    command
}

fn output(arguments: &[&str]) -> Output {
    program(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// The running program and the variables that it printed. Killed if a test fails.
struct Running {
    child: Child,
    variables: HashMap<String, String>,
}

impl Running {
    fn start(arguments: &[&str]) -> Running {
        let mut child = program(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let stdout = child.stdout.take().expect("a pipe");
        let mut variables = HashMap::new();
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("UTF-8");
            let export = line.strip_prefix("export ").expect("an export line");
            let (name, value) = export.split_once('=').expect("a value");
            variables.insert(name.to_owned(), value.trim_matches('\'').to_owned());
            if name == "no_proxy" {
                break;
            }
        }
        Running { child, variables }
    }

    /// Stops the program. Returns its exit status and its standard error.
    fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        send_signal(signal, self.child.id());
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut stderr).expect("UTF-8");
        (self.child.wait().expect("an exit status").code(), stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send_signal(signal: &str, pid: u32) {
    let status = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

#[test]
fn it_prints_the_variables_and_stops_on_a_signal() {
    for signal in ["-TERM", "-INT"] {
        let program = Running::start(&["--without", "role"]);
        let variables = program.variables.clone();
        let imds = &variables["AZURE_POD_IDENTITY_AUTHORITY_HOST"];
        let address = imds.trim_start_matches("http://");
        TcpStream::connect(address).expect("the emulator listens");
        for name in [
            "AZURE_AUTHORITY_HOST",
            "ARM_ENDPOINT",
            "GRAPH_ENDPOINT",
            "TARGET_VAULT_URL",
        ] {
            assert!(variables[name].starts_with("https://localhost:"), "{name}");
        }
        for name in [
            "HOME_TENANT_ID",
            "CROSS_TENANT_TARGET_TENANT_ID",
            "CROSS_TENANT_CLIENT_ID",
            "TARGET_SUBSCRIPTION_ID",
        ] {
            assert_eq!(variables[name].len(), 36, "{name}");
        }
        let ca_file = &variables["EMULATOR_CA_FILE"];
        for name in ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            assert_eq!(&variables[name], ca_file, "{name}");
        }
        let pem = std::fs::read_to_string(ca_file).expect("a certificate");
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(!variables.contains_key("IDENTITY_ENDPOINT"));

        let (code, _) = program.stop(signal);
        assert_eq!(code, Some(0), "{signal}");
        assert!(!Path::new(ca_file).exists(), "the temporary file stays");
        assert!(TcpStream::connect(address).is_err(), "it still listens");
    }
}

#[test]
fn it_names_the_endpoints_and_the_next_step() {
    let program = Running::start(&[]);
    let app_service = program.variables["AZURE_POD_IDENTITY_AUTHORITY_HOST"].clone() + "/msi/token";
    let vault = program.variables["TARGET_VAULT_URL"].clone();
    let (_, stderr) = program.stop("-TERM");
    assert!(stderr.contains(&format!("App Service       {app_service}")));
    assert!(stderr.contains(&format!("Key Vault         {vault}")));
    assert!(stderr.contains("Next:"), "{stderr}");
    assert!(stderr.contains("cargo run --example list_resource_groups"));
    assert!(!stderr.contains('\u{1b}'), "colour without a terminal");
}

#[test]
fn the_variables_can_select_app_service() {
    let program = Running::start(&["--host=app-service"]);
    let endpoint = &program.variables["IDENTITY_ENDPOINT"];
    assert!(endpoint.ends_with("/msi/token"), "{endpoint}");
    assert!(!program.variables["IDENTITY_HEADER"].is_empty());
}

#[test]
fn each_host_has_its_variables() {
    for (host, names) in [
        ("azure-ml", &["MSI_ENDPOINT", "MSI_SECRET"][..]),
        (
            "service-fabric",
            &[
                "IDENTITY_ENDPOINT",
                "IDENTITY_HEADER",
                "IDENTITY_SERVER_THUMBPRINT",
            ],
        ),
        ("workload-identity", &["AZURE_FEDERATED_TOKEN_FILE"]),
    ] {
        let program = Running::start(&["--host", host]);
        for name in names {
            assert!(!program.variables[*name].is_empty(), "{name}");
        }
        if let Some(path) = program.variables.get("AZURE_FEDERATED_TOKEN_FILE").cloned() {
            let token = std::fs::read_to_string(&path).expect("a token");
            assert_eq!(token.split('.').count(), 3);
            program.stop("-TERM");
            assert!(!Path::new(&path).exists(), "the temporary file stays");
        }
    }
}

#[test]
fn a_chosen_ca_file_stays() {
    let path = std::env::temp_dir().join(format!("emulator ca {}.pem", std::process::id()));
    let path = path.to_str().expect("UTF-8");
    let program = Running::start(&["--ca-file", path]);
    assert_eq!(program.variables["SSL_CERT_FILE"], path);
    assert_eq!(program.stop("-TERM").0, Some(0));
    std::fs::remove_file(path).expect("the file exists");
}

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // The last port has no next one for HTTPS.
    if port == u16::MAX {
        return;
    }
    let output = output(&["--port", &port.to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{stderr}"
    );
}

#[test]
fn help_and_version_succeed() {
    for (argument, expected) in [
        ("--help", "Usage:"),
        ("--version", "cross-tenant-identity-emulator"),
    ] {
        let output = output(&[argument]);
        assert_eq!(output.status.code(), Some(0), "{argument}");
        let stdout = text(&output.stdout);
        assert!(stdout.contains(expected), "{stdout}");
        assert!(!stdout.contains('\u{1b}'), "colour without a terminal");
    }
}

#[test]
fn help_describes_every_step() {
    let help = text(&output(&["--help"]).stdout);
    for step in Step::ALL {
        let line = help
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("- {step}:")));
        assert!(line.is_some(), "{step} is missing in {help}");
    }
}

#[test]
fn every_step_can_be_left_out() {
    for step in Step::ALL {
        let script =
            "echo \"$CROSS_TENANT_TARGET_TENANT_ID ${CROSS_TENANT_IDENTITY_CLIENT_ID-none}\"";
        let output = output(&["--without", step.name(), "run", "--", "sh", "-c", script]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let selects = !matches!(step, Step::IdentitySelector | Step::OnlyIdentity);
        let stdout = text(&output.stdout);
        assert_eq!(
            !stdout.trim_end().ends_with(" none"),
            selects,
            "{step}: {stdout}"
        );
    }
}

#[test]
fn a_wrong_command_line_ends_with_status_2() {
    for (arguments, expected) in [
        (&["--without", "luck"][..], "home-registration"),
        (&["--format=xml"], "powershell"),
        (&["--port=65535"], "65535"),
        (&["-x"], "--help"),
        (&["run"], "COMMAND"),
        (&["--format", "json", "run", "--", "true"], "--format"),
    ] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn a_file_that_cannot_be_written_ends_with_status_1() {
    let output = output(&["--ca-file", "/nowhere/at/all.pem"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/nowhere/at/all.pem"));
}

#[test]
fn run_sets_the_variables_and_passes_on_the_exit_status() {
    let script = "echo \"$CROSS_TENANT_TARGET_TENANT_ID $AZURE_POD_IDENTITY_AUTHORITY_HOST ${MSI_SECRET-unset}\"
                  test -f \"$EMULATOR_CA_FILE\" && echo \"$EMULATOR_CA_FILE\"
                  exit 7";
    let output = program(&["run", "--", "sh", "-c", script])
        .env("MSI_SECRET", "of another host")
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(7));
    let stdout = text(&output.stdout);
    let (values, ca_file) = stdout.trim_end().split_once('\n').expect("two lines");
    let [tenant, imds, secret] = values.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{values}");
    };
    assert_eq!(tenant.len(), 36);
    assert_eq!(secret, "unset", "it selects another identity endpoint");
    assert!(imds.starts_with("http://127.0.0.1:"), "{imds}");
    assert!(!Path::new(ca_file).exists(), "the temporary file stays");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn run_reports_a_signal_as_a_shell_does() {
    let output = output(&["run", "--", "sh", "-c", "kill -TERM $$"]);
    assert_eq!(output.status.code(), Some(128 + 15));
}

#[test]
fn run_passes_sigterm_on_to_its_command() {
    // The command sends the signal to the emulator, its parent, and waits for the signal.
    let script = "trap 'exit 9' TERM; kill -TERM $PPID; read line";
    let mut child = program(&["run", "--", "sh", "-c", script])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let stdin = child.stdin.take();
    assert_eq!(child.wait().expect("an exit status").code(), Some(9));
    drop(stdin);
}

#[test]
fn run_names_a_command_that_does_not_exist() {
    let output = output(&["run", "--", "/nowhere/command"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("cannot run /nowhere/command"), "{stderr}");
}

#[test]
fn the_log_has_a_line_for_each_request() {
    // bash opens the connection itself, so that the test needs no HTTP client.
    let script = "address=${AZURE_POD_IDENTITY_AUTHORITY_HOST#http://}
                  exec 3<>/dev/tcp/${address%:*}/${address#*:}
                  printf 'GET /metadata/identity HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' >&3
                  cat <&3 >/dev/null";
    for (option, environment) in [("--log", "0"), ("--port=0", "1")] {
        let output = program(&["run", option, "--", "bash", "-c", script])
            .env("EMULATOR_LOG", environment)
            .output()
            .expect("the program runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(
            text(&output.stderr),
            "no endpoint      GET /metadata/identity -> 404\n"
        );
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = program(&[])
        .stdout(writer)
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}
