//! What the program writes down while it runs, on standard error.

use std::io::stderr;
use tracing::level_filters::LevelFilter;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Lines for a person. Most of the output belongs to somebody else.
    Warnings,
    /// An object a line, for programs.
    Structured,
}

pub(crate) fn start(level: Level) {
    let builder = tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(false)
        // It would print that to standard error, too, and a print that fails is a panic: nobody may read
        // there any more, or the disk may be full.
        .log_internal_errors(false);
    // It fails only if there is one already.
    let _ = match level {
        Level::Warnings => builder
            .with_max_level(LevelFilter::WARN)
            .with_target(false)
            .without_time()
            .try_init(),
        Level::Structured => builder
            .with_max_level(LevelFilter::INFO)
            .json()
            .flatten_event(true)
            .try_init(),
    };
}
