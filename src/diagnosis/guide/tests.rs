//! Renders `TROUBLESHOOTING.md` from the table and from the diagnoses of symptoms, and compares it with
//! the file.

mod commands;
mod sections;
mod symptoms;

use super::{
    super::{
        Actor, Diagnosis, Shell,
        case::Case,
        refusal::{AssertionRequest, Exchange, Refusal},
        table::{self, Row, When},
    },
    *,
};
use crate::{
    authority::{AuthorityHost, ClientId, TenantId},
    claims::Claims,
};
use azure_core::{cloud::CloudConfiguration, time::OffsetDateTime};
use commands::{SIGN_INS, check_before, in_command, is_read_only};
use sections::SECTIONS;
use std::{collections::HashSet, fmt::Write, fs, path::PathBuf};

const HOME: &str = "11111111-1111-4111-8111-111111111111";
const TARGET: &str = "22222222-2222-4222-8222-222222222222";
const APP: &str = "33333333-3333-4333-8333-333333333333";
const PRINCIPAL: &str = "44444444-4444-4444-8444-444444444444";
const IDENTITY: &str = "55555555-5555-4555-8555-555555555555";
const OBJECT: &str = "66666666-6666-4666-8666-666666666666";
const SUBSCRIPTION: &str = "77777777-7777-4777-8777-777777777777";
/// The text of the guide in place of a value.
const PLACEHOLDERS: [(&str, &str); 7] = [
    (HOME, "<home tenant id>"),
    (TARGET, "<target tenant id>"),
    (APP, "<client id of the app>"),
    (PRINCIPAL, "<principal id of the managed identity>"),
    (IDENTITY, "<client id of the managed identity>"),
    (
        OBJECT,
        "<object id of the service principal in the target tenant>",
    ),
    (SUBSCRIPTION, "<subscription id>"),
];

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("TROUBLESHOOTING.md")
}

#[test]
fn the_guide_says_what_the_errors_say() {
    let rendered = guide();
    if std::env::var_os("UPDATE_GUIDE").is_some() {
        fs::write(file(), &rendered).unwrap();
    }
    // A checkout on Windows may end lines with CR LF.
    let written = fs::read_to_string(file())
        .unwrap_or_default()
        .replace('\r', "");
    assert!(
        written == rendered,
        "TROUBLESHOOTING.md differs from what the errors say; CONTRIBUTING.md, \"How to add a code\", has the command that writes it"
    );
}

#[test]
fn each_anchor_that_an_error_links_to_is_in_the_guide_once() {
    let written = fs::read_to_string(file()).unwrap();
    let mut seen = HashSet::new();
    for row in table::rows() {
        for &code in row.codes {
            let linked = explained(code, row);
            let anchor = linked
                .links()
                .find_map(|link| link.split_once("/TROUBLESHOOTING.md#"))
                .unwrap()
                .1
                .to_owned();
            assert!(seen.insert(anchor), "AADSTS{code}");
        }
    }
    seen.extend(SECTIONS.map(|part| part.0.anchor().to_owned()));
    for anchor in seen {
        let tag = format!("<a id=\"{anchor}\"></a>");
        assert_eq!(written.matches(&tag).count(), 1, "{anchor}");
    }
}

fn explained(code: u32, row: &'static Row) -> Diagnosis {
    with_case(|case| case.explain(code, row))
}

/// A refusal of the target tenant, of a managed identity that the request named.
fn with_case<T>(tell: impl FnOnce(&Case<'_>) -> T) -> T {
    let refusal = Refusal {
        status: 401,
        error: Some("invalid_client"),
        description: None,
        codes: &[],
        suberror: None,
        has_claims: false,
        is_entras: true,
    };
    with_request(|exchange| tell(&Case::new(&refusal, exchange)))
}

/// A request to the target tenant, with the assertion of a managed identity that it named.
fn with_request<T>(tell: impl FnOnce(&Exchange<'_>) -> T) -> T {
    let authority = AuthorityHost::choose(Some(&CloudConfiguration::default()), None).unwrap();
    let claims = Claims {
        iss: Some(format!("https://login.microsoftonline.com/{HOME}/v2.0")),
        sub: Some(PRINCIPAL.to_owned()),
        tid: Some(HOME.to_owned()),
        azp: Some(IDENTITY.to_owned()),
        ..Claims::default()
    };
    tell(&Exchange {
        authority: &authority,
        tenant: &TenantId::parse(TARGET).unwrap(),
        client_id: &ClientId::parse(APP).unwrap(),
        scopes: "https://management.azure.com/.default",
        assertion: Some(&claims),
        asked: &AssertionRequest::of("api://AzureADTokenExchange"),
        now: OffsetDateTime::UNIX_EPOCH,
    })
}

/// For use in a text: Markdown gives angle brackets and pipes outside a code block a special
/// meaning.
fn in_text(text: &str) -> String {
    named(text)
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('|', "\\|")
}

fn named(text: &str) -> String {
    PLACEHOLDERS
        .iter()
        .fold(text.to_owned(), |text, (value, name)| {
            text.replace(value, name)
        })
}

fn guide() -> String {
    let mut out = String::from(
        "# Troubleshooting\n\n<!-- Written by a test from the code in src/diagnosis/. CONTRIBUTING.md, \"How to add a code\", has the command. -->\n\nFind the number or the symptom. Values of your own stand in angle brackets. `explain` prints the same\nwith your values filled in. The home tenant owns the managed identity and the app. The target tenant\nowns the resources.\n\n## Contents\n\nWithout a number of Microsoft Entra:\n\n",
    );
    for (section, title, _) in SECTIONS {
        writeln!(out, "- [{title}](#{})", section.anchor()).unwrap();
        for symptom in symptoms::of(section) {
            writeln!(out, "  - {}", in_text(&symptom.title)).unwrap();
        }
    }
    out.push_str("\nWith a number:\n\n| Number | What happened |\n| --- | --- |\n");
    for row in table::rows() {
        let told = explained(row.codes[0], row);
        let happened = super::super::first_sentence(told.what_happened());
        let links: Vec<_> = row
            .codes
            .iter()
            .map(|&code| format!("[AADSTS{code}](#{})", anchor_of(code)))
            .collect();
        writeln!(out, "| {} | {} |", links.join(", "), in_text(happened)).unwrap();
    }
    for (section, title, text) in SECTIONS {
        let anchor = section.anchor();
        write!(out, "\n<a id=\"{anchor}\"></a>\n\n## {title}\n\n{text}").unwrap();
        for symptom in symptoms::of(section) {
            writeln!(out, "\n### {}\n", in_text(&symptom.title)).unwrap();
            if let Some(says) = symptom.says {
                writeln!(out, "- **The error says:** {}", in_text(&says)).unwrap();
            }
            tell(&mut out, &symptom.told);
        }
    }
    for row in table::rows() {
        out.push('\n');
        for &code in row.codes {
            writeln!(out, "<a id=\"{}\"></a>", anchor_of(code)).unwrap();
        }
        let title: Vec<_> = row
            .codes
            .iter()
            .map(|code| format!("AADSTS{code}"))
            .collect();
        writeln!(out, "\n## {}\n", title.join(", ")).unwrap();
        tell(&mut out, &explained(row.codes[0], row));
        for (when, variant) in row.variants {
            writeln!(out, "\n**{}**\n", condition(*when)).unwrap();
            let mut told = with_case(|case| case.fill(variant));
            if *when == When::AtHome {
                told = Diagnosis {
                    who: Actor::HomeAdministrator,
                    ..told
                };
            }
            tell(&mut out, &told);
        }
    }
    out
}

fn condition(when: When) -> &'static str {
    match when {
        When::AtHome => {
            "When the home tenant itself was asked (put its id in the place of the target tenant's):"
        }
        When::OtherAudience => "When the assertion was asked for with another audience:",
        When::HostsChoice => "When the credential names no managed identity:",
        When::ClocksDiffer => "When the host's clock differs from Entra's:",
        When::ClocksAgree => "When the host's clock agrees with Entra's:",
        When::NoManagedIdentity => "When the assertion is not a managed identity's:",
    }
}

fn tell(out: &mut String, told: &Diagnosis) {
    writeln!(out, "- **Cause:** {}", in_text(told.what_happened())).unwrap();
    writeln!(out, "- **Who acts:** {}.", told.who()).unwrap();
    writeln!(out, "- **What to do:** {}", in_text(told.what_to_do())).unwrap();
    let (mut checks, mut changes) = (Vec::new(), Vec::new());
    for shell in [Shell::AzureCli, Shell::PowerShell] {
        // A check of a later command can sign in to another tenant.
        let mut sign_in = None;
        for command in told.commands().iter().filter(|it| it.shell() == shell) {
            let text = command.text();
            let check = (shell, check_before(text));
            if !checks.contains(&check) {
                checks.push(check);
            }
            if SIGN_INS.iter().any(|start| text.starts_with(start)) {
                sign_in = Some(text);
            } else if !is_read_only(text) {
                changes.extend(
                    [sign_in.take(), Some(text)]
                        .into_iter()
                        .flatten()
                        .map(|it| (shell, it.to_owned())),
                );
            }
        }
    }
    blocks(out, "Check** (changes nothing):", &checks);
    blocks(out, "Then run:**", &changes);
}

fn blocks(out: &mut String, title: &str, commands: &[(Shell, String)]) {
    if !commands.is_empty() {
        writeln!(out, "- **{title}").unwrap();
    }
    for (shell, fence) in [(Shell::AzureCli, "sh"), (Shell::PowerShell, "powershell")] {
        let lines: Vec<_> = commands.iter().filter(|it| it.0 == shell).collect();
        if lines.is_empty() {
            continue;
        }
        writeln!(out, "\n  ```{fence}").unwrap();
        for (_, line) in lines {
            writeln!(out, "  {}", in_command(line)).unwrap();
        }
        out.push_str("  ```\n");
    }
}
