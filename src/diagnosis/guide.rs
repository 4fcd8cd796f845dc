//! Where `TROUBLESHOOTING.md` explains a diagnosis. A test checks that the file agrees with the
//! table.

use super::Diagnosis;

const FILE: &str = "TROUBLESHOOTING.md";

/// The part of the guide about one kind of failure that has no number of Microsoft Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Configuration,
    Connection,
    Host,
    Imds,
    NoImds,
    Entra,
    Stopped,
    Resource,
}

impl Section {
    pub(super) const fn anchor(self) -> &'static str {
        match self {
            Self::Configuration => "wrong-setting",
            Self::Connection => "no-answer",
            Self::Host => "identity-endpoint-of-the-host",
            Self::Imds => "imds-refuses",
            Self::NoImds => "no-imds",
            Self::Entra => "other-refusal-of-entra",
            Self::Stopped => "request-stopped",
            Self::Resource => "resource-refuses-the-token",
        }
    }
}

impl Diagnosis {
    /// With a link to the section, if it has no link to the guide yet.
    pub(super) fn in_guide(self, section: Section) -> Self {
        let is_linked = self.links().any(|link| link.contains(FILE));
        match is_linked {
            true => self,
            false => self.with_link(url(section.anchor())),
        }
    }
}

/// The anchor of a number that is in the table.
pub(super) fn anchor_of(code: u32) -> String {
    format!("aadsts{code}")
}

pub(super) fn url(anchor: &str) -> String {
    let repository = env!("CARGO_PKG_REPOSITORY");
    format!("{repository}/blob/main/{FILE}#{anchor}")
}

#[cfg(test)]
mod tests;
