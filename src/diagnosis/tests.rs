mod app;
mod assertion;
mod codes;
mod text;
mod trust;

use super::*;
use crate::{
    authority::{AuthorityHost, ClientId, TenantId},
    claims::Claims,
};
use azure_core::{cloud::CloudConfiguration, time::OffsetDateTime};

const HOME: &str = "11111111-1111-4111-8111-111111111111";
const TARGET: &str = "22222222-2222-4222-8222-222222222222";
const APP: &str = "33333333-3333-4333-8333-333333333333";
const PRINCIPAL: &str = "44444444-4444-4444-8444-444444444444";
const IDENTITY: &str = "55555555-5555-4555-8555-555555555555";
const EXCHANGE_APP: &str = "fb60f99c-7a34-4190-8149-302f77469936";
const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The time on the host's clock: 2023-11-14T22:13:20Z, when the claims expire.
const NOW: i64 = 1_700_000_000;

fn claims() -> Claims {
    Claims {
        iss: Some(format!("https://login.microsoftonline.com/{HOME}/v2.0")),
        sub: Some(PRINCIPAL.into()),
        aud: Some(EXCHANGE_APP.into()),
        tid: Some(HOME.into()),
        azp: Some(IDENTITY.into()),
        idtyp: Some("app".into()),
        exp: Some(1_700_000_000),
        ..Claims::default()
    }
}

struct Asked {
    cloud: CloudConfiguration,
    tenant: &'static str,
    scopes: &'static str,
    audience: &'static str,
    is_hosts_choice: bool,
    now: i64,
    claims: Option<Claims>,
    status: u16,
    error: Option<&'static str>,
    description: String,
    codes: Vec<u32>,
    suberror: Option<&'static str>,
    has_claims: bool,
}

impl Asked {
    fn of(code: u32) -> Self {
        Self {
            cloud: CloudConfiguration::AzurePublic,
            tenant: TARGET,
            scopes: "https://storage.azure.com/.default",
            audience: AUDIENCE,
            is_hosts_choice: false,
            now: NOW,
            claims: Some(claims()),
            status: 401,
            error: Some("invalid_client"),
            description: String::new(),
            codes: vec![code],
            suberror: None,
            has_claims: false,
        }
    }

    fn both(&self) -> (Diagnosis, Retry) {
        of_refusal(
            &Refusal {
                status: self.status,
                error: self.error,
                description: Some(&self.description),
                codes: &self.codes,
                suberror: self.suberror,
                has_claims: self.has_claims,
                is_entras: true,
            },
            &Exchange {
                authority: &AuthorityHost::choose(Some(&self.cloud), None).unwrap(),
                tenant: &TenantId::parse(self.tenant).unwrap(),
                client_id: &ClientId::parse(APP).unwrap(),
                scopes: self.scopes,
                assertion: self.claims.as_ref(),
                asked: &AssertionRequest {
                    audience: self.audience.into(),
                    is_hosts_choice: self.is_hosts_choice,
                },
                now: OffsetDateTime::from_unix_timestamp(self.now).unwrap(),
            },
        )
    }

    fn told(&self) -> Diagnosis {
        self.both().0
    }
}

fn texts(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis.commands().iter().map(Command::text).collect()
}

fn is_clean(text: &str) -> bool {
    !text.contains(|c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
    })
}
