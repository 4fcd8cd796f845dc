use crate::support::{ARM, command, ended, run};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

const COMMANDS: [&str; 8] = [
    "doctor",
    "audit",
    "token",
    "claims",
    "list-groups",
    "many-tenants",
    "setup",
    "completions",
];

#[test]
fn every_command_has_help() {
    let help = run(&["--help"]).expect(0);
    for name in COMMANDS {
        assert!(help.stdout.contains(name), "{}", help.stdout);
        let of_command = run(&[name, "--help"]).expect(0);
        assert!(of_command.stdout.contains("Usage: cross-tenant-identity"));
    }
    assert!(help.stdout.contains("Exit status"));
    assert!(
        run(&["doctor", "--help"])
            .stdout
            .contains("service-principal")
    );
    assert!(
        run(&["--version"])
            .expect(0)
            .stdout
            .starts_with("cross-tenant-identity ")
    );
}

#[test]
fn a_wrong_command_line_ends_with_status_2() {
    for arguments in [
        &[][..],
        &["nonsense"],
        &["doctor", "--nonsense"],
        &["doctor", "--without", "role"],
        &["doctor", "--emulator", "--without", "nonsense"],
        &["doctor", "--emulator", "--client-id", "x"],
        &["doctor", "--scope", ARM, "--subscription-id", "x"],
        &["doctor", "--emulator", "--config", "x.toml"],
        &["token", "--scope", ARM, "--host", "vm"],
        &["completions", "nonsense"],
    ] {
        let ended = run(arguments).expect(2);
        assert!(
            ended.stdout.is_empty() && !ended.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn the_reader_may_go_after_the_first_line() {
    for arguments in [
        &["--help"][..],
        &["doctor", "--emulator"],
        &["many-tenants", "--emulator"],
        &["completions", "bash"],
    ] {
        let mut child = command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(!line.is_empty());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            !stderr.contains("panicked") && !stderr.contains("error"),
            "{stderr}"
        );
    }
}

#[test]
fn colours_are_for_terminals_and_those_who_ask() {
    let arguments = ["doctor", "--emulator", "--without", "role"];
    let has_colours = |variables: &[(&str, &str)]| {
        let mut command = command(&arguments);
        ended(command.envs(variables.iter().copied()))
            .expect(1)
            .stdout
            .contains('\u{1b}')
    };
    assert!(!has_colours(&[]));
    assert!(has_colours(&[("CLICOLOR_FORCE", "1")]));
    assert!(!has_colours(&[("NO_COLOR", "1")]));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("many-tenants"), "{shell}");
    }
}
