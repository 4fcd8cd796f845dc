//! Renders `TROUBLESHOOTING.md` from the table, and compares it with the file.

mod commands;

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
use std::{collections::HashSet, fmt::Write, fs, path::PathBuf};

const HOME: &str = "11111111-1111-4111-8111-111111111111";
const TARGET: &str = "22222222-2222-4222-8222-222222222222";
const APP: &str = "33333333-3333-4333-8333-333333333333";
const PRINCIPAL: &str = "44444444-4444-4444-8444-444444444444";
const IDENTITY: &str = "55555555-5555-4555-8555-555555555555";
/// The text of the guide in place of a value.
const PLACEHOLDERS: [(&str, &str); 5] = [
    (HOME, "<home tenant id>"),
    (TARGET, "<target tenant id>"),
    (APP, "<client id of the app>"),
    (PRINCIPAL, "<principal id of the managed identity>"),
    (IDENTITY, "<client id of the managed identity>"),
];

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("TROUBLESHOOTING.md")
}

#[test]
fn the_guide_says_what_the_table_says() {
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
        "TROUBLESHOOTING.md differs from the table; CONTRIBUTING.md, \"How to add a code\", has the command that writes it"
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

#[test]
fn a_diagnosis_without_a_number_links_to_its_section() {
    use super::super::{given_up, no_imds, scope};
    let authority = AuthorityHost::choose(Some(&CloudConfiguration::default()), None).unwrap();
    let none = no_imds::Signs { found: Vec::new() };
    for (diagnosis, section) in [
        (scope::of_scope("openid"), Section::Configuration),
        (
            scope::of_several_resources("a", "b"),
            Section::Configuration,
        ),
        (given_up::panicked(), Section::Stopped),
        (given_up::too_many_requests(), Section::Stopped),
        (given_up::ended(), Section::Stopped),
        (
            no_imds::nobody_answers("http://127.0.0.1:1", &none),
            Section::NoImds,
        ),
        (
            super::super::of_unreadable_answer(&authority, None),
            Section::Entra,
        ),
        (super::super::of_refused_key(), Section::Host),
    ] {
        let links: Vec<_> = diagnosis.links().filter(|it| it.contains(FILE)).collect();
        assert_eq!(links, [url(section.anchor())], "{diagnosis}");
    }
}

fn explained(code: u32, row: &'static Row) -> Diagnosis {
    with_case(|case| case.explain(code, row))
}

/// A refusal of the target tenant, of a managed identity that the request named.
fn with_case<T>(tell: impl FnOnce(&Case<'_>) -> T) -> T {
    let authority = AuthorityHost::choose(Some(&CloudConfiguration::default()), None).unwrap();
    let claims = Claims {
        iss: Some(format!("https://login.microsoftonline.com/{HOME}/v2.0")),
        sub: Some(PRINCIPAL.to_owned()),
        tid: Some(HOME.to_owned()),
        azp: Some(IDENTITY.to_owned()),
        ..Claims::default()
    };
    tell(&Case::new(
        &Refusal {
            status: 401,
            error: Some("invalid_client"),
            description: None,
            codes: &[],
            suberror: None,
            has_claims: false,
            is_entras: true,
        },
        &Exchange {
            authority: &authority,
            tenant: &TenantId::parse(TARGET).unwrap(),
            client_id: &ClientId::parse(APP).unwrap(),
            scopes: "https://management.azure.com/.default",
            assertion: Some(&claims),
            asked: &AssertionRequest::of("api://AzureADTokenExchange"),
            now: OffsetDateTime::UNIX_EPOCH,
        },
    ))
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

const SECTIONS: [(Section, &str, &str); 8] = [
    (
        Section::Configuration,
        "A setting is wrong",
        "The error names the setting, its value and what to give instead. Nothing was sent.\n\n- **Cause:** a value in the code or in the environment cannot be right: an id that is no GUID, a URL without https, a scope without /.default.\n- **Who acts:** the service's developer.\n- **Check:** compare the value with the table \"Which id goes where\" of the README.\n",
    ),
    (
        Section::Connection,
        "No answer from Entra, from the identity endpoint or from a resource",
        "The error says that a name cannot be resolved, a connection was refused, a certificate is not trusted, or no answer came in time.\n\n- **Cause:** DNS, a firewall, a proxy, a proxy that inspects TLS, or a container image without root certificates.\n- **Who acts:** the operator of the service's host.\n- **Check** (changes nothing; on the host; it sends no secret):\n\n  ```sh\n  curl --verbose --output /dev/null https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration\n  ```\n",
    ),
    (
        Section::Host,
        "The identity endpoint of App Service, Arc, Service Fabric or Azure ML refuses",
        "The error names the host and the variable that has its address.\n\n- **Cause:** no identity is assigned to the host, the credential names another one, or the process has old values of the host's variables.\n- **Who acts:** the operator of the service's host.\n- **What to do:** compare the host's identities with the one that the credential names.\n- **Check** (changes nothing):\n\n  ```sh\n  az webapp identity show --resource-group '<resource group>' --name '<name of the app>'\n  ```\n- **Then run:**\n\n  ```sh\n  az webapp identity assign --resource-group '<resource group>' --name '<name of the app>' --identities '<resource id of the managed identity>'\n  ```\n",
    ),
    (
        Section::Imds,
        "IMDS refuses",
        "The error names IMDS and its own words, such as \"Identity not found\" or \"Multiple user assigned identities exist\".\n\n- **Cause:** the identity is not assigned to the machine, or several are and the credential names none, or something else answers at 169.254.169.254.\n- **Who acts:** the operator of the service's host. The developer sets managed_identity.user_assigned_id.\n- **What to do:** list the machine's identities, then assign the one that the app trusts.\n- **Check** (changes nothing):\n\n  ```sh\n  az vm identity show --ids '<resource id of the virtual machine>'\n  ```\n- **Then run:**\n\n  ```sh\n  az vm identity assign --ids '<resource id of the virtual machine>' --identities '<resource id of the managed identity>'\n  ```\n",
    ),
    (
        Section::NoImds,
        "There is no IMDS, or something else answers at its address",
        "The error says that nobody answers at the address of IMDS, or that the answer is not one of IMDS.\n\n- **Cause:** the service does not run on an Azure virtual machine. Or its host has another identity endpoint, and the variables of that endpoint are missing. Or a firewall, a container network or a proxy is in between.\n- **Who acts:** the operator of the service's host.\n- **What to do:** compare the host with the table of hosts in the README, and with `docs/hosts.md`.\n- **Check** (changes nothing; on the host):\n\n  ```sh\n  curl --noproxy '*' --max-time 5 --header Metadata:true 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'\n  ```\n",
    ),
    (
        Section::Entra,
        "Entra refuses, and the number is not in this guide",
        "The error has Entra's own sentence, or says that the answer is not one of Entra.\n\n- **Cause:** Entra has a reason that this version does not know. Or a proxy answers in its place.\n- **Who acts:** the error names who.\n- **What to do:** read Entra's sentence in the error.\n- **Check** (changes nothing): look the request up in the service principal sign-in logs of the target tenant. The error has its correlation id.\n",
    ),
    (
        Section::Stopped,
        "The crate stopped a request, or did not send it",
        "The error names no answer of a service, and says what stopped the request.\n\n- **Cause:** code of the application (a transport, a policy, a source of assertions) panicked, blocked or took too long. Or one token was requested too often. Or too many requests were queued. Or the operating system gave no thread.\n- **Who acts:** the error names who: the service's developer or the operator of its host.\n- **Check:** the log of the service at the time of the error, with `RUST_LOG=cross_tenant_identity=debug`.\n",
    ),
    (
        Section::Resource,
        "Resource Manager, Storage, Key Vault or another resource refuses the token",
        "A token of the target tenant came, and the resource answers 401, 403 or 404, such as AuthorizationFailed, AuthorizationPermissionMismatch or Forbidden.\n\n- **Cause:** usually the app's service principal in the target tenant has no role there. Or a firewall does not let the service in, or the token is for another resource or tenant.\n- **Who acts:** the target tenant's administrator.\n- **What to do:** list the roles, then grant the one that is missing. It may take several minutes to take effect.\n- **Check** (changes nothing):\n\n  ```sh\n  az role assignment list --assignee '<object id of the service principal in the target tenant>' --all\n  ```\n\n  ```powershell\n  Get-AzRoleAssignment -ObjectId '<object id of the service principal in the target tenant>'\n  ```\n- **Then run:**\n\n  ```sh\n  az role assignment create --assignee-object-id '<object id of the service principal in the target tenant>' --assignee-principal-type ServicePrincipal --role '<role that allows the action>' --scope '<resource id of the scope>'\n  ```\n\n  ```powershell\n  New-AzRoleAssignment -ObjectId '<object id of the service principal in the target tenant>' -RoleDefinitionName '<role that allows the action>' -Scope '<resource id of the scope>'\n  ```\n",
    ),
];

fn guide() -> String {
    let mut out = String::from(
        "# Troubleshooting\n\n<!-- Written by a test from src/diagnosis/table/. CONTRIBUTING.md, \"How to add a code\", has the command. -->\n\nFind the number or the symptom. Values of your own stand in angle brackets. `explain` prints the same\nwith your values filled in. The home tenant owns the managed identity and the app. The target tenant\nowns the resources.\n\n## Contents\n\nWithout a number of Microsoft Entra:\n\n",
    );
    for (section, title, _) in SECTIONS {
        writeln!(out, "- [{title}](#{})", section.anchor()).unwrap();
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
        write!(
            out,
            "\n<a id=\"{}\"></a>\n\n## {title}\n\n{text}",
            section.anchor()
        )
        .unwrap();
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
            "When the home tenant itself was asked (read its id where the target's stands):"
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
