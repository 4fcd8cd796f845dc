//! All that is known of an error, for a person.

use crate::{
    diagnosis::{self, Diagnosis},
    error::{Error, chain},
    redact,
};
use std::{error::Error as StdError, fmt};

/// Prints all that is known of an error: what failed, what was answered, who has to act, what to
/// do, and the commands for both shells.
///
/// It works at any depth of sources, so an SDK client's error may go in as it is. A refusal of the
/// resource itself, such as Azure Resource Manager's 403, is explained, too. Of an error that is
/// neither, it prints the chain of sources, each text once.
///
/// What it prints has several lines and holds no secret; [`Error`]'s own `Display` is the one line
/// for a log.
///
/// ```
/// # async fn demo(client: impl AsyncFn() -> azure_core::Result<()>) {
/// if let Err(error) = client().await {
///     eprintln!("{}", cross_tenant_identity::explain(&error));
/// }
/// # }
/// ```
pub fn explain<'a>(error: &'a (dyn StdError + 'static)) -> impl fmt::Display + 'a {
    Explanation { error }
}

struct Explanation<'a> {
    error: &'a (dyn StdError + 'static),
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(ours) = Error::find(self.error) {
            let failed = ours.what_failed();
            let diagnosis = ours.diagnosis();
            // Of a bad value the diagnosis says all.
            let is_new = diagnosis.is_none_or(|it| !it.what_happened().starts_with(&failed));
            if is_new {
                let answer = diagnosis.and_then(Diagnosis::answer).unwrap_or_default();
                let (failed, answer) = apart(&failed, answer);
                writeln!(f, "{failed}")?;
                if !answer.is_empty() {
                    writeln!(f, "    {answer}")?;
                }
                writeln!(f)?;
            }
            return match diagnosis {
                Some(diagnosis) => write!(f, "{diagnosis}"),
                None => Ok(()),
            };
        }
        if let Some(diagnosis) = Diagnosis::of(self.error) {
            if let Some(answer) = diagnosis.answer() {
                writeln!(f, "{answer}\n")?;
            }
            return write!(f, "{diagnosis}");
        }
        f.write_str(&sources(self.error))
    }
}

/// What failed without the answer's first sentence, and the whole answer; or all of the first, if
/// that holds the whole answer.
fn apart<'a>(failed: &'a str, answer: &'a str) -> (&'a str, &'a str) {
    let first = diagnosis::first_sentence(answer).trim_end_matches('.');
    if first.is_empty() || first.len() == answer.trim_end_matches('.').len() {
        let is_told = failed.contains(first);
        return (failed, if is_told { "" } else { answer });
    }
    match failed.strip_suffix(first) {
        Some(before) => (before.trim_end_matches([',', ' ', ':']), answer),
        None => (failed, answer),
    }
}

/// The texts of a chain of sources, each once.
fn sources(error: &(dyn StdError + 'static)) -> String {
    const DEEPEST: usize = 32;
    let mut told = String::new();
    for error in chain(error).take(DEEPEST) {
        let text = redact::excerpt(error.to_string().as_bytes(), &[]);
        if text.is_empty() || told.contains(&text) {
            continue;
        }
        if !told.is_empty() {
            told.push_str(": ");
        }
        told.push_str(&text);
    }
    told
}

impl Diagnosis {
    /// The diagnosis of an error of this crate at any depth of `error`'s sources, or else of an
    /// answer of Azure Resource Manager, Storage, Key Vault or another service that an SDK client
    /// turned into an error. `None` if nothing is known of it.
    pub fn of(error: &(dyn StdError + 'static)) -> Option<Diagnosis> {
        // An error of ours has the token endpoint's answer below it, which is no resource's.
        if let Some(ours) = Error::find(error) {
            return ours.diagnosis().cloned();
        }
        chain(error)
            .filter_map(|error| error.downcast_ref::<azure_core::Error>())
            .find_map(diagnosis::of_resource_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Stage;

    #[test]
    fn an_error_of_this_crate_is_explained_at_any_depth() {
        let ours = azure_core::Error::from(Error::bad_scope("https://vault.azure.net"));
        let above = ours
            .with_context("not retried")
            .with_context("client failed");
        let text = explain(&above).to_string();
        assert!(
            text.contains("Who has to act: the service's developer"),
            "{text}"
        );
        assert!(
            text.contains("\"https://vault.azure.net/.default\""),
            "{text}"
        );
        assert_eq!(text.matches("does not have the form").count(), 1, "{text}");
    }

    #[test]
    fn a_foreign_error_is_printed_with_its_sources_and_no_token() {
        let inner = std::io::Error::other("token eyJhbGciOiJub25lIn0.e30.x \u{1b}[31m");
        let outer = azure_core::Error::with_error(
            azure_core::error::ErrorKind::Other,
            azure_core::Error::new(azure_core::error::ErrorKind::Io, inner),
            "outer",
        );
        let text = explain(&outer).to_string();
        assert_eq!(text, "outer: token [redacted] \\u{1b}[31m");
    }

    #[test]
    fn an_answer_is_told_once() {
        for (failed, answer, told) in [
            (
                "it refused: HTTP 401 x, A: b",
                "A: b. More.",
                ("it refused: HTTP 401 x", "A: b. More."),
            ),
            (
                "it refused: HTTP 401 x, A: b",
                "A: b.",
                ("it refused: HTTP 401 x, A: b", ""),
            ),
            (
                "it refused: HTTP 302",
                "Moved.",
                ("it refused: HTTP 302", "Moved."),
            ),
            ("it refused", "", ("it refused", "")),
        ] {
            assert_eq!(apart(failed, answer), told);
        }
    }

    #[test]
    fn a_bad_source_names_itself_once() {
        let error = Error::new(Stage::Assertion, "the source returned nothing".to_owned());
        let text = explain(&error).to_string();
        assert_eq!(text.matches("returned nothing").count(), 1, "{text}");
    }
}
