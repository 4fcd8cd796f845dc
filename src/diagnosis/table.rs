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
mod row;
mod service;
mod tenant;
mod trust;

pub(crate) use row::Retry;
pub(super) use row::{Row, When, Who};

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
