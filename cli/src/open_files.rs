//! How many files, and so connections, this process may have open at once (setrlimit(2), RLIMIT_NOFILE).

/// For the log, the configuration, and connections to Azure.
const RESERVED: usize = 64;

/// How many connections may be open, at most so many.
pub(crate) fn connections(most: usize) -> usize {
    match limit() {
        Some(limit) => most.min(limit.saturating_sub(RESERVED).max(limit / 2)),
        None => most,
    }
}

#[cfg(unix)]
fn limit() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile).current?;
    usize::try_from(limit).ok()
}

#[cfg(not(unix))]
fn limit() -> Option<usize> {
    None
}

/// Asks for as many as this process may have without being root, so that `connections` is not less than
/// `most`. It is passed on to processes that this one starts.
pub(crate) fn raise(most: usize) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limits = getrlimit(Resource::Nofile);
        let wanted = u64::try_from(most + RESERVED).unwrap_or(u64::MAX);
        let wanted = limits.maximum.map_or(wanted, |it| it.min(wanted));
        if limits.current.is_some_and(|it| it < wanted) {
            limits.current = Some(wanted);
            // Where it fails, there are fewer connections.
            let _ = setrlimit(Resource::Nofile, limits);
        }
    }
    #[cfg(not(unix))]
    let _ = most;
}
