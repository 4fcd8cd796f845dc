//! What all services of one emulated Azure share: the directory, the settings, the signing key,
//! the log and the faults.

pub(crate) mod app_roles;
pub(crate) mod bearer_token;
pub(crate) mod cloud;
pub(crate) mod directory;
pub(crate) mod endpoint;
pub(crate) mod faults;
pub(crate) mod log;
pub(crate) mod principals;
pub(crate) mod roles;
pub(crate) mod settings;
pub(crate) mod signing_key;
pub(crate) mod tokens;

use crate::clock;
use directory::Directory;
use settings::Settings;

/// What exists, and how the services behave.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) directory: Directory,
    pub(crate) settings: Settings,
}

impl World {
    /// The time on the clocks of Entra and of the resources.
    pub(crate) fn now(&self) -> i64 {
        clock::now() + self.settings.clock_offset - self.directory.host_clock_error
    }
}
