//! Everything that is known about an error, for a person.

use crate::{
    diagnosis::{self, Diagnosis},
    error::{Error, chain},
    redact,
};
use std::{error::Error as StdError, fmt};

/// Prints everything that is known about an error: what failed, what the response was, who has to
/// act, what to do, and the commands for both shells.
///
/// It searches all sources, so the error of an SDK client can be passed as it is. It also explains
/// a refusal of the resource itself, such as a 403 from Azure Resource Manager. For any other error
/// it prints the chain of sources, each text once.
///
/// The output has several lines and contains no secret. For a log, use the `Display` of [`Error`],
/// which is one line.
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
            // For a wrong value, the diagnosis says everything.
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

/// What failed, without the first sentence of the response, and the whole response; or only what
/// failed, if that contains the whole response.
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
    /// The diagnosis of an error of this crate at any depth of `error`'s sources. Otherwise the
    /// diagnosis of a response of Azure Resource Manager, Storage, Key Vault or another service
    /// that an SDK client converted into an error. `None` if the error is not known.
    pub fn of(error: &(dyn StdError + 'static)) -> Option<Diagnosis> {
        // Below an error of this crate is the response of the token endpoint, not of a resource.
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
    fn another_error_is_printed_with_its_sources_and_without_tokens() {
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
    fn a_response_is_shown_once() {
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
    fn the_name_of_a_failing_source_is_shown_once() {
        let error = Error::new(Stage::Assertion, "the source returned nothing".to_owned());
        let text = explain(&error).to_string();
        assert_eq!(text.matches("returned nothing").count(), 1, "{text}");
    }
}
