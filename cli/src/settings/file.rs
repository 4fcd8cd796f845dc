//! A file with settings, in the format that its name tells.

use super::{GivenSettings, names};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{fs, io::Read, path::Path};

/// Far more than any settings need.
const LARGEST: u64 = 1024 * 1024;

/// # Errors
///
/// When it cannot be read, is not in its format, or has a key that nobody knows or a value that makes
/// no sense. No value of the file is in the message: it may be a secret that does not belong there.
pub(super) fn read(path: &Path) -> Result<GivenSettings, String> {
    let format = Format::of(path)?;
    let text = text(path).map_err(|why| format!("{}: {why}", path.display()))?;
    parse(format, &text).map_err(|why| format!("{}: {why}", path.display()))
}

/// Another file, of the same formats.
///
/// # Errors
///
/// When it cannot be read or is not what is expected.
pub(crate) fn read_as<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let format = Format::of(path)?;
    let parsed = text(path).and_then(|text| format.parse(&text));
    parsed.map_err(|why| format!("{}: {why}", path.display()))
}

fn text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|why| why.to_string())?;
    file.take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(|why| why.to_string())?;
    match text.len() as u64 > LARGEST {
        true => Err("it has more than 1 MiB, so it is no file with settings".to_owned()),
        false => Ok(text),
    }
}

fn parse(format: Format, text: &str) -> Result<GivenSettings, String> {
    let Value::Object(object) = format.parse::<Value>(text)? else {
        return Err("it holds no settings: give keys with values, such as client_id".to_owned());
    };
    let known = known_keys();
    let unknown: Vec<_> = object
        .keys()
        .filter(|key| !known.contains(key))
        .cloned()
        .collect();
    if !unknown.is_empty() {
        return Err(names::unknown(&unknown, &known));
    }
    format.parse(text)
}

fn known_keys() -> Vec<String> {
    match serde_json::to_value(GivenSettings::default()) {
        Ok(Value::Object(all)) => all.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Toml,
    Json,
    Yaml,
}

impl Format {
    fn of(path: &Path) -> Result<Self, String> {
        let extension = path.extension().map(|it| it.to_ascii_lowercase());
        match extension.as_deref().and_then(|it| it.to_str()) {
            Some("toml") => Ok(Self::Toml),
            Some("json") => Ok(Self::Json),
            Some("yaml" | "yml") => Ok(Self::Yaml),
            _ => Err(format!(
                "{}: the name does not tell the format: let it end in .toml, .json, .yaml or .yml",
                path.display()
            )),
        }
    }

    fn parse<T: DeserializeOwned>(self, text: &str) -> Result<T, String> {
        match self {
            Self::Toml => toml::from_str(text).map_err(|why| {
                let start = why.span().map_or(0, |span| span.start);
                let line = text[..start.min(text.len())].matches('\n').count() + 1;
                format!("line {line}: {}", why.message())
            }),
            Self::Json => serde_json::from_str(text).map_err(|why| why.to_string()),
            Self::Yaml => {
                let mut options = serde_saphyr::Options::default();
                // A line of the file may hold a secret.
                options.with_snippet = false;
                serde_saphyr::from_str_with_options(text, options).map_err(|why| why.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(Format, &str); 3] = [
        (Format::Toml, "client_id = \"c\"\nmax_cached_tokens = 7\n"),
        (
            Format::Json,
            "{\"client_id\": \"c\", \"max_cached_tokens\": 7}",
        ),
        (Format::Yaml, "client_id: c\nmax_cached_tokens: 7\n"),
    ];

    #[test]
    fn each_format_says_the_same() {
        for (format, text) in ALL {
            let settings = parse(format, text).unwrap();
            assert_eq!(settings.client_id.as_deref(), Some("c"), "{format:?}");
            assert_eq!(settings.max_cached_tokens, Some(7), "{format:?}");
        }
    }

    #[test]
    fn an_unknown_key_is_told_with_the_nearest_one_and_never_its_value() {
        for (format, text) in ALL {
            let text = text
                .replace("client_id", "clientid")
                .replace("c\"", "hidden\"");
            let why = parse(format, &text).unwrap_err();
            assert!(why.contains("use client_id"), "{why}");
            assert!(!why.contains("hidden"), "{why}");
        }
    }

    #[test]
    fn a_value_of_another_kind_and_a_text_of_another_format_are_told() {
        for (format, text) in ALL {
            let why = parse(format, &text.replace('7', "\"many\"")).unwrap_err();
            assert!(why.contains("line"), "{why}");
            assert!(parse(format, "client_id").is_err());
            assert!(parse(format, "[]").is_err());
        }
        assert!(parse(Format::Yaml, "").unwrap_err().contains("no settings"));
    }

    #[test]
    fn the_name_tells_the_format() {
        for name in ["a.toml", "a.JSON", "a.yaml", "a.yml"] {
            assert!(Format::of(Path::new(name)).is_ok(), "{name}");
        }
        for name in ["a", "a.ini", ".toml"] {
            let why = Format::of(Path::new(name)).unwrap_err();
            assert!(why.contains(".yaml"), "{why}");
        }
    }
}
