//! One refusal of the token endpoint: a row of the table, filled in with values of the request.

use super::{
    Actor, Diagnosis,
    clocks::Clocks,
    copied, guid_after, guide,
    presented::{Kind, Presented},
    refusal::{Exchange, Refusal},
    remedy::Commands,
    shown,
    table::{Row, When, Who},
};
use azure_core::time::{OffsetDateTime, to_rfc3339};

pub(super) struct Case<'a> {
    refusal: &'a Refusal<'a>,
    exchange: &'a Exchange<'a>,
    presented: Presented<'a>,
    clocks: Option<Clocks>,
    /// Whether the tenant that refused is the identity's own.
    is_home: bool,
}

impl<'a> Case<'a> {
    pub(super) fn new(refusal: &'a Refusal<'a>, exchange: &'a Exchange<'a>) -> Self {
        let description = refusal.description.unwrap_or_default();
        let presented = Presented::new(exchange.assertion, description);
        let asked = exchange
            .tenant
            .is_guid()
            .then(|| exchange.tenant.to_string())
            // If the request named the tenant by a domain name, these two sentences still show the
            // id.
            .or_else(|| guid_after(description, "in the tenant "))
            .or_else(|| guid_after(description, "in the directory "));
        let is_home = presented.tenant.is_some() && presented.tenant == asked;
        Self {
            refusal,
            exchange,
            clocks: Clocks::read(description, exchange.now),
            presented,
            is_home,
        }
    }

    /// The row's own explanation, or the explanation of the variant that fits this request better.
    pub(super) fn explain(&self, code: u32, row: &'static Row) -> Diagnosis {
        let fitting = row
            .variants
            .iter()
            .find(|(when, _)| self.is(*when))
            .map_or(row, |(_, variant)| variant);
        let mut diagnosis = self.fill(fitting).with_code(Some(code));
        if !row.codes.contains(&code) {
            diagnosis.what_happened = format!(
                "This version does not know AADSTS{code} itself, but numbers that begin like it mean this: {}",
                diagnosis.what_happened
            );
        }
        // A number that only belongs to the family of the row has no section of its own.
        let listed = match row.codes.contains(&code) {
            true => code,
            false => row.codes[0],
        };
        diagnosis
            .with_link(guide::url(&guide::anchor_of(listed)))
            .with_link(format!(
                "https://login.microsoftonline.com/error?code={code}"
            ))
    }

    fn is(&self, when: When) -> bool {
        match when {
            When::AtHome => self.is_home,
            When::OtherAudience => match self.presented.kind {
                Kind::ManagedIdentity => self
                    .exchange
                    .authority
                    .audience()
                    .is_some_and(|known| known != &*self.exchange.asked.audience),
                // The `aud` claim is the audience of the request, byte for byte.
                _ => self
                    .presented
                    .audience
                    .is_some_and(|audience| Some(audience) != self.exchange.authority.audience()),
            },
            When::HostsChoice => {
                self.exchange.asked.is_hosts_choice && self.presented.kind == Kind::ManagedIdentity
            }
            When::ClocksDiffer => self.clocks.is_some_and(Clocks::differ),
            When::ClocksAgree => self.clocks.is_some_and(|clocks| !clocks.differ()),
            When::NoManagedIdentity => self.presented.kind != Kind::ManagedIdentity,
        }
    }

    pub(super) fn fill(&self, row: &Row) -> Diagnosis {
        let who = match row.who {
            Who::Home => Actor::HomeAdministrator,
            Who::Asked if self.is_home => Actor::HomeAdministrator,
            Who::Asked => Actor::TargetAdministrator,
            Who::Both => Actor::BothAdministrators,
            Who::Developer => Actor::Developer,
            Who::Operator => Actor::Operator,
            Who::Nobody => Actor::Nobody,
        };
        let commands = Commands {
            exchange: self.exchange,
            presented: &self.presented,
            home: self.presented.tenant.as_deref(),
        };
        Diagnosis::new(who, self.text(row.happened), self.text(row.to_do))
            .with_commands(commands.of(row.remedy))
    }

    /// Replaces all placeholders in one pass, so that a value cannot insert another placeholder.
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
        let kind = self.presented.kind;
        match name {
            "tenant" => exchange.tenant.to_string(),
            "the tenant" if self.is_home => format!("the home tenant {}", exchange.tenant),
            "the tenant" => format!("the target tenant {}", exchange.tenant),
            "the home tenant" => match &self.presented.tenant {
                Some(home) => format!("the home tenant {home}"),
                None => "the home tenant".to_owned(),
            },
            "app" => exchange.client_id.to_string(),
            "authority" => exchange.authority.to_string(),
            "scopes" => shown(exchange.scopes),
            "default scopes" => {
                let scopes = with_default(exchange.scopes);
                copied(&scopes).unwrap_or_else(|| shown(&scopes))
            }
            "iss" => self.presented.issuer_to_copy(),
            "sub" => self.presented.subject_to_copy(),
            "presented" => self.presented.three(),
            "subject rule" => self.presented.subject_rule(),
            "assertion" => kind.assertion().to_owned(),
            "source" => kind.source().to_owned(),
            "ask for" => kind.ask_for_audience().to_owned(),
            "slash" => match self.presented.issuer {
                Some(issuer) if issuer.ends_with('/') => "with the slash at the end",
                _ => "without a slash at the end",
            }
            .to_owned(),
            "metadata" => match self.presented.issuer.filter(|issuer| issuer.contains("://")) {
                Some(issuer) => copied(&format!(
                    "{}/.well-known/openid-configuration",
                    issuer.trim_end_matches('/')
                )),
                None => None,
            }
            .unwrap_or_else(|| "the issuer's /.well-known/openid-configuration".to_owned()),
            "client id of the identity" => self
                .presented
                .client
                .map(|azp| format!(" {}", shown(azp)))
                .unwrap_or_default(),
            "mix-up" => match self.presented.client {
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
            "fresh assertion" => match kind {
                Kind::ManagedIdentity => {
                    "Check whether the host's identity endpoint hands out an expired token."
                }
                Kind::Kubernetes => {
                    "Read the projected token file again each time: Kubernetes replaces it before it expires."
                }
                _ => "Check that its source hands out a new one before the old one expires.",
            }
            .to_owned(),
            "asked audience" => shown(&exchange.asked.audience),
            "cloud audience" => shown(
                exchange
                    .authority
                    .audience()
                    .unwrap_or(&exchange.asked.audience),
            ),
            "clock difference" => self
                .clocks
                .map_or_else(|| "not that of".to_owned(), Clocks::difference),
            "aud" => match self.presented.audience {
                Some(audience) => shown(audience),
                None => "another audience".to_owned(),
            },
            "resource app" => guid_after(
                self.refusal.description.unwrap_or_default(),
                "for the application ",
            )
            .map(|id| format!(" {id}"))
            .unwrap_or_default(),
            "policy" => self.policy(),
            "propagation" => {
                "A new one may take several minutes to take effect, even after a first success."
                    .to_owned()
            }
            "repeated" => "The credential repeats an exchange with a new assertion if there is one."
                .to_owned(),
            "sign-in log" => format!(
                "The service principal sign-in logs of {} name the policy: look the request up by its correlation id.",
                self.named("the tenant")
            ),
            unknown => {
                debug_assert!(false, "no value is called {unknown}");
                String::new()
            }
        }
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
}

fn with_default(scopes: &str) -> String {
    let scopes: Vec<String> = scopes
        .split_ascii_whitespace()
        .map(|scope| match scope.ends_with("/.default") {
            true => scope.to_owned(),
            false => format!("{}/.default", scope.trim_end_matches('/')),
        })
        .collect();
    scopes.join(" ")
}

/// Converts seconds since 1970 to the format of RFC 3339; `None` for a time that no real token has.
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
    fn times_that_no_token_has_are_left_out() {
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
            with_default("https://a.example/ https://b.example/.default"),
            "https://a.example/.default https://b.example/.default"
        );
    }
}
