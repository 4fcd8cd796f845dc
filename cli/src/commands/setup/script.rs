//! A script of the kit, and the places where values go.

use super::value::{Value, Values};
use crate::outcome::Failure;
use std::io;

/// Where a value goes.
pub(super) struct Place {
    pub(super) value: Value,
    /// The text of the kit that gives way.
    pub(super) blank: &'static str,
    /// What takes its place; `{}` is the quoted value.
    pub(super) filled: &'static str,
    pub(super) quote: Quote,
    /// Without a value here the script cannot be used as it is.
    pub(super) is_needed: bool,
}

impl Place {
    pub(super) const fn needed(
        value: Value,
        quote: Quote,
        blank: &'static str,
        filled: &'static str,
    ) -> Self {
        Self {
            value,
            blank,
            filled,
            quote,
            is_needed: true,
        }
    }

    pub(super) const fn optional(
        value: Value,
        quote: Quote,
        blank: &'static str,
        filled: &'static str,
    ) -> Self {
        Self {
            value,
            blank,
            filled,
            quote,
            is_needed: false,
        }
    }
}

/// How a language writes a text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quote {
    Bash,
    PowerShell,
    Bicep,
    Terraform,
    /// Where there is no quoting: only the parser of the value keeps it safe.
    Bare,
}

impl Quote {
    pub(super) fn quote(self, text: &str) -> String {
        match self {
            Self::Bash => format!("'{}'", text.replace('\'', r"'\''")),
            Self::PowerShell => format!("'{}'", text.replace('\'', "''")),
            Self::Bicep => {
                let text = text.replace('\\', r"\\").replace('\'', r"\'");
                format!("'{}'", text.replace("${", r"\${"))
            }
            Self::Terraform => {
                let text = text.replace('\\', r"\\").replace('"', "\\\"");
                format!("\"{}\"", text.replace("${", "$${").replace("%{", "%%{"))
            }
            Self::Bare => text.to_owned(),
        }
    }
}

pub(super) struct Script {
    /// Files of the kit. Those of Terraform can be one file.
    pub(super) files: &'static [&'static str],
    pub(super) places: &'static [Place],
}

impl Script {
    pub(super) fn has(&self, value: Value) -> bool {
        self.places.iter().any(|place| place.value == value)
    }

    /// What it needs and does not have.
    pub(super) fn open(&self, values: &Values) -> Vec<Value> {
        let mut open = Vec::new();
        for place in self.places.iter().filter(|place| place.is_needed) {
            if !values.contains_key(&place.value) && !open.contains(&place.value) {
                open.push(place.value);
            }
        }
        open
    }

    pub(super) fn fill(&self, values: &Values) -> Result<String, Failure> {
        // A clone on Windows may have its line ends; bash does not read them.
        let mut text = self.files.join("\n").replace("\r\n", "\n");
        for place in self.places {
            if !text.contains(place.blank) {
                let why = format!("the set-up kit has no place for {}", place.value.meaning());
                return Err(io::Error::other(why).into());
            }
            if let Some(value) = values.get(&place.value) {
                let filled = place.filled.replace("{}", &place.quote.quote(value));
                text = text.replace(place.blank, &filled);
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_gets_its_quotes() {
        let text = r#"a'b"c\d${e}%{f}"#;
        for (quote, quoted) in [
            (Quote::Bash, r#"'a'\''b"c\d${e}%{f}'"#),
            (Quote::PowerShell, r#"'a''b"c\d${e}%{f}'"#),
            (Quote::Bicep, r#"'a\'b"c\\d\${e}%{f}'"#),
            (Quote::Terraform, r#""a'b\"c\\d$${e}%%{f}""#),
        ] {
            assert_eq!(quote.quote(text), quoted, "{quote:?}");
        }
    }
}
