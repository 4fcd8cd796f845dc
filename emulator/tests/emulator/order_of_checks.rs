//! With two things wrong at once, the refusal names the one that is looked at first.

use cross_tenant_identity_emulator::{Emulator, Scenario, SignInAudience};
use serde_json::{Value, json};

use crate::support::*;

/// A request about to be made, and what it will be made with.
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
        let answer = request.send(self.emulator).await;
        answer.body["error_codes"][0].as_u64().unwrap_or(0)
    }
}

type Mistake = (&'static str, u64, fn(&mut Attempt<'_>));

/// In the order in which Entra looks for them.
const MISTAKES: [Mistake; 10] = [
    ("form", 900_144, |attempt| attempt.scope = false),
    ("tenant", 90002, |attempt| {
        attempt.tenant = "example.com".to_owned()
    }),
    ("app", 700_016, |attempt| {
        // Single-tenant is the mistake that can be made together with all others.
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
        attempt.claims["sub"] = json!("somebody else");
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
        // Together with a missing service principal there is nothing left to block.
        let _ = attempt
            .emulator
            .set_conditional_access_block(tenant, app, true);
    }),
];

#[tokio::test]
async fn of_two_mistakes_the_first_in_order_is_named() {
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
