//! Keeps tokens out of core dumps, and out of reach of other processes of the same user.

/// On Linux no core dump of this process is written, and no other process of the same user reads its
/// memory or traces it (prctl(2), PR_SET_DUMPABLE; ptrace(2)). A command that it starts is not affected.
///
/// A limit of 0 bytes for core dumps (RLIMIT_CORE) would do less, and would be passed on to the command.
pub(crate) fn forbid() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // It fails on no kernel that Rust runs on, and is a second line of defence only.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
