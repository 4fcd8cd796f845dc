//! `claims`: what a JWT from standard input says.

use crate::{
    jwt::Jwt,
    outcome::{Failure, Outcome},
    output,
};
use clap::Args;
use serde_json::json;
use std::io::{self, IsTerminal, Read};

/// Tokens are some kilobytes long; this is far more.
const LONGEST: u64 = 1024 * 1024;

#[derive(Args, Debug)]
pub(crate) struct ClaimsArguments {
    /// Print an object for programs, with header and claims.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ClaimsArguments {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let jwt = read_input().and_then(|text| {
            let why = |why| format!("standard input: {why}");
            Jwt::read(token_of(&text)).map_err(why)
        });
        let jwt = jwt.map_err(Failure::usage)?;
        if self.json {
            output::print_json(&json!({"header": jwt.header, "claims": jwt.claims}))?;
            return Ok(Outcome::Ok);
        }
        let lines = jwt.lines();
        let width = lines.iter().map(|(name, _)| name.chars().count()).max();
        let width = width.unwrap_or(0).min(24);
        let lines = lines
            .iter()
            .map(|(name, value)| format!("{name:<width$}  {value}\n"));
        output::print(&lines.collect::<String>())?;
        output::note("The signature was not verified.");
        Ok(Outcome::Ok)
    }
}

fn read_input() -> Result<String, String> {
    if io::stdin().is_terminal() {
        output::note("Paste a token, then press Enter and Ctrl+D.");
    }
    let mut text = String::new();
    let read = io::stdin().take(LONGEST + 1).read_to_string(&mut text);
    read.map_err(|why| format!("standard input: {why}"))?;
    if text.len() as u64 > LONGEST {
        return Err("standard input: it has more than 1 MiB, so it is no token".to_owned());
    }
    if text.trim().is_empty() {
        return Err("standard input: it is empty; pipe or paste a token into it".to_owned());
    }
    Ok(text)
}

/// Without what stands before a token in a header.
fn token_of(text: &str) -> &str {
    let text = text.trim().trim_matches('"');
    let value = match text.split_once(':') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("authorization") => value.trim(),
        _ => text,
    };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_a_header() {
        for text in [
            "a.b.c\n",
            "Bearer a.b.c",
            "authorization: bearer  a.b.c\r\n",
            "\"a.b.c\"",
        ] {
            assert_eq!(token_of(text), "a.b.c", "{text}");
        }
    }
}
