//! The process's environment, read in one place so that tests can give another.

#[cfg(any(test, cross_tenant_identity_fuzzing))]
use std::collections::HashMap;
use std::path::PathBuf;

/// Where variables are looked up, and fixed places of the file system.
#[derive(Clone, Debug, Default)]
pub(crate) enum Environment {
    #[default]
    Process,
    #[cfg(any(test, cross_tenant_identity_fuzzing))]
    Fixed {
        values: HashMap<String, String>,
        /// What stands for the root directory. Without it no fixed place exists.
        root: Option<PathBuf>,
    },
}

impl Environment {
    /// A variable's value. An empty one counts as unset, as it does for every peer.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        match self {
            Self::Process => std::env::var(name).ok(),
            #[cfg(any(test, cross_tenant_identity_fuzzing))]
            Self::Fixed { values, .. } => values.get(name).cloned(),
        }
        .filter(|value| !value.is_empty())
    }

    /// All variables whose names begin with `prefix`, in whatever case, sorted. `None` stands for a
    /// value that is not Unicode. An empty value is there, too.
    pub(crate) fn vars(&self, prefix: &str) -> Vec<(String, Option<String>)> {
        let has_prefix = |name: &str| {
            let start = name.get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let mut found: Vec<_> = match self {
            Self::Process => std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()))
                })
                .filter(|(name, _)| has_prefix(name))
                .collect(),
            #[cfg(any(test, cross_tenant_identity_fuzzing))]
            Self::Fixed { values, .. } => values
                .iter()
                .filter(|(name, _)| has_prefix(name))
                .map(|(name, value)| (name.clone(), Some(value.clone())))
                .collect(),
        };
        found.sort();
        found
    }

    /// A place that an agent's installation fixes, such as `/opt/azcmagent/bin/himds`.
    pub(crate) fn place(&self, absolute: PathBuf) -> PathBuf {
        match self {
            Self::Process => absolute,
            #[cfg(any(test, cross_tenant_identity_fuzzing))]
            Self::Fixed { root, .. } => {
                let root = root.clone().unwrap_or_else(|| "/nowhere".into());
                root.join(absolute.strip_prefix("/").unwrap_or(&absolute))
            }
        }
    }
}

#[cfg(any(test, cross_tenant_identity_fuzzing))]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(values: [(&str, &str); N]) -> Self {
        let owned = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self::Fixed {
            values: HashMap::from(owned),
            root: None,
        }
    }
}
