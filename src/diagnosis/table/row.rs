//! What the table says of one number.

use super::super::remedy::Remedy;

/// Whether the token request can be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// No: nothing changes without somebody's action.
    Never,
    /// Yes, with another assertion, if the host has one.
    NewAssertionOnce,
    /// Not inside this call. A later call can succeed.
    Later,
}

/// What a number means.
#[derive(Debug)]
pub(in crate::diagnosis) struct Row {
    /// Several numbers only if they all mean the same.
    pub(in crate::diagnosis) codes: &'static [u32],
    pub(in crate::diagnosis) retry: Retry,
    pub(in crate::diagnosis) who: Who,
    pub(in crate::diagnosis) happened: &'static str,
    pub(in crate::diagnosis) to_do: &'static str,
    pub(in crate::diagnosis) remedy: Remedy,
    /// Other meanings; the first one that fits is used.
    pub(in crate::diagnosis) variants: &'static [(When, Row)],
}

/// Who has to act, before the tenant of the request is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diagnosis) enum Who {
    Home,
    /// The administrator of the tenant that refused.
    Asked,
    /// First the administrator of the home tenant, then the administrator of the tenant that
    /// refused.
    Both,
    Developer,
    Operator,
    Nobody,
}

/// A condition that changes the meaning of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diagnosis) enum When {
    /// The request was sent to the home tenant.
    AtHome,
    /// The assertion was issued for an audience that is not the token exchange of the cloud.
    OtherAudience,
    /// The host selected the managed identity, because the credential names none.
    HostsChoice,
    /// Entra's sentence shows its time, and the host's clock differs from it.
    ClocksDiffer,
    /// Entra's sentence shows its time, and the host's clock agrees with it.
    ClocksAgree,
    /// The assertion does not come from a managed identity.
    NoManagedIdentity,
}

impl Row {
    /// For a response without a number: the OAuth `error` (RFC 6749 §4.1.2.1), or a status with
    /// that meaning.
    pub(in crate::diagnosis) const UNAVAILABLE: Row = Row::new(
        &[],
        Retry::Later,
        Who::Nobody,
        "Microsoft Entra, or something on the way to it, is unavailable for the moment.",
        WAIT,
    );

    pub(super) const fn new(
        codes: &'static [u32],
        retry: Retry,
        who: Who,
        happened: &'static str,
        to_do: &'static str,
    ) -> Self {
        Self {
            codes,
            retry,
            who,
            happened,
            to_do,
            remedy: Remedy::None,
            variants: &[],
        }
    }

    pub(super) const fn with(mut self, remedy: Remedy) -> Self {
        self.remedy = remedy;
        self
    }

    pub(super) const fn unless(mut self, variants: &'static [(When, Row)]) -> Self {
        self.variants = variants;
        self
    }
}

/// What to do if the problem ends by itself.
pub(super) const WAIT: &str =
    "Wait: the next call tries again. It keeps to the answer's Retry-After.";
