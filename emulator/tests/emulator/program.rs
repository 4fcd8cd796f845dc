use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cross-tenant-identity-emulator");

/// The program, running, and what it printed; killed if a test fails.
struct Program {
    child: Child,
    exports: HashMap<String, String>,
}

impl Program {
    fn start(arguments: &[&str]) -> Program {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let stdout = child.stdout.take().expect("its output");
        let mut exports = HashMap::new();
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("text");
            if let Some((name, value)) =
                line.strip_prefix("export ").and_then(|l| l.split_once('='))
            {
                exports.insert(name.to_owned(), value.trim_matches('\'').to_owned());
                if name == "no_proxy" {
                    break;
                }
            }
        }
        Program { child, exports }
    }

    fn stop(mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([signal, &pid])
            .status()
            .expect("kill");
        assert!(sent.success());
        self.child.wait().expect("its end").code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_prints_what_clients_need_and_stops_cleanly() {
    for signal in ["-TERM", "-INT"] {
        let program = Program::start(&["--without", "role"]);
        let exports = program.exports.clone();
        let imds = &exports["AZURE_POD_IDENTITY_AUTHORITY_HOST"];
        let address = imds.trim_start_matches("http://");
        TcpStream::connect(address).expect("it listens");
        assert!(exports["AZURE_AUTHORITY_HOST"].starts_with("https://localhost:"));
        for name in [
            "HOME_TENANT_ID",
            "TARGET_TENANT_ID",
            "CLIENT_ID",
            "TARGET_SUBSCRIPTION_ID",
        ] {
            assert_eq!(exports[name].len(), 36, "{name}");
        }
        let ca_file = &exports["REQUESTS_CA_BUNDLE"];
        assert_eq!(&exports["NODE_EXTRA_CA_CERTS"], ca_file);
        let pem = std::fs::read_to_string(ca_file).expect("the CA's certificate");
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));

        assert_eq!(program.stop(signal), Some(0), "{signal}");
        assert!(!Path::new(ca_file).exists(), "the temporary file is gone");
        assert!(
            TcpStream::connect(address).is_err(),
            "nobody listens any more"
        );
    }
}

#[test]
fn the_users_ca_file_stays() {
    let path = std::env::temp_dir().join(format!("emulator ca {}.pem", std::process::id()));
    let program = Program::start(&["--ca-file", path.to_str().expect("text")]);
    assert_eq!(
        program.exports["SSL_CERT_FILE"],
        path.to_str().expect("text")
    );
    assert_eq!(program.stop("-TERM"), Some(0));
    assert!(path.exists());
    std::fs::remove_file(path).expect("to tidy up");
}

#[test]
fn arguments_that_it_does_not_know_end_it_with_a_reason() {
    for (arguments, code) in [
        (vec!["--help"], 0),
        (vec!["--without", "luck"], 2),
        (vec!["-x"], 2),
    ] {
        let output = Command::new(PROGRAM)
            .args(&arguments)
            .output()
            .expect("the program");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let mut said = String::new();
        (if code == 0 {
            &output.stdout
        } else {
            &output.stderr
        })
        .as_slice()
        .read_to_string(&mut said)
        .expect("text");
        assert!(
            said.contains("--help") || said.contains("error: "),
            "{said}"
        );
    }
    let unwritable = Command::new(PROGRAM)
        .args(["--ca-file", "/nowhere/at/all.pem"])
        .output()
        .expect("the program");
    assert_eq!(unwritable.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unwritable.stderr).contains("/nowhere/at/all.pem"));
}
