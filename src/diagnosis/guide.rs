//! Where `TROUBLESHOOTING.md` explains a diagnosis. A test checks that the file agrees with the
//! table.

use super::Diagnosis;

/// The part of the guide about one kind of failure that has no number of Microsoft Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Configuration,
    Connection,
    Host,
    Imds,
    Resource,
}

impl Section {
    pub(super) const fn anchor(self) -> &'static str {
        match self {
            Self::Configuration => "wrong-setting",
            Self::Connection => "no-answer",
            Self::Host => "identity-endpoint-of-the-host",
            Self::Imds => "imds-refuses",
            Self::Resource => "resource-refuses-the-token",
        }
    }
}

impl Diagnosis {
    pub(super) fn in_guide(self, section: Section) -> Self {
        self.with_link(url(section.anchor()))
    }
}

/// The anchor of a number that is in the table.
pub(super) fn anchor_of(code: u32) -> String {
    format!("aadsts{code}")
}

pub(super) fn url(anchor: &str) -> String {
    let repository = env!("CARGO_PKG_REPOSITORY");
    format!("{repository}/blob/main/TROUBLESHOOTING.md#{anchor}")
}

#[cfg(test)]
mod tests;
