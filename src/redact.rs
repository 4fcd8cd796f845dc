//! Makes text of others fit for a log: no token, no control character, and not much of it.

use std::borrow::Cow;

/// Enough for a sentence of Entra, or the beginning of a proxy's page.
const LONGEST_EXCERPT: usize = 512;

/// Every JOSE header begins with `{"`, which is `eyJ` in base64url (RFC 7515 §3.1).
const JWT_START: &str = "eyJ";

/// A longer run of token characters is no word of any language.
const LONGEST_WORD: usize = 80;

const REDACTED: &str = "[redacted]";

/// The start of an answer's body, made fit for a log: tokens redacted, control characters escaped.
pub(crate) fn excerpt(body: &[u8], secrets: &[&str]) -> String {
    // Tokens are redacted before the text is cut: the beginning of a cut token is a secret, too.
    let text = String::from_utf8_lossy(body);
    printable(&redact(&text, secrets), LONGEST_EXCERPT)
}

/// Foreign text as one line: control characters, and the marks that turn text around in a
/// terminal, are escaped; at most `longest` bytes.
pub(crate) fn printable(text: &str, longest: usize) -> String {
    let mut line = String::new();
    for c in text.trim().chars() {
        let start = line.len();
        match c {
            '\r' | '\n' | '\t' => {
                if !line.ends_with(' ') {
                    line.push(' ');
                }
            }
            c if c.is_control() || is_format_mark(c) => line.extend(c.escape_default()),
            c => line.push(c),
        }
        if line.len() > longest {
            line.truncate(start);
            line.push('…');
            break;
        }
    }
    line
}

/// Zero-width, line-separating and bidirectional marks (Unicode's "Trojan source" characters).
fn is_format_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// `text` without the given secrets and without anything that has the shape of a token.
pub(crate) fn redact<'a>(text: &'a str, secrets: &[&str]) -> Cow<'a, str> {
    let mut clean = Cow::Borrowed(text);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        if clean.contains(secret) {
            clean = Cow::Owned(clean.replace(secret, REDACTED));
        }
    }
    if !runs(&clean).any(|run| is_token_shaped(run.text)) {
        return clean;
    }
    let mut out = String::with_capacity(clean.len());
    let mut shown = 0;
    for run in runs(&clean) {
        if is_token_shaped(run.text) {
            out.push_str(&clean[shown..run.start]);
            out.push_str(REDACTED);
            shown = run.start + run.text.len();
        }
    }
    out.push_str(&clean[shown..]);
    Cow::Owned(out)
}

struct Run<'a> {
    start: usize,
    text: &'a str,
}

/// The maximal runs of characters that a JWT may hold.
fn runs(text: &str) -> impl Iterator<Item = Run<'_>> {
    let is_token_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text[rest..].find(is_token_char)?;
        let length = text[start..]
            .find(|c| !is_token_char(c))
            .unwrap_or(text.len() - start);
        rest = start + length;
        Some(Run {
            start,
            text: &text[start..rest],
        })
    })
}

fn is_token_shaped(run: &str) -> bool {
    run.contains(JWT_START) || run.split('.').any(|part| part.len() > LONGEST_WORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhIn0.c2lnbmF0dXJl";

    #[test]
    fn a_token_is_redacted_wherever_it_stands() {
        for text in [
            JWT.to_owned(),
            format!("client_assertion={JWT}&scope=x"),
            format!(r#"{{"access_token":"{JWT}"}}"#),
            format!("cut {}", &JWT[..12]),
            format!("glued{JWT}"),
        ] {
            let shown = excerpt(text.as_bytes(), &[]);
            assert!(
                shown.contains(REDACTED) && !shown.contains("eyJ"),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_known_secret_is_redacted_whatever_its_shape() {
        assert_eq!(
            redact("x my secret y", &["my secret", ""]),
            "x [redacted] y"
        );
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        let text = "AADSTS700213: No matching record for 'https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0'.";
        assert_eq!(redact(text, &[]), text);
    }

    #[test]
    fn a_long_run_without_the_shape_of_a_jwt_is_redacted_too() {
        assert_eq!(redact(&"A".repeat(200), &[]), REDACTED);
    }

    #[test]
    fn an_excerpt_is_short_one_line_and_free_of_control_characters() {
        let shown = excerpt("a\r\nb\u{1b}[31m\u{202e}\0 é".as_bytes(), &[]);
        assert_eq!(shown, "a b\\u{1b}[31m\\u{202e}\\u{0} é");
        assert!(
            excerpt("é ".repeat(5000).as_bytes(), &[]).len() <= LONGEST_EXCERPT + '…'.len_utf8()
        );
        assert!(!excerpt(&[0xff, 0xfe, b'x'], &[]).is_empty());
    }

    #[test]
    fn a_token_that_the_cut_would_split_is_redacted_whole() {
        let text = format!("{} {JWT}", "a ".repeat(250));
        assert!(!excerpt(text.as_bytes(), &[]).contains("eyJ"));
    }
}
