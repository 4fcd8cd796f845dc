//! The formats of the printed variables.

use clap::ValueEnum;

/// The language of the printed variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// `export NAME=value`
    #[default]
    Bash,
    /// `$env:NAME = 'value'`
    Powershell,
    /// `NAME=value`
    Dotenv,
    /// An object with a member for each variable.
    Json,
}

impl Format {
    /// The text that sets the variables.
    pub(crate) fn write<'a>(
        self,
        mut variables: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> String {
        let mut lines = |line: fn(&str, &str) -> String| {
            variables
                .by_ref()
                .map(|(name, value)| line(name, value))
                .collect::<String>()
        };
        match self {
            Format::Bash => lines(|name, value| format!("export {name}={}\n", bash_word(value))),
            Format::Powershell => {
                lines(|name, value| format!("$env:{name} = '{}'\n", value.replace('\'', "''")))
            }
            Format::Dotenv => lines(|name, value| format!("{name}={}\n", dotenv_value(value))),
            Format::Json => {
                let object: serde_json::Map<_, _> = variables
                    .map(|(name, value)| (name.to_owned(), value.into()))
                    .collect();
                format!("{:#}\n", serde_json::Value::Object(object))
            }
        }
    }
}

fn is_plain(value: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,".contains(letter);
    !value.is_empty() && value.chars().all(plain)
}

/// The value as one word of bash.
fn bash_word(value: &str) -> String {
    if is_plain(value) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

/// Single quotes keep a value as it is. A value with a single quote needs double quotes.
fn dotenv_value(value: &str) -> String {
    if is_plain(value) {
        value.to_owned()
    } else if value.contains('\'') {
        format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
    } else {
        format!("'{value}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_format(format: Format) -> String {
        format.write([("A", "it's a"), ("B", "/tmp/b.pem")].into_iter())
    }

    #[test]
    fn each_format_quotes_its_values() {
        assert_eq!(
            in_format(Format::Bash),
            "export A='it'\\''s a'\nexport B=/tmp/b.pem\n"
        );
        assert_eq!(
            in_format(Format::Powershell),
            "$env:A = 'it''s a'\n$env:B = '/tmp/b.pem'\n"
        );
        assert_eq!(in_format(Format::Dotenv), "A=\"it's a\"\nB=/tmp/b.pem\n");
        let json: serde_json::Value = serde_json::from_str(&in_format(Format::Json)).expect("JSON");
        assert_eq!(json, serde_json::json!({"A": "it's a", "B": "/tmp/b.pem"}));
    }

    #[test]
    fn an_empty_value_is_quoted() {
        assert_eq!(bash_word(""), "''");
        assert_eq!(dotenv_value(""), "''");
    }
}
