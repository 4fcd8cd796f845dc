//! The README shows what the program really prints.

use crate::support::run;

/// Times, durations and ids differ from run to run.
fn lasting(line: &str) -> bool {
    !["time ", "[failed]", "For support:"]
        .iter()
        .any(|start| line.trim_start().starts_with(start))
}

#[test]
fn the_recording_in_the_readme_is_what_doctor_prints() {
    let readme = include_str!("../../README.md");
    let (_, recording) = readme.split_once("$ cross-tenant-identity ").unwrap();
    let (recording, _) = recording.split_once("\n```").unwrap();
    let (arguments, shown) = recording.split_once('\n').unwrap();
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    let ended = run(&arguments).without_secrets().expect(1);
    let printed = format!("{}{}", ended.stderr, ended.stdout);
    let printed: Vec<_> = printed.lines().filter(|line| lasting(line)).collect();
    let shown: Vec<_> = shown.lines().filter(|line| lasting(line)).collect();
    assert_eq!(shown, printed);
}
