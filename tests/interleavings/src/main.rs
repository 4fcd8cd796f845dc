//! Runs the library's synchronisation under Shuttle, which decides at each lock, atomic and wait which
//! thread goes on, and tries many orders. A failure prints the order, which `shuttle::replay` repeats.
//!
//! `cargo run --manifest-path tests/interleavings/Cargo.toml [-- RUNS [CHECK…]]`
//!
//! The files beside this one that are links are the library's own.

#![allow(
    dead_code,
    unused_imports,
    reason = "the library uses more of these modules"
)]

mod authority;
mod budget;
mod cache;
mod checks;
mod random;
mod snapshot;
mod sync;
mod tenants;
mod time;
mod worker;

use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler},
};

/// At random, an order that needs this many switches of threads at the right moments is found with a
/// known probability (Burckhardt and others, "A randomized scheduler with probabilistic guarantees of
/// finding bugs").
const SWITCHES: usize = 3;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runs = arguments.next().map_or(Ok(10_000), |runs| runs.parse());
    let runs: usize = runs.expect("the first argument is a number of runs");
    let wanted: Vec<_> = arguments.collect();
    let known: Vec<_> = checks::ALL.iter().map(|(name, _)| *name).collect();
    for name in &wanted {
        assert!(
            known.contains(&&**name),
            "no check {name}; there are {known:?}"
        );
    }
    for (name, check) in checks::ALL {
        if !wanted.is_empty() && !wanted.iter().any(|it| it == name) {
            continue;
        }
        Runner::new(RandomScheduler::new(runs), config()).run(*check);
        Runner::new(PctScheduler::new(SWITCHES, runs), config()).run(*check);
        println!("{name}: held in {} runs", 2 * runs);
    }
}

fn config() -> Config {
    let mut config = Config::new();
    // Shuttle takes every atomic as sequentially consistent, and warns that the library's are weaker. The
    // marks of a token are independent of each other and of everything else.
    config.silence_warnings = true;
    config
}
