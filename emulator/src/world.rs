//! All that changes while the emulator runs, but for its log and its faults.

use std::collections::HashMap;
use std::time::Duration;

use crate::{directory::Directory, entra::LoopDetector, identity_tokens::IdentityTokens};

#[derive(Default)]
pub(crate) struct World {
    pub(crate) directory: Directory,
    pub(crate) settings: Settings,
    pub(crate) identity_tokens: IdentityTokens,
    pub(crate) loops: LoopDetector,
}

impl World {
    /// Starts over with another directory: what was handed out or counted before is forgotten.
    pub(crate) fn begin(&mut self, directory: Directory) {
        self.directory = directory;
        self.identity_tokens = HashMap::new();
        self.loops = LoopDetector::default();
    }
}

pub(crate) struct Settings {
    pub(crate) assertion_lifetime: Duration,
    pub(crate) access_token_lifetime: Duration,
    /// Given in answers for tokens that should be renewed long before they expire.
    pub(crate) refresh_in: Option<Duration>,
    pub(crate) clock_offset: i64,
    pub(crate) home_tokens_without_service_principal: bool,
    pub(crate) loop_detection: bool,
    pub(crate) page_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            // Microsoft Learn, "How managed identities for Azure resources work": 24 hours.
            assertion_lifetime: Duration::from_secs(24 * 60 * 60),
            // What Entra gives an app under Conditional Access' default policies.
            access_token_lifetime: Duration::from_secs(3599),
            refresh_in: None,
            clock_offset: 0,
            home_tokens_without_service_principal: false,
            loop_detection: true,
            page_size: 1000,
        }
    }
}
