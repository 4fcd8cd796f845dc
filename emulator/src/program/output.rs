//! What the program prints. Variables go to standard output, everything else to standard error.

use anstream::{stderr, stdout};
use clap::builder::styling::{AnsiColor, Style};
use cross_tenant_identity_emulator::{ClientVariables, Emulator, LoggedRequest, Step};
use std::io::{self, IsTerminal, Write};

use crate::{format::Format, target_vault};

const BOLD: Style = Style::new().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();

pub(crate) fn variables(text: &str) -> io::Result<()> {
    let mut stdout = stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

pub(crate) fn error(error: &io::Error) {
    print(&format!("{RED}error:{RED:#} {error}\n"));
}

/// One line for a request of `--log`.
pub(crate) fn request(request: &LoggedRequest) {
    let (style, status) = match request.status {
        Some(status) if status < 400 => (GREEN, status.to_string()),
        Some(status) => (YELLOW, status.to_string()),
        None => (YELLOW, "no response".to_owned()),
    };
    print(&format!(
        "{:<16} {} {} -> {style}{status}{style:#}\n",
        request.endpoint, request.method, request.path
    ));
}

/// The endpoints, and what to do next.
pub(crate) fn next_step(
    emulator: &Emulator,
    left_out: Option<Step>,
    variables: &ClientVariables,
    format: Format,
) {
    let https = emulator.https_url();
    let left_out = left_out.map_or_else(String::new, |step| format!(" (without {step})"));
    let mut text =
        format!("\n{BOLD}The emulator is running, with Contoso and Litware{left_out}.{BOLD:#}\n");
    for (name, endpoint) in [
        ("IMDS", emulator.imds_url().to_owned()),
        ("App Service", emulator.identity_endpoint().to_owned()),
        ("Entra", https.to_owned()),
        ("Resource Manager", https.to_owned()),
        ("Microsoft Graph", format!("{https}/v1.0")),
        (
            "Key Vault",
            format!(
                "{https} ({}, secret {})",
                target_vault::NAME,
                target_vault::SECRET
            ),
        ),
        (
            "CA certificate",
            variables
                .get("EMULATOR_CA_FILE")
                .unwrap_or_default()
                .to_owned(),
        ),
    ] {
        text.push_str(&format!("  {name:<16}  {endpoint}\n"));
    }
    let load = match (format, io::stdout().is_terminal()) {
        (Format::Json, _) => "set the variables of the JSON object",
        (Format::Dotenv, _) => "load the variables with your dotenv tool",
        (_, true) => "paste the lines above into another terminal",
        (Format::Bash, false) => "load the file with `source FILE`",
        (Format::Powershell, false) => "load the file with `. FILE.ps1`",
    };
    text.push_str(&format!(
        "\n{BOLD}Next:{BOLD:#} {load}, then run a client there, for example:\n  \
         cargo run --example list_resource_groups\n\
         Or start the client with the variables in one step:\n  \
         cross-tenant-identity-emulator run -- COMMAND\n\
         Stop the emulator with Ctrl+C.\n"
    ));
    print(&text);
}

/// Prints to standard error. An error is ignored: there is no other place to report it.
fn print(text: &str) {
    let _ = stderr().lock().write_all(text.as_bytes());
}
