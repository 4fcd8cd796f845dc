//! How many instructions a call takes that finds its token in the cache. It needs valgrind, which counts
//! them with callgrind.

#[path = "support/contestants.rs"]
mod contestants;

use azure_core::credentials::TokenCredential;
use contestants::{SCOPE, SharedGlue, glued, one_thread, ours, tenant, upstream};
use std::{hint::black_box, process::Command, sync::Arc};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [mode, contestant, calls] if mode == "calls" => {
            calls_for_callgrind(contestant, calls.parse().expect("a number of calls"));
        }
        _ => instructions(),
    }
}

/// Instructions of a cached call, by callgrind: the difference between two numbers of calls.
fn instructions() {
    const CALLS: usize = 20_000;
    let program = std::env::current_exe().expect("this program");
    let counted = |contestant: &str, calls: usize| -> Option<f64> {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(&program)
            .args(["calls", contestant, &calls.to_string()])
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let total = said.lines().find_map(|line| line.split("refs:").nth(1))?;
        total.trim().replace(',', "").parse().ok()
    };
    let per_call = |contestant: &str| {
        let (few, many) = (counted(contestant, CALLS)?, counted(contestant, 2 * CALLS)?);
        Some((many - few) / CALLS as f64)
    };
    match (per_call("ours"), per_call("glue"), per_call("floor")) {
        (Some(ours), Some(glue), Some(floor)) => println!(
            "instructions of a cached call: {ours:.0}; glue {glue:.0}; box and copy alone {floor:.0}"
        ),
        _ => println!("instructions of a cached call: skipped, as there is no valgrind"),
    }
}

fn calls_for_callgrind(contestant: &str, calls: usize) {
    let options = upstream::client_options();
    let runtime = one_thread();
    let credential: Arc<dyn TokenCredential> = match contestant {
        "ours" => ours(options),
        "glue" => glued(tenant(0), SharedGlue::new(options.clone()), options),
        _ => Arc::new(BoxAndCopy(
            runtime
                .block_on(ours(options).get_token(&[SCOPE], None))
                .expect("a token"),
        )),
    };
    runtime.block_on(async {
        for _ in 0..calls {
            black_box(credential.get_token(&[SCOPE], None).await.expect("a token"));
        }
    });
}

/// What no credential can do without.
#[derive(Debug)]
struct BoxAndCopy(azure_core::credentials::AccessToken);

#[async_trait::async_trait]
impl TokenCredential for BoxAndCopy {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<azure_core::credentials::TokenRequestOptions<'_>>,
    ) -> azure_core::Result<azure_core::credentials::AccessToken> {
        Ok(self.0.clone())
    }
}
