//! Whether settings make sense, in the names of the source that they come from.

use super::{Settings, SettingsHost, host::Source, names::Names};
use crate::{
    assertion::{AZURE_FEDERATED_TOKEN_FILE, TokenFileAssertion, as_audience},
    authority::{AZURE_AUTHORITY_HOST, AuthorityHost, ClientId, TenantId, quoted},
    environment::Environment,
    error::Error,
    managed_identity::{Selector, imds, selector_named},
};

/// What is wrong, and with which setting.
pub(super) struct Problem {
    pub(super) key: &'static str,
    pub(super) message: String,
}

impl Settings {
    pub(super) fn check(&self, names: Names, environment: &Environment) -> Result<(), Error> {
        let problems = self.problems(names, environment);
        if problems.is_empty() {
            return Ok(());
        }
        let messages: Vec<_> = problems.into_iter().map(|it| it.message).collect();
        Err(Error::settings(&messages))
    }

    pub(super) fn problems(&self, names: Names, environment: &Environment) -> Vec<Problem> {
        let tenant = TenantId::named(&names.name("target_tenant_id"), &self.target_tenant_id);
        let client = ClientId::named(&names.name("client_id"), &self.client_id);
        let source = self.source(names, environment);
        let checks = [
            ("target_tenant_id", tenant.map(drop)),
            ("client_id", client.map(drop)),
            ("identity", self.check_identity(names)),
            ("authority_host", self.check_authority(names, environment)),
            ("audience", self.check_audience(names)),
            ("host", source.as_ref().map(drop).map_err(Clone::clone)),
            ("imds_endpoint", self.check_imds_endpoint(names)),
            ("token_file", self.check_token_file(names)),
            (
                "max_cached_tokens",
                at_least_one(names, "max_cached_tokens", self.max_cached_tokens),
            ),
            (
                "max_concurrent_requests",
                at_least_one(
                    names,
                    "max_concurrent_requests",
                    self.max_concurrent_requests,
                ),
            ),
        ];
        let of_source = match source {
            Ok(Source::TokenFile) => self.check_for_token_file(names, environment),
            Ok(Source::ManagedIdentity) => self.check_for_managed_identity(names),
            Err(_) => Vec::new(),
        };
        let of_source = of_source.into_iter().map(|message| ("host", Err(message)));
        let all = checks.into_iter().chain(of_source);
        all.filter_map(|(key, result)| {
            let message = result.err()?;
            Some(Problem { key, message })
        })
        .collect()
    }

    fn check_identity(&self, names: Names) -> Result<(), String> {
        let given: Vec<_> = self.identities().collect();
        match given.as_slice() {
            [] => Ok(()),
            [(key, id)] => {
                let name = names.name(key);
                let selector = Selector::named(&name, id)?;
                match self.host {
                    Some(SettingsHost::ManagedIdentity(host)) => {
                        selector_named(&name, host, selector).map(drop)
                    }
                    _ => Ok(()),
                }
            }
            several => {
                let given: Vec<_> = several.iter().map(|(key, _)| names.name(key)).collect();
                Err(format!(
                    "{} are all set, and one identity vouches: leave all but one out",
                    given.join(" and ")
                ))
            }
        }
    }

    fn authority(&self, names: Names) -> Option<Result<AuthorityHost, String>> {
        let name = names.name("authority_host");
        let host = self.authority_host.as_deref()?;
        Some(match names {
            Names::Keys => AuthorityHost::parse(&name, host),
            Names::Variables => AuthorityHost::of_variable(&name, host),
        })
    }

    fn check_authority(&self, names: Names, environment: &Environment) -> Result<(), String> {
        let Some(authority) = self.authority(names).transpose()? else {
            return Ok(());
        };
        if authority.audience().is_none() && self.audience.is_none() {
            return Err(format!(
                "{} names {authority}, which is none of Azure's clouds, and {} is missing: give the audience of its token exchange",
                names.name("authority_host"),
                names.name("audience"),
            ));
        }
        let other = environment.var(AZURE_AUTHORITY_HOST);
        let (Names::Variables, Some(other)) = (names, other) else {
            return Ok(());
        };
        match AuthorityHost::of_variable(AZURE_AUTHORITY_HOST, &other) {
            Ok(other) if !other.is_same_cloud(&authority) => Err(format!(
                "{} names {authority}, and {AZURE_AUTHORITY_HOST} names {other}, another cloud: no cloud trusts another's identities, so set both to the same cloud, or one of them only",
                names.name("authority_host"),
            )),
            _ => Ok(()),
        }
    }

    fn check_audience(&self, names: Names) -> Result<(), String> {
        /// Every cloud's audience begins with it.
        const TOKEN_EXCHANGE: &str = "api://AzureADTokenExchange";
        let Some(given) = self.audience.as_deref() else {
            return Ok(());
        };
        let name = names.name("audience");
        let audience = as_audience(&name, given)?;
        if names == Names::Variables && !audience.starts_with(TOKEN_EXCHANGE) {
            return Err(format!(
                "{name} is {}, and a variable may name only the token exchange of a cloud, which begins with {TOKEN_EXCHANGE}: give any other in code or in a file of Settings",
                quoted(given)
            ));
        }
        match self.authority(names) {
            Some(Ok(authority)) if authority.is_of_another_cloud(audience) => Err(format!(
                "{name} is {}, the token exchange of another cloud than that of {authority}: leave the audience out",
                quoted(given)
            )),
            _ => Ok(()),
        }
    }

    fn check_imds_endpoint(&self, names: Names) -> Result<(), String> {
        let Some(endpoint) = &self.imds_endpoint else {
            return Ok(());
        };
        let name = names.name("imds_endpoint");
        match names {
            Names::Keys => imds::parse_address(&name, endpoint).map(drop),
            Names::Variables => imds::address_of_variable(&name, endpoint).map(drop),
        }
    }

    fn check_token_file(&self, names: Names) -> Result<(), String> {
        let Some(path) = &self.token_file else {
            return Ok(());
        };
        TokenFileAssertion::check(path, &names.name("token_file"))
    }

    fn check_for_token_file(&self, names: Names, environment: &Environment) -> Vec<String> {
        let mut wrong = Vec::new();
        let of_identity = self.identities().map(|(key, _)| key);
        let of_imds = self.imds_endpoint.as_ref().map(|_| "imds_endpoint");
        for key in of_identity.chain(of_imds) {
            let why = match (self.host, &self.token_file) {
                (None, Some(_)) => names.name("token_file"),
                _ => format!("{} workload-identity", names.name("host")),
            };
            wrong.push(format!(
                "{} is for a managed identity, and {why} is for a token file, which needs none: leave one of the two out",
                names.name(key),
            ));
        }
        if self.token_file.is_none() && environment.var(AZURE_FEDERATED_TOKEN_FILE).is_none() {
            wrong.push(format!(
                "{} is workload-identity, and there is neither {} nor {AZURE_FEDERATED_TOKEN_FILE}: label the pod with azure.workload.identity/use: \"true\" and give it an annotated service account, or name the file",
                names.name("host"),
                names.name("token_file"),
            ));
        }
        wrong
    }

    fn check_for_managed_identity(&self, names: Names) -> Vec<String> {
        let Some(SettingsHost::ManagedIdentity(host)) = self.host else {
            return Vec::new();
        };
        let is_imds = host == crate::ManagedIdentityHost::Imds;
        let imds_endpoint = self.imds_endpoint.is_some() && !is_imds;
        let token_file = self.token_file.is_some();
        [
            (imds_endpoint, "imds_endpoint", "imds"),
            (token_file, "token_file", "workload-identity"),
        ]
        .into_iter()
        .filter(|(is_wrong, ..)| *is_wrong)
        .map(|(_, key, of)| {
            format!(
                "{} is for the host {of}, and {} is {host}: leave one of the two out",
                names.name(key),
                names.name("host"),
            )
        })
        .collect()
    }
}

fn at_least_one(names: Names, key: &str, given: Option<usize>) -> Result<(), String> {
    match given {
        Some(0) => Err(format!(
            "{} is 0, with which there would never be a token: give 1 or more, or leave it out",
            names.name(key)
        )),
        _ => Ok(()),
    }
}
