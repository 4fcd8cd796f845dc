//! The command, found before anything starts.

use crate::outcome::Failure;
use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

/// A program that exists, and its arguments.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<OsString>,
}

impl Program {
    pub(super) fn find(command: &[OsString]) -> Result<Self, Failure> {
        let Some((name, arguments)) = command.split_first() else {
            return Err(Failure::usage("there is no command: give one after --"));
        };
        let path = match is_path(name) || cfg!(not(unix)) {
            // Windows has rules of its own, which apply when it is started.
            true => Some(PathBuf::from(name)).filter(|it| cfg!(not(unix)) || is_program(it)),
            false => in_path(name),
        };
        let path = path.ok_or_else(|| Failure::usage(missing(name)))?;
        let arguments = arguments.to_vec();
        Ok(Self { path, arguments })
    }
}

pub(super) fn cannot_run(path: &Path, why: &io::Error) -> Failure {
    Failure::usage(format!("cannot run {}: {why}", path.display()))
}

fn is_path(name: &OsStr) -> bool {
    Path::new(name).components().count() > 1 || Path::new(name).is_absolute()
}

fn in_path(name: &OsStr) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| it.is_file())
}

fn missing(name: &OsStr) -> String {
    let shown = name.display();
    match is_path(name) {
        false => format!("there is no command {shown} in the folders of PATH"),
        true if Path::new(name).is_file() => format!("{shown} cannot be run: it is not executable"),
        true => format!("there is no command {shown}"),
    }
}
