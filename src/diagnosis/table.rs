//! Microsoft Entra's numbers: what each means, who has to act, what to do. The meanings are those of
//! Microsoft Learn, "Microsoft Entra authentication and authorization error codes" and "Workload
//! identity federation", and of answers that were published. Rows that rest on neither say
//! "unverified" in a comment beside them.
//!
//! Words in braces are filled in from the request and its assertion; see `Case::named`. The first
//! sentence of what to do is the one thing to do, and stands in the error's own line.

mod app;
mod assertion;
mod service;
mod tenant;
mod trust;

use super::{refusal::Retry, remedy::Remedy};

/// What a number means.
#[derive(Debug)]
pub(super) struct Row {
    /// Several only where they mean one and the same.
    pub(super) codes: &'static [u32],
    pub(super) retry: Retry,
    pub(super) who: Who,
    pub(super) happened: &'static str,
    pub(super) to_do: &'static str,
    pub(super) remedy: Remedy,
    /// What it means instead; the first that fits counts.
    pub(super) variants: &'static [(When, Row)],
}

/// Who has to act, before it is known which tenant was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Home,
    /// The administrator of the tenant that refused.
    Asked,
    /// First the home tenant's, then the one of the tenant that refused.
    Both,
    Developer,
    Operator,
    Nobody,
}

/// What makes a row mean something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// The home tenant was asked.
    AtHome,
    /// The assertion was issued for another audience than the cloud's token exchange.
    OtherAudience,
    /// The host chose the managed identity, because the credential names none.
    HostsChoice,
    /// Entra's sentence tells its time, and the host's clock shows another one.
    ClocksDiffer,
    /// Entra's sentence tells its time, and the host's clock shows the same.
    ClocksAgree,
    /// The assertion is somebody else's than a managed identity's.
    NoManagedIdentity,
}

/// The row of a number, or of the number without its last digit: codes grow digits, as 700213 grew
/// into 7002137.
pub(super) fn row(code: u32) -> Option<&'static Row> {
    exactly(code).or_else(|| {
        (!OF_NO_FAMILY.contains(&code))
            .then(|| exactly(code / 10))
            .flatten()
    })
}

/// All rows, in the order of the files.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    [
        trust::ROWS,
        assertion::ROWS,
        app::ROWS,
        tenant::ROWS,
        service::ROWS,
    ]
    .into_iter()
    .flatten()
}

fn exactly(code: u32) -> Option<&'static Row> {
    rows().find(|row| row.codes.contains(&code))
}

/// Numbers that look like relatives of a row and, by Microsoft's list, are none: a wrong and an
/// expired client secret, a user's second factor, a user's assertion, on-behalf-of calls, a
/// delegated administrator, a SAML property, a redirect URI.
const OF_NO_FAMILY: [u32; 8] = [
    7_000_215, 7_000_222, 7_000_114, 500_121, 500_131, 530_034, 900_236, 650_051,
];

impl Row {
    /// Without a number: OAuth's own word for it (RFC 6749 §4.1.2.1), or a status that says it.
    pub(super) const UNAVAILABLE: Row = Row::new(
        &[],
        Retry::Later,
        Who::Nobody,
        "Microsoft Entra, or something on the way to it, is unavailable for the moment.",
        WAIT,
    );

    const fn new(
        codes: &'static [u32],
        retry: Retry,
        who: Who,
        happened: &'static str,
        to_do: &'static str,
    ) -> Self {
        Self {
            codes,
            retry,
            who,
            happened,
            to_do,
            remedy: Remedy::None,
            variants: &[],
        }
    }

    const fn with(mut self, remedy: Remedy) -> Self {
        self.remedy = remedy;
        self
    }

    const fn unless(mut self, variants: &'static [(When, Row)]) -> Self {
        self.variants = variants;
        self
    }
}

/// What to do when it clears by itself.
const WAIT: &str = "Wait: the next call tries again. It keeps to the answer's Retry-After.";
