//! Files with a secret or a key of `serve`: they are small, and not everybody can read them.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    path::Path,
};

/// Who may read a file beside its owner. Nobody else may change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// As PostgreSQL does it for a key: 0600, or 0640 where the file is root's, which is how Kubernetes and
    /// packages give a key to a service (PostgreSQL, "Secure TCP/IP Connections with SSL").
    ServiceAlone,
    /// A client reads its secret, too: the group may.
    Group,
    /// What is public anyway.
    Everybody,
}

/// # Errors
///
/// If it cannot be read, is larger, is no regular file (reading a pipe could take for ever), or more can
/// read or change it than `sharing` says. No content is in the message.
pub(crate) fn read(path: &Path, largest: usize, sharing: Sharing) -> Result<Vec<u8>, String> {
    let cannot = |why: io::Error| format!("cannot read it: {why}");
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err("it is no file, but a folder, a pipe or a device".to_owned());
    }
    let file = File::open(path).map_err(cannot)?;
    sharing.check(&file.metadata().map_err(cannot)?)?;
    let mut text = Vec::new();
    let limit = largest as u64 + 1;
    file.take(limit).read_to_end(&mut text).map_err(cannot)?;
    match text.len() > largest {
        true => Err(format!("it has more than {} KiB", largest / 1024)),
        false => Ok(text),
    }
}

impl Sharing {
    #[cfg(unix)]
    fn check(self, metadata: &Metadata) -> Result<(), String> {
        use std::os::unix::fs::MetadataExt;
        let (others, told) = match (self, metadata.uid()) {
            (Self::Everybody, _) => return Ok(()),
            (Self::Group, _) => (
                0o027,
                "so users other than the client and this service can read or change it: give it mode 0600, or 0640 with a group of these two; in Kubernetes defaultMode: 0440 and an fsGroup",
            ),
            (Self::ServiceAlone, owner) => (
                if owner == 0 { 0o037 } else { 0o077 },
                "so other users can read or change the key: give it mode 0600, or 0640 if it is root's and the service has its group",
            ),
        };
        let mode = metadata.mode() & 0o777;
        match mode & others {
            0 => Ok(()),
            _ => Err(format!("its mode is {mode:04o}, {told}")),
        }
    }

    #[cfg(not(unix))]
    fn check(self, _: &Metadata) -> Result<(), String> {
        Ok(())
    }
}

/// Whether users of the machine who are neither the owner nor of its group can read it.
#[cfg(unix)]
pub(crate) fn everybody_reads(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|it| it.mode() & 0o004 != 0)
}

#[cfg(not(unix))]
pub(crate) fn everybody_reads(_: &Path) -> bool {
    false
}
