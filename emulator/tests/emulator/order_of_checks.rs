//! The order of the checks: if a request has two mistakes, the refusal names the first one.

use cross_tenant_identity_emulator::{Emulator, Scenario, SignInAudience};
use serde_json::{Value, json};

use crate::support::*;

/// A token request, before it is sent.
struct Attempt<'a> {
    emulator: &'a Emulator,
    scenario: Scenario,
    tenant: String,
    client_id: String,
    resource: &'static str,
    scope: bool,
    claims: Value,
    sign: fn(&str) -> String,
}

impl Attempt<'_> {
    async fn code(&self) -> u64 {
        let token = self.emulator.sign(&self.claims);
        let assertion = (self.sign)(&token);
        let mut request = TokenRequest::new(&self.scenario, &assertion, self.resource)
            .at(&self.tenant)
            .with("client_id", &self.client_id);
        if !self.scope {
            request = request.without("scope");
        }
        let response = request.send(self.emulator).await;
        response.body["error_codes"][0].as_u64().unwrap_or(0)
    }
}

type Mistake = (&'static str, u64, fn(&mut Attempt<'_>));

/// The mistakes, in the order of Entra's checks.
const MISTAKES: [Mistake; 10] = [
    ("form", 900_144, |attempt| attempt.scope = false),
    ("tenant", 90002, |attempt| {
        attempt.tenant = "example.com".to_owned()
    }),
    ("app", 700_016, |attempt| {
        // A single-tenant app is the only mistake here that fits with all others.
        attempt
            .emulator
            .set_sign_in_audience(&attempt.client_id, SignInAudience::AzureADMyOrg)
            .expect("an app");
    }),
    ("assertion", 50027, |attempt| {
        attempt.sign = |token| {
            if token.starts_with('~') {
                token.to_owned()
            } else {
                format!("~{token}")
            }
        };
    }),
    ("signature", 700_027, |attempt| {
        let before = attempt.sign;
        attempt.sign = if before("a.b.c") == "a.b.c" {
            |token| {
                let (signed, signature) = token.rsplit_once('.').expect("three parts");
                format!("{signed}.{}", signature.chars().rev().collect::<String>())
            }
        } else {
            before
        };
    }),
    ("time", 700_024, |attempt| {
        attempt.claims["exp"] = json!(now() - 1)
    }),
    ("federated credential", 700_213, |attempt| {
        attempt.claims["sub"] = json!("another subject");
    }),
    ("service principal", 7_000_229, |attempt| {
        let (tenant, app) = (&attempt.scenario.target_tenant_id, &attempt.client_id);
        attempt.emulator.remove_service_principal(tenant, app);
    }),
    ("resource", 500_011, |attempt| {
        attempt.resource = "https://example.com"
    }),
    ("conditional access", 53003, |attempt| {
        let (tenant, app) = (&attempt.scenario.target_tenant_id, &attempt.client_id);
        // This fails if an earlier mistake removed the service principal.
        let _ = attempt
            .emulator
            .set_conditional_access_block(tenant, app, true);
    }),
];

#[tokio::test]
async fn the_refusal_names_the_first_of_two_mistakes() {
    let emulator = Emulator::start().expect("an emulator");
    for (index, (first, code, make_first)) in MISTAKES.iter().enumerate() {
        for (second, _, make_second) in &MISTAKES[index..] {
            let scenario = emulator.create_scenario();
            let mut attempt = Attempt {
                emulator: &emulator,
                tenant: scenario.target_tenant_id.clone(),
                client_id: scenario.client_id.clone(),
                claims: assertion_claims(&scenario),
                resource: STORAGE,
                scope: true,
                sign: str::to_owned,
                scenario,
            };
            make_first(&mut attempt);
            make_second(&mut attempt);
            assert_eq!(attempt.code().await, *code, "{first} and {second}");
        }
    }
}
