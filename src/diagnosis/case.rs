//! One refusal of the token endpoint, with what the request says about it.

use super::{
    Actor, Diagnosis, Exchange, Refusal,
    command::{Command, Trust, Value},
    table::{Remedy, Row, Turn},
};
use crate::{
    authority::{parse_guid, quoted},
    redact::redact,
};
use azure_core::time::{OffsetDateTime, to_rfc3339};

pub(super) struct Case<'a> {
    refusal: &'a Refusal<'a>,
    exchange: &'a Exchange<'a>,
    presented: Presented<'a>,
    /// Where the identity lives.
    home: Option<String>,
    is_home: bool,
}

/// What the assertion says of itself, or what Entra says that it says.
struct Presented<'a> {
    issuer: Option<&'a str>,
    subject: Option<&'a str>,
    audience: Option<&'a str>,
}

impl<'a> Case<'a> {
    pub(super) fn new(refusal: &'a Refusal<'a>, exchange: &'a Exchange<'a>) -> Self {
        let claims = exchange.assertion;
        let description = refusal.description.unwrap_or_default();
        let said = |words: &str| quoted_after(description, words);
        let presented = Presented {
            issuer: claims
                .and_then(|claims| claims.iss.as_deref())
                .or_else(|| said("ssertion issuer"))
                .or_else(|| said("Assertion Issuer:")),
            subject: claims
                .and_then(|claims| claims.sub.as_deref())
                .or_else(|| said("ssertion subject"))
                .or_else(|| said("Assertion Subject:")),
            audience: claims
                .and_then(|claims| claims.aud.as_deref())
                .or_else(|| said("ssertion audience"))
                .or_else(|| said("Assertion Audience:")),
        };
        let home = claims
            .and_then(|claims| claims.tid.as_deref())
            .and_then(parse_guid)
            .or_else(|| presented.issuer.and_then(tenant_in));
        let asked = exchange
            .tenant
            .is_guid()
            .then(|| exchange.tenant.to_string())
            // Asked by one of its names, the tenant is told by id in these two sentences.
            .or_else(|| guid_after(description, "in the tenant "))
            .or_else(|| guid_after(description, "in the directory "));
        let is_home = home.is_some() && home == asked;
        Self {
            refusal,
            exchange,
            presented,
            home,
            is_home,
        }
    }

    /// The row's own explanation, or that of the variant which fits this request better.
    pub(super) fn explain(&self, code: u32, row: &'static Row) -> Diagnosis {
        let fitting = match row.variant {
            Some((Turn::Asked, at_home)) if self.is_home => at_home,
            Some((Turn::Developer, other_audience)) if self.asked_for_another_audience() => {
                other_audience
            }
            _ => row,
        };
        let mut diagnosis = self.fill(fitting).with_code(Some(code));
        if code != row.code {
            diagnosis.what_happened = format!(
                "AADSTS{code} is not known, but of the family of AADSTS{}: {}",
                row.code, diagnosis.what_happened
            );
        }
        diagnosis
    }

    pub(super) fn fill(&self, row: &Row) -> Diagnosis {
        let who = match row.turn {
            Turn::Home => Actor::HomeAdministrator,
            Turn::Asked if self.is_home => Actor::HomeAdministrator,
            Turn::Asked => Actor::TargetAdministrator,
            Turn::Developer => Actor::Developer,
            Turn::Operator => Actor::Operator,
            Turn::Nobody => Actor::Nobody,
        };
        Diagnosis::new(who, self.text(row.happened), self.text(row.to_do))
            .with_commands(self.commands(row.remedy))
    }

    /// In one pass, so that no value can bring in another one.
    fn text(&self, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').unwrap_or((after, ""));
            out.push_str(before);
            out.push_str(&self.named(name));
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    fn named(&self, name: &str) -> String {
        let exchange = self.exchange;
        match name {
            "tenant" => exchange.tenant.to_string(),
            "the tenant" if self.is_home => format!("the home tenant {}", exchange.tenant),
            "the tenant" => format!("the target tenant {}", exchange.tenant),
            "the home tenant" => match &self.home {
                Some(home) => format!("the home tenant {home}"),
                None => "the home tenant".to_owned(),
            },
            "app" => exchange.client_id.to_string(),
            "authority" => exchange.authority.to_string(),
            "scopes" => shown(exchange.scopes),
            "default scopes" => shown(&with_default(exchange.scopes)),
            "iss" => claim(self.presented.issuer, "the assertion's own iss"),
            "sub" => claim(self.presented.subject, "the assertion's own sub"),
            "aud" => claim(self.presented.audience, "another audience"),
            "presented" => self.presented(),
            "slash" => match self.presented.issuer {
                Some(issuer) if issuer.ends_with('/') => "with the slash at the end",
                _ => "without a slash at the end",
            }
            .to_owned(),
            "client id of the identity" => exchange
                .assertion
                .and_then(|claims| claims.azp.as_deref())
                .map(|azp| format!(" {}", shown(azp)))
                .unwrap_or_default(),
            "mix-up" => match exchange.assertion.and_then(|claims| claims.azp.as_deref()) {
                Some(azp) if azp.eq_ignore_ascii_case(exchange.client_id.as_str()) => {
                    " client_id is the managed identity's own client id, not the app's.".to_owned()
                }
                _ => String::new(),
            },
            "kind of token" => exchange
                .assertion
                .and_then(|claims| claims.idtyp.as_deref())
                .map(|kind| format!(" (its idtyp is {})", shown(kind)))
                .unwrap_or_default(),
            "life" => self.life(),
            "asked audience" => shown(exchange.audience),
            "cloud audience" => match exchange.authority.audience() {
                Some(known) => shown(known),
                None => shown(exchange.audience),
            },
            "resource app" => self
                .guid_said("for the application ")
                .map(|id| format!(" {id}"))
                .unwrap_or_default(),
            "policy" => self.policy(),
            "propagation" => {
                "A new one may take several minutes to take effect, even after a first success."
                    .to_owned()
            }
            "repeated" => {
                "The exchange is repeated once with a new assertion. If it is refused again,"
                    .to_owned()
            }
            "sign-in log" => format!(
                "Look up the sign-in by its correlation id in the service principal sign-in logs (AADServicePrincipalSignInLogs) of {}: it names the policy.",
                self.named("the tenant")
            ),
            unknown => {
                debug_assert!(false, "no value is called {unknown}");
                String::new()
            }
        }
    }

    /// The three that Entra compares.
    fn presented(&self) -> String {
        let claims = [
            ("iss", self.presented.issuer),
            ("sub", self.presented.subject),
            ("aud", self.presented.audience),
        ];
        let told: Vec<String> = claims
            .iter()
            .filter_map(|(name, value)| value.map(|value| format!("{name} {}", shown(value))))
            .collect();
        if told.is_empty() {
            return String::new();
        }
        format!(" The assertion has {}.", told.join(", "))
    }

    fn life(&self) -> String {
        self.exchange
            .assertion
            .and_then(|claims| claims.exp)
            .and_then(instant)
            .map(|exp| format!(" The assertion's exp is {exp}."))
            .unwrap_or_default()
    }

    fn policy(&self) -> String {
        let mut told = String::new();
        if let Some(suberror) = self.refusal.suberror {
            told.push_str(&format!(" The suberror is {}.", shown(suberror)));
        }
        if self.refusal.has_claims {
            told.push_str(" The answer's claims name the policy.");
        }
        told
    }

    fn guid_said(&self, words: &str) -> Option<String> {
        guid_after(self.refusal.description.unwrap_or_default(), words)
    }

    fn asked_for_another_audience(&self) -> bool {
        self.exchange
            .authority
            .audience()
            .is_some_and(|known| known != self.exchange.audience)
    }

    fn commands(&self, remedy: Remedy) -> Vec<Command> {
        let app = Value::client(self.exchange.client_id);
        let asked = Value::tenant(self.exchange.tenant);
        let home = self.home.as_deref().and_then(Value::guid);
        let provision = |app: Option<&Value>| {
            [
                Command::az("ad sp create").value_or("--id", app, NEW_APP),
                Command::powershell("New-AzADServicePrincipal").value_or(
                    "-ApplicationId",
                    app,
                    NEW_APP,
                ),
            ]
        };
        match remedy {
            Remedy::None => Vec::new(),
            Remedy::Provision => self.in_tenant(Some(&asked), provision(Some(&app))),
            Remedy::Enable => self.in_tenant(
                Some(&asked),
                [
                    Command::az("ad sp update")
                        .value("--id", &app)
                        .fixed("--set accountEnabled=true"),
                    Command::powershell("Update-AzADServicePrincipal")
                        .value("-ApplicationId", &app)
                        .fixed("-AccountEnabled"),
                ],
            ),
            Remedy::MakeMultiTenant => self.in_tenant(
                home.as_ref(),
                [
                    Command::az("ad app update")
                        .value("--id", &app)
                        .fixed("--sign-in-audience AzureADMultipleOrgs"),
                    Command::powershell("Get-AzADApplication")
                        .value("-ApplicationId", &app)
                        .fixed("| Update-AzADApplication -SignInAudience AzureADMultipleOrgs"),
                ],
            ),
            Remedy::RegisterAtHome => {
                let mut commands = self.in_tenant(
                    home.as_ref(),
                    [
                        Command::az("ad app create")
                            .placeholder("--display-name", "name of the app")
                            .fixed("--sign-in-audience AzureADMultipleOrgs"),
                        Command::az("ad app federated-credential create")
                            .placeholder("--id", NEW_APP)
                            .parameters(&self.trust().body()),
                    ],
                );
                let [az, _] = provision(None);
                commands.extend(self.in_tenant(Some(&asked), [az]));
                commands
            }
            Remedy::Trust => {
                let trust = self.trust();
                let mut commands = vec![list_of(&app)];
                commands.extend(self.identity());
                commands.push(
                    Command::az("ad app federated-credential create")
                        .value("--id", &app)
                        .parameters(&trust.body()),
                );
                commands.push(
                    trust.options(
                        Command::powershell("New-AzADAppFederatedCredential")
                            .object_of("-ApplicationObjectId", &app),
                    ),
                );
                self.in_tenant(home.as_ref(), commands)
            }
            Remedy::Retrust => {
                // Issuer and subject may stand only once on an app: the credential is changed.
                let trust = self.trust();
                let change = Command::az("ad app federated-credential update")
                    .value("--id", &app)
                    .placeholder("--federated-credential-id", CREDENTIAL)
                    .parameters(&trust.audience_alone());
                let change_too = Command::powershell("Update-AzADAppFederatedCredential")
                    .object_of("-ApplicationObjectId", &app)
                    .placeholder("-FederatedCredentialId", CREDENTIAL);
                self.in_tenant(
                    home.as_ref(),
                    [list_of(&app), change, trust.audience_option(change_too)],
                )
            }
        }
    }

    fn trust(&self) -> Trust {
        Trust {
            issuer: self.presented.issuer.and_then(Value::issuer),
            subject: self.presented.subject.and_then(Value::guid),
            audience: Value::audience(self.exchange.authority),
        }
    }

    /// Prints the principal id of the identity that the assertion was issued to.
    fn identity(&self) -> Option<Command> {
        let id = self.exchange.assertion?.xms_mirid.as_deref()?;
        let show = Command::az("identity show").value("--ids", &Value::resource_id(id)?);
        Some(show.fixed("--query principalId --output tsv"))
    }

    /// The commands, each shell's after signing in to the tenant that they are for.
    fn in_tenant(
        &self,
        tenant: Option<&Value>,
        commands: impl IntoIterator<Item = Command>,
    ) -> Vec<Command> {
        const HOME: &str = "home tenant id";
        let (az, powershell): (Vec<_>, Vec<_>) = commands
            .into_iter()
            .partition(|command| command.shell() == super::Shell::AzureCli);
        let cloud = match self.exchange.authority.audience() {
            Some("api://AzureADTokenExchangeUSGov") => Some((
                "cloud set --name AzureUSGovernment",
                "-Environment AzureUSGovernment",
            )),
            Some("api://AzureADTokenExchangeChina") => Some((
                "cloud set --name AzureChinaCloud",
                "-Environment AzureChinaCloud",
            )),
            _ => None,
        };
        let mut all = Vec::new();
        if !az.is_empty() {
            all.extend(cloud.map(|(set, _)| Command::az(set)));
            all.push(
                Command::az("login")
                    .value_or("--tenant", tenant, HOME)
                    .fixed("--allow-no-subscriptions"),
            );
            all.extend(az);
        }
        if !powershell.is_empty() {
            let connect =
                Command::powershell("Connect-AzAccount").value_or("-Tenant", tenant, HOME);
            all.push(match cloud {
                Some((_, environment)) => connect.fixed(environment),
                None => connect,
            });
            all.extend(powershell);
        }
        all
    }
}

const NEW_APP: &str = "client id of the app in the home tenant";
const CREDENTIAL: &str = "id of the federated identity credential";

fn list_of(app: &Value) -> Command {
    Command::az("ad app federated-credential list").value("--id", app)
}

/// Other people's text: without anything that looks like a token, escaped, cut, in quotes.
pub(super) fn shown(text: &str) -> String {
    quoted(&redact(text, &[]))
}

fn claim(value: Option<&str>, unknown: &str) -> String {
    value.map(shown).unwrap_or_else(|| unknown.to_owned())
}

/// What stands in single quotes right after `words`.
pub(super) fn quoted_after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(words)?;
    let (value, _) = rest.trim_start().strip_prefix('\'')?.split_once('\'')?;
    Some(value)
}

/// The GUID right after `words`, in quotes or not.
pub(super) fn guid_after(text: &str, words: &str) -> Option<String> {
    const LENGTH: usize = 36;
    let (_, rest) = text.split_once(words)?;
    parse_guid(rest.trim_start_matches(['\'', '"']).get(..LENGTH)?)
}

/// The tenant in one of Entra's issuers, such as `https://sts.windows.net/{tid}/`.
fn tenant_in(issuer: &str) -> Option<String> {
    let path = issuer.strip_prefix("https://")?.split_once('/')?.1;
    parse_guid(path.split('/').next()?)
}

fn with_default(scopes: &str) -> String {
    let scopes: Vec<String> = scopes
        .split_ascii_whitespace()
        .map(|scope| match scope.ends_with("/.default") {
            true => scope.to_owned(),
            false => format!("{scope}/.default"),
        })
        .collect();
    scopes.join(" ")
}

/// Seconds since 1970 as RFC 3339 has them; `None` for what no token means.
fn instant(seconds: i64) -> Option<String> {
    const END_OF_9999: i64 = 253_402_300_799;
    let at = (0..=END_OF_9999)
        .contains(&seconds)
        .then(|| OffsetDateTime::from_unix_timestamp(seconds).ok())?;
    at.map(|at| to_rfc3339(&at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_entra_puts_them() {
        let older = "AADSTS70021: No matching federated identity record found for presented assertion. Assertion Issuer: 'i'. Assertion Subject: 's'. Assertion Audience: 'a'.";
        assert_eq!(quoted_after(older, "Assertion Subject:"), Some("s"));
        assert_eq!(quoted_after(older, "Assertion Colour:"), None);
        assert_eq!(quoted_after("issuer 'never closed", "issuer"), None);
        let id = "72f988bf-86f1-41af-91ab-2d7cd011db47";
        assert_eq!(
            guid_after(&format!("in the tenant {id}. More"), "in the tenant "),
            Some(id.to_owned())
        );
        assert_eq!(
            guid_after("in the tenant étéétéétéétéétéétéétéété", "tenant "),
            None
        );
    }

    #[test]
    fn a_tenant_is_read_from_both_forms_of_issuer() {
        let id = "72f988bf-86f1-41af-91ab-2d7cd011db47";
        for issuer in [
            format!("https://login.microsoftonline.com/{id}/v2.0"),
            format!("https://sts.windows.net/{id}/"),
        ] {
            assert_eq!(tenant_in(&issuer).as_deref(), Some(id));
        }
        assert_eq!(
            tenant_in("https://token.actions.githubusercontent.com"),
            None
        );
    }

    #[test]
    fn times_that_no_token_means_are_left_out() {
        assert_eq!(
            instant(1_700_000_000).as_deref(),
            Some("2023-11-14T22:13:20Z")
        );
        for odd in [-1, i64::MIN, i64::MAX, 253_402_300_800] {
            assert_eq!(instant(odd), None);
        }
    }

    #[test]
    fn a_scope_gets_its_default() {
        assert_eq!(
            with_default("https://a.example https://b.example/.default"),
            "https://a.example/.default https://b.example/.default"
        );
    }
}
