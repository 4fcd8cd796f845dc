//! Values in the code or the environment that cannot be right.

use super::{Actor, Diagnosis, guide::Section};

/// A message of the form "what is wrong: what to give instead".
pub(crate) fn bad_value(message: &str) -> Diagnosis {
    let (happened, to_do) = split(message).unwrap_or((
        message,
        "Correct that value in the code or in the environment.",
    ));
    Diagnosis::new(Actor::Developer, sentence(happened), sentence(to_do))
        .in_guide(Section::Configuration)
}

/// Several wrong values of one source. Each message has the form that [`bad_value`] expects.
pub(crate) fn bad_values(messages: &[String]) -> Diagnosis {
    let halves = messages.iter().map(|message| {
        let whole = (message.as_str(), "correct that value");
        split(message).unwrap_or(whole)
    });
    let (happened, to_do): (Vec<_>, Vec<_>) = halves
        .zip(1..)
        .map(|((happened, to_do), at)| (format!("({at}) {happened}"), format!("({at}) {to_do}")))
        .unzip();
    let count = messages.len();
    Diagnosis::new(
        Actor::Developer,
        format!("{count} settings are wrong: {}.", happened.join("; ")),
        format!("{}.", to_do.join("; ")),
    )
    .in_guide(Section::Configuration)
}

/// Splits a message in two at the first ": " that follows more than one word, or else at the first
/// "; ". Separators inside a value do not count.
fn split(message: &str) -> Option<(&str, &str)> {
    split_at(message, ':').or_else(|| split_at(message, ';'))
}

fn split_at(message: &str, sign: char) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, c) in message.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            c if c == sign && !is_quoted => {
                let (before, after) = (&message[..at], &message[at + 1..]);
                if before.contains(' ') && after.starts_with(' ') {
                    return Some((before, &after[1..]));
                }
            }
            _ => {}
        }
    }
    None
}

/// The text with a capital letter, unless it begins with the name of an option or a variable, and
/// with a full stop.
pub(super) fn sentence(text: &str) -> String {
    let first_word = text.split(' ').next().unwrap_or_default();
    let is_name = first_word.contains(['_', '.', '"', ':']);
    let mut chars = text.chars();
    let mut sentence = match chars.next() {
        Some(first) if !is_name => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    };
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_split_before_the_advice() {
        let told = bad_value("tenant_id is \"a: b\", which names no tenant: give the tenant's id");
        assert_eq!(
            told.what_happened(),
            "tenant_id is \"a: b\", which names no tenant."
        );
        assert_eq!(told.what_to_do(), "Give the tenant's id.");
        assert_eq!(told.who(), Actor::Developer);
        let option =
            bad_value("user_assigned_id: the id \"x\" is not a GUID; `az identity show` prints it");
        assert_eq!(option.what_to_do(), "`az identity show` prints it.");
        let plain = bad_value("the value is odd");
        assert_eq!(plain.what_happened(), "The value is odd.");
        assert!(plain.what_to_do().starts_with("Correct"));
    }
}
