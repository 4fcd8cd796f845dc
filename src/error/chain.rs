//! The errors of others: the chain of their sources, and what may be shown of it.

use crate::redact;
use azure_core::error::ErrorKind;
use std::{borrow::Cow, error::Error as StdError};

/// The error and its sources, the outer error first.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    fn source<'a>(error: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
        let error: &'a (dyn StdError + 'static) = *error;
        error.source()
    }
    std::iter::successors(Some(error), source)
}

/// The innermost reason of a failed request, such as "Connection refused (os error 111)": the
/// errors above it only say that sending failed.
pub(crate) fn root_cause(error: &azure_core::Error) -> String {
    let innermost = chain(error).last().map(ToString::to_string);
    redact::printable(&innermost.unwrap_or_default(), 300)
}

/// The error of code outside this crate, such as a user's transport, which can quote the request.
/// It is returned unchanged if neither the error nor a source contains a secret or anything with
/// the shape of a token. Otherwise the result is an error of the same kind with redacted text.
pub(crate) fn without_secrets(error: azure_core::Error, secrets: &[&str]) -> azure_core::Error {
    let is_clean = |error: &(dyn StdError + 'static)| {
        // A reader can print either form.
        let shown = format!("{error} {error:?}");
        matches!(redact::redact(&shown, secrets), Cow::Borrowed(_))
    };
    if chain(&error).all(is_clean) {
        return error;
    }
    let mut words: Vec<_> = chain(&error)
        .map(|error| redact::excerpt(error.to_string().as_bytes(), secrets))
        .collect();
    words.dedup();
    let kind = match error.kind() {
        // It contains the whole response.
        ErrorKind::HttpResponse { .. } => ErrorKind::Other,
        kind => kind.clone(),
    };
    azure_core::Error::with_message(kind, words.join(": "))
}
