//! The error numbers of Microsoft Entra: what each number means, who has to act, and what to do.
//! The meanings come from Microsoft Learn, "Microsoft Entra authentication and authorization error
//! codes" and "Workload identity federation", and from responses that were published. A row without
//! such a source has the word "unverified" in a comment.
//!
//! Words in braces are replaced by values of the request and its assertion; see `Case::named`. The
//! first sentence of "what to do" is the most important action, and is part of the one-line error
//! message.

mod app;
mod assertion;
mod service;
mod tenant;
mod trust;

use super::{refusal::Retry, remedy::Remedy};

/// What a number means.
#[derive(Debug)]
pub(super) struct Row {
    /// Several numbers only if they all mean the same.
    pub(super) codes: &'static [u32],
    pub(super) retry: Retry,
    pub(super) who: Who,
    pub(super) happened: &'static str,
    pub(super) to_do: &'static str,
    pub(super) remedy: Remedy,
    /// Other meanings; the first one that fits is used.
    pub(super) variants: &'static [(When, Row)],
}

/// Who has to act, before the tenant of the request is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Home,
    /// The administrator of the tenant that refused.
    Asked,
    /// First the administrator of the home tenant, then the administrator of the tenant that
    /// refused.
    Both,
    Developer,
    Operator,
    Nobody,
}

/// A condition that changes the meaning of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// The request was sent to the home tenant.
    AtHome,
    /// The assertion was issued for an audience that is not the token exchange of the cloud.
    OtherAudience,
    /// The host selected the managed identity, because the credential names none.
    HostsChoice,
    /// Entra's sentence shows its time, and the host's clock differs from it.
    ClocksDiffer,
    /// Entra's sentence shows its time, and the host's clock agrees with it.
    ClocksAgree,
    /// The assertion does not come from a managed identity.
    NoManagedIdentity,
}

/// The row of a number, or of the number without its last digit: Microsoft adds digits to its
/// codes, such as 7002137 after 700213.
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

/// Numbers that look as if they belong to a row but, by Microsoft's list, do not: a wrong and an
/// expired client secret, a user's second factor, a user's assertion, on-behalf-of calls, a
/// delegated administrator, a SAML property, a redirect URI.
const OF_NO_FAMILY: [u32; 8] = [
    7_000_215, 7_000_222, 7_000_114, 500_121, 500_131, 530_034, 900_236, 650_051,
];

impl Row {
    /// For a response without a number: the OAuth `error` (RFC 6749 §4.1.2.1), or a status with
    /// that meaning.
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

/// What to do if the problem ends by itself.
const WAIT: &str = "Wait: the next call tries again. It keeps to the answer's Retry-After.";
