//! The process's environment, read in one place so that tests can give another.

#[cfg(any(test, cross_tenant_identity_fuzzing))]
use std::collections::HashMap;

/// Where variables are looked up.
#[derive(Clone, Debug, Default)]
pub(crate) enum Environment {
    #[default]
    Process,
    #[cfg(any(test, cross_tenant_identity_fuzzing))]
    Fixed(HashMap<&'static str, &'static str>),
}

impl Environment {
    /// A variable's value. An empty one counts as unset, as it does for every peer.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        match self {
            Self::Process => std::env::var(name).ok(),
            #[cfg(any(test, cross_tenant_identity_fuzzing))]
            Self::Fixed(values) => values.get(name).map(ToString::to_string),
        }
        .filter(|value| !value.is_empty())
    }
}

#[cfg(any(test, cross_tenant_identity_fuzzing))]
impl<const N: usize> From<[(&'static str, &'static str); N]> for Environment {
    fn from(values: [(&'static str, &'static str); N]) -> Self {
        Self::Fixed(HashMap::from(values))
    }
}
