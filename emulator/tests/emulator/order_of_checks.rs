//! With two things wrong at once, the refusal names the one that is looked at first.

use cross_tenant_identity_emulator::{Emulator, SignInAudience, Story};
use serde_json::{Value, json};

use crate::support::*;

/// A request about to be made, and what it will be made with.
struct Scenario<'a> {
    emulator: &'a Emulator,
    story: Story,
    tenant: String,
    client_id: String,
    resource: &'static str,
    scope: bool,
    claims: Value,
    sign: fn(&str) -> String,
}

impl Scenario<'_> {
    async fn code(&self) -> u64 {
        let token = self.emulator.sign(&self.claims);
        let assertion = (self.sign)(&token);
        let mut request = TokenRequest::new(&self.story, &assertion, self.resource)
            .at(&self.tenant)
            .with("client_id", &self.client_id);
        if !self.scope {
            request = request.without("scope");
        }
        let answer = request.send(self.emulator).await;
        answer.body["error_codes"][0].as_u64().unwrap_or(0)
    }
}

type Mistake = (&'static str, u64, fn(&mut Scenario<'_>));

/// In the order in which Entra looks for them.
const MISTAKES: [Mistake; 10] = [
    ("form", 900_144, |scenario| scenario.scope = false),
    ("tenant", 90002, |scenario| {
        scenario.tenant = "example.com".to_owned()
    }),
    ("app", 700_016, |scenario| {
        // Single-tenant is the mistake that can be made together with all others.
        scenario
            .emulator
            .set_sign_in_audience(&scenario.client_id, SignInAudience::AzureADMyOrg)
            .expect("an app");
    }),
    ("assertion", 50027, |scenario| {
        scenario.sign = |token| {
            if token.starts_with('~') {
                token.to_owned()
            } else {
                format!("~{token}")
            }
        };
    }),
    ("signature", 700_027, |scenario| {
        let before = scenario.sign;
        scenario.sign = if before("a.b.c") == "a.b.c" {
            |token| {
                let (signed, signature) = token.rsplit_once('.').expect("three parts");
                format!("{signed}.{}", signature.chars().rev().collect::<String>())
            }
        } else {
            before
        };
    }),
    ("time", 700_024, |scenario| {
        scenario.claims["exp"] = json!(now() - 1)
    }),
    ("federated credential", 700_213, |scenario| {
        scenario.claims["sub"] = json!("somebody else");
    }),
    ("service principal", 7_000_229, |scenario| {
        let (tenant, app) = (&scenario.story.target_tenant_id, &scenario.client_id);
        scenario.emulator.remove_service_principal(tenant, app);
    }),
    ("resource", 500_011, |scenario| {
        scenario.resource = "https://example.com"
    }),
    ("conditional access", 53003, |scenario| {
        let (tenant, app) = (&scenario.story.target_tenant_id, &scenario.client_id);
        // Together with a missing service principal there is nothing left to block.
        let _ = scenario
            .emulator
            .set_conditional_access_block(tenant, app, true);
    }),
];

#[tokio::test]
async fn of_two_mistakes_the_first_in_order_is_named() {
    let emulator = Emulator::start().expect("an emulator");
    for (index, (first, code, make_first)) in MISTAKES.iter().enumerate() {
        for (second, _, make_second) in &MISTAKES[index..] {
            let story = emulator.tell_story();
            let mut scenario = Scenario {
                emulator: &emulator,
                tenant: story.target_tenant_id.clone(),
                client_id: story.client_id.clone(),
                claims: assertion_claims(&story),
                resource: STORAGE,
                scope: true,
                sign: str::to_owned,
                story,
            };
            make_first(&mut scenario);
            make_second(&mut scenario);
            assert_eq!(scenario.code().await, *code, "{first} and {second}");
        }
    }
}
