//! Fuzzing on stable Rust: every seed of the corpus, and random changes of the seeds.

use proptest::{prelude::*, sample::Index};
use std::{fs, path::Path};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 6] = [
    ("identity_answer", super::identity_answer),
    ("token_answer", super::token_answer),
    ("refusal", super::refusal),
    ("claims", super::claims),
    ("challenge", super::challenge),
    ("wait_asked_for", super::wait_asked_for),
];

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(target);
    let mut seeds: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|why| panic!("{}: {why}", folder.display()))
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert!(seeds.len() >= 3, "{target} has hardly any seed");
    seeds.sort();
    seeds
}

#[test]
fn every_seed_of_the_corpus_passes() {
    for (name, target) in TARGETS {
        for seed in seeds(name) {
            target(&seed);
        }
    }
}

/// A random change of a seed.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Cut(Index, Index),
    /// A text with a special meaning in one of the formats.
    Insert(Index, &'static str),
    Repeat(Index, usize),
}

const WORDS: [&str; 24] = [
    "\u{1b}[2J",
    "\u{202e}",
    "\0",
    "\r\n\r\n",
    "'; reboot; '",
    "$(reboot)",
    "eyJhbGciOiJub25lIn0.e30.x",
    "e30.e30.c2lnbmF0dXJlLWNhbmFyeQ",
    "-1",
    "18446744073709551616",
    "1e400",
    "null",
    "[[[[[[[[",
    "\\u0000\\u001b",
    "\\ud800",
    "AADSTS700213: ",
    "AADSTS99999999999",
    "https://sts.windows.net/44444444-4444-4444-8444-444444444444/",
    "/subscriptions/x; reboot",
    "must match the tenant '",
    "authorization_uri=\"https://",
    "Trace ID:",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "\u{2019}",
];

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Cut(from, to)),
        (any::<Index>(), prop::sample::select(&WORDS[..]))
            .prop_map(|(at, word)| Change::Insert(at, word)),
        (any::<Index>(), 1..300usize).prop_map(|(at, times)| Change::Repeat(at, times)),
    ]
}

impl Change {
    fn make(&self, data: &mut Vec<u8>) {
        let length = data.len() + 1;
        match self {
            Self::Set(at, byte) => {
                if let Some(there) = data.get_mut(at.index(length)) {
                    *there = *byte;
                }
            }
            Self::Cut(from, to) => {
                let (from, to) = (from.index(length), to.index(length));
                data.drain(from.min(to)..from.max(to));
            }
            Self::Insert(at, word) => {
                let at = at.index(length);
                data.splice(at..at, word.bytes());
            }
            Self::Repeat(at, times) => {
                let at = at.index(length);
                let again: Vec<_> = data[at..].iter().copied().take(40).collect();
                data.splice(at..at, again.repeat(*times));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn a_changed_seed_passes(
        target in prop::sample::select(&TARGETS[..]),
        seed in any::<Index>(),
        changes in prop::collection::vec(change(), 0..6),
    ) {
        let seeds = seeds(target.0);
        let mut data = seeds[seed.index(seeds.len())].clone();
        for change in &changes {
            change.make(&mut data);
        }
        target.1(&data);
    }

    #[test]
    fn any_bytes_hold(data in prop::collection::vec(any::<u8>(), 0..400)) {
        for (_, target) in TARGETS {
            target(&data);
        }
    }
}
