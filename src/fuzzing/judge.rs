//! Rules for every text that is shown.

use super::wire::Answer;
use crate::{
    diagnosis::{Command, Diagnosis, Shell},
    error::{Error, chain},
};
use std::fmt::Debug;

/// A longer text is a dump and not a message.
const LONGEST_MESSAGE: usize = 8 * 1024;

/// Correct values that the fuzz targets set themselves.
pub(super) fn some<T, E: Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(it) => it,
        Err(why) => panic!("{why:?}"),
    }
}

pub(super) fn failed<T>(result: Result<T, Error>) -> Error {
    match result {
        Ok(_) => panic!("it was taken for a token"),
        Err(error) => error,
    }
}

pub(super) fn error(error: &Error, answer: &Answer, secrets: &[&str]) {
    if let Some(status) = error.status() {
        assert_eq!(u16::from(status), answer.status);
    }
    for message in chain(error).map(ToString::to_string) {
        fits_a_log(&message);
    }
    let outer = azure_core::Error::from(error.clone());
    for shown in [
        format!("{error} {error:?}"),
        format!("{outer} {outer:?}"),
        format!("{:?}", chain(error).collect::<Vec<_>>()),
    ] {
        for secret in secrets {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    if let Some(it) = error.diagnosis() {
        diagnosis(it);
    }
}

/// The message about a success without a token shows only the status and the headers, never the
/// body.
pub(super) fn same(one: &Error, other: &Error) {
    assert_eq!(format!("{one} {one:?}"), format!("{other} {other:?}"));
}

pub(super) fn diagnosis(diagnosis: &Diagnosis) {
    fits_a_log(diagnosis.what_happened());
    fits_a_log(diagnosis.what_to_do());
    for command in diagnosis.commands() {
        fits_a_log(command.text());
        is_fit_to_paste(command);
    }
}

fn fits_a_log(text: &str) {
    assert!(text.len() <= LONGEST_MESSAGE, "{} bytes", text.len());
    let odd = text.chars().find(|c| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    });
    assert_eq!(odd, None, "{text:?}");
}

/// Both shells treat everything in single quotes as literal text. Outside of quotes, a command
/// consists of plain words and the few PowerShell expressions listed here.
fn is_fit_to_paste(command: &Command) {
    let mut text = command.text().to_owned();
    assert!(text.is_ascii(), "{text}");
    if command.shell() == Shell::PowerShell {
        for known in [
            "(Get-AzADApplication -ApplicationId ",
            ").Id",
            "| Update-AzADApplication",
            "| Select-Object SignInAudience",
            "| Select-Object Tenant",
        ] {
            text = text.replace(known, "");
        }
    }
    assert_eq!(text.matches('\'').count() % 2, 0, "{text}");
    for bare in text.split('\'').step_by(2) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || " :/._-=".contains(c);
        assert!(bare.chars().all(is_plain), "{bare} in {text}");
    }
}
