//! Keeps tokens out of core dumps.

/// No core dump of this process is written, and no other process of the same user reads its memory. A
/// command that it starts is not affected (prctl(2), PR_SET_DUMPABLE).
pub(crate) fn forbid() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // It fails on no kernel that Rust runs on, and is a second line of defence only.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
