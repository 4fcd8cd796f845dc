//! The list of tenants.

use crate::guid::is_guid;
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// A hundred thousand tenants have less.
const LARGEST: u64 = 16 * 1024 * 1024;
/// More wrong lines than this are not told one by one.
const MOST_TOLD: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tenant {
    /// Where it is in the list.
    pub(crate) line: usize,
    pub(crate) id: String,
    pub(crate) subscription_id: Option<String>,
    pub(crate) name: Option<String>,
}

/// # Errors
///
/// When it cannot be read, has no tenant, or has wrong lines, which the message tells all.
pub(super) fn read(path: &Path) -> Result<Vec<Tenant>, String> {
    let mut text = String::new();
    let read = match path.to_str() {
        Some("-") => io::stdin().take(LARGEST + 1).read_to_string(&mut text),
        _ => File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text)),
    };
    let tenants = match read {
        Err(why) => Err(why.to_string()),
        Ok(_) if text.len() as u64 > LARGEST => Err("it has more than 16 MiB".to_owned()),
        Ok(_) => parse(&text),
    };
    tenants.map_err(|why| format!("{}: {why}", path.display()))
}

fn parse(text: &str) -> Result<Vec<Tenant>, String> {
    let mut tenants: Vec<Tenant> = Vec::new();
    let mut wrong = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match parse_line(at + 1, line) {
            Ok(None) => {}
            Ok(Some(tenant)) => tenants.push(tenant),
            Err(why) => wrong.push(format!("line {}: {why}", at + 1)),
        }
    }
    if !wrong.is_empty() {
        let more = wrong.len().saturating_sub(MOST_TOLD);
        wrong.truncate(MOST_TOLD);
        let more = if more > 0 {
            format!("\nand {more} more")
        } else {
            String::new()
        };
        return Err(format!("{}{more}", wrong.join("\n")));
    }
    match tenants.is_empty() {
        true => {
            Err("it has no tenant: give one a line, such as TENANT, SUBSCRIPTION, NAME".to_owned())
        }
        false => Ok(tenants),
    }
}

fn parse_line(number: usize, line: &str) -> Result<Option<Tenant>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let mut fields = line
        .splitn(3, ',')
        .map(|field| field.trim().trim_matches('"'));
    let id = fields.next().unwrap_or_default();
    let subscription = fields.next().filter(|field| !field.is_empty());
    let name = fields.next().filter(|field| !field.is_empty());
    let is_domain = id.contains('.')
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    if !is_guid(id) && !is_domain {
        return Err(format!(
            "{id:?} is no tenant: give its id or one of its domain names"
        ));
    }
    if let Some(wrong) = subscription.filter(|it| !is_guid(it)) {
        return Err(format!(
            "{wrong:?} is no id of a subscription: give a GUID, or nothing"
        ));
    }
    Ok(Some(Tenant {
        line: number,
        id: id.to_lowercase(),
        subscription_id: subscription.map(str::to_owned),
        name: name.map(str::to_owned),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "11736a4e-0000-4000-8000-000000000002";

    #[test]
    fn a_line_has_a_tenant_and_may_have_more() {
        let text = format!(
            "\u{feff}# tenants\n\n{ID},{ID}, \"Litware, Inc.\"\r\n{ID}\nFabrikam.example,,F\n"
        );
        let tenants = parse(&text).unwrap();
        assert_eq!(tenants.len(), 3);
        assert_eq!(tenants[0].subscription_id.as_deref(), Some(ID));
        assert_eq!(tenants[0].name.as_deref(), Some("Litware, Inc."));
        assert_eq!(tenants[1].subscription_id, None);
        assert_eq!(
            (tenants[2].id.as_str(), tenants[2].line),
            ("fabrikam.example", 5)
        );
    }

    #[test]
    fn all_wrong_lines_are_told_at_once() {
        let why = parse(&format!("x\n{ID}\n{ID}, y\ncommon\n")).unwrap_err();
        for told in ["line 1: \"x\"", "line 3: \"y\"", "line 4: \"common\""] {
            assert!(why.contains(told), "{why}");
        }
        let why = parse(&"x\n".repeat(12)).unwrap_err();
        assert!(why.ends_with("and 2 more"), "{why}");
        assert!(parse("# nobody\n").unwrap_err().contains("no tenant"));
    }
}
