//! Other processes of the same user do not reach the memory of this program.

use crate::support::{command, ended};
use std::os::unix::process::CommandExt;

/// The kernel gives the files of a process in /proc, such as `mem`, to root when the process cannot be
/// dumped (proc(5)).
#[test]
fn exec_cannot_be_dumped_and_its_command_can() {
    const NOBODY: u32 = 65_534;
    let script =
        "stat -c %u /proc/$PPID/mem /proc/$$/mem; dd if=/proc/$PPID/mem of=/dev/null count=1";
    let mut exec = command(&[
        "exec",
        "--target-tenant-id",
        "11736a4e-0000-4000-8000-000000000002",
        "--client-id",
        "a9900000-0000-4000-8000-000000000003",
        "--host",
        "imds",
        "--",
        "/bin/sh",
        "-c",
        script,
    ]);
    exec.env("PATH", "/usr/bin:/bin");
    // Root may read all: somebody else is to try.
    let user = rustix::process::getuid().as_raw();
    let user = match user {
        0 => {
            exec.uid(NOBODY).gid(NOBODY);
            NOBODY
        }
        user => user,
    };
    let ended = ended(&mut exec).expect(1);
    assert_eq!(ended.stdout, format!("0\n{user}\n"));
    assert!(
        ended.stderr.contains("Permission denied"),
        "{}",
        ended.stderr
    );
}
