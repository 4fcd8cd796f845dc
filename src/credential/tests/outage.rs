//! The log of an outage that the operator of a service reads with `RUST_LOG=info`.

use super::*;
use crate::time::tests::HeldClock;
use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, Scenario, Times};
use tracing::Level;

const SCOPE: &str = "https://management.azure.com/.default";
const STEP: Duration = Duration::from_secs(10);

struct World {
    azure: Emulator,
    scenario: Scenario,
    clock: Arc<HeldClock>,
    log: log::Log,
    credential: Arc<CrossTenantManagedIdentityCredential>,
}

impl World {
    fn new(log: &log::Log) -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario();
        azure.set_loop_detection(false);
        let clock = HeldClock::new();
        // With this clock, pauses between tries would never end.
        let tries = [Some(RetryOptions::none()), Some(RetryOptions::none())];
        let credential = held::credential(&azure, &scenario, &clock, tries);
        Self {
            azure,
            scenario,
            clock,
            log: log.clone(),
            credential,
        }
    }

    /// Advances the time with one call per step; each call gets a token.
    async fn pass(&self) {
        self.clock.advance(STEP);
        self.credential.get_token(&[SCOPE], None).await.unwrap();
        while !self.credential.family.cache.is_at_rest().await {
            tokio::task::yield_now().await;
        }
    }

    async fn pass_until(&self, what: &str, is_reached: impl Fn() -> bool) {
        let deadline = self.clock.monotonic() + Duration::from_secs(3600);
        while !is_reached() {
            assert!(
                self.clock.monotonic() < deadline,
                "it is never reached: {what}\n{}",
                self.log.lines().join("\n")
            );
            self.pass().await;
        }
    }
}

/// The value of a field, such as `next_try_s=1`.
fn number(line: &str, field: &str) -> u64 {
    let (_, rest) = line
        .split_once(&format!("{field}="))
        .unwrap_or_else(|| panic!("{field} is missing in {line}"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[tokio::test]
async fn an_outage_logs_at_most_five_lines_at_info_with_its_start_and_its_end() {
    let (log, _guard) = log::record(Level::INFO);
    let world = World::new(&log);
    world.credential.get_token(&[SCOPE], None).await.unwrap();
    log.clear();
    let outage = Fault::status(503);
    world
        .azure
        .set_fault(Endpoint::Token, outage, Times::UntilCleared);

    world
        .pass_until("the first line", || !log.lines().is_empty())
        .await;
    let began = world.clock.monotonic();
    let minutes = began + Duration::from_secs(100);
    world
        .pass_until("100 s", || world.clock.monotonic() >= minutes)
        .await;
    world.azure.clear_faults();
    let is_over = || log.lines().iter().any(|line| line.contains("outage_s="));
    world.pass_until("the end", is_over).await;

    let lines = log.lines();
    let shown = lines.join("\n");
    assert!((3..=5).contains(&lines.len()), "{shown}");
    let first = &lines[0];
    let about = [
        " WARN ",
        &world.scenario.target_tenant_id,
        &world.scenario.client_id,
        SCOPE,
        "the access token cannot be renewed",
        "503",
    ];
    for part in about {
        assert!(first.contains(part), "{part} is missing in\n{shown}");
    }
    assert!(number(first, "token_left_s") > 600, "{shown}");
    assert!(number(first, "next_try_s") <= 60, "{shown}");

    let last = lines
        .iter()
        .find(|line| line.contains("outage_s="))
        .unwrap();
    assert!(last.contains(" INFO "), "{shown}");
    let lasted = (world.clock.monotonic() - began).as_secs();
    let outage = number(last, "outage_s");
    assert!((100..=lasted + STEP.as_secs()).contains(&outage), "{shown}");
    assert!(!shown.contains("eyJ"), "{shown}");
}
