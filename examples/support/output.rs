//! What an example prints: results to standard output, everything else to standard error. Colors only
//! on a terminal, and not if `NO_COLOR` is set.

use anstream::{stderr, stdout};
use clap::builder::styling::{AnsiColor, Style};
use comfy_table::{Cell, Table, presets};
use std::{
    error::Error,
    fmt::{self, Display},
    io::{ErrorKind, Write},
};

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default().bold();

/// The reader of standard output wants no more, for example `| head -1`. That is no failure.
#[derive(Debug)]
pub struct OutputClosed;

impl Display for OutputClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is closed")
    }
}

impl Error for OutputClosed {}

/// # Errors
///
/// When standard output takes no more.
pub fn line(text: impl Display) -> Result<(), Box<dyn Error>> {
    let mut stdout = stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    written.map_err(|why| match why.kind() {
        ErrorKind::BrokenPipe => OutputClosed.into(),
        _ => format!("cannot write to standard output: {why}").into(),
    })
}

/// A line in bold type.
///
/// # Errors
///
/// As [`line`].
pub fn heading(text: &str) -> Result<(), Box<dyn Error>> {
    line(format_args!("{BOLD}{text}{BOLD:#}"))
}

/// # Errors
///
/// As [`line`].
pub fn table<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> Result<(), Box<dyn Error>> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.map(Cell::new));
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for (row, text) in table.lines().enumerate() {
        match row {
            0 => heading(text.trim_end())?,
            _ => line(text.trim_end())?,
        }
    }
    Ok(())
}

/// Something to know, which is no result.
pub fn note(text: impl Display) {
    to_stderr(format_args!("{text}\n"));
}

pub fn error(text: impl Display) {
    to_stderr(format_args!("{RED}error:{RED:#} {text}\n"));
}

/// An error is ignored: there is no other place to report it.
fn to_stderr(text: fmt::Arguments<'_>) {
    let _ = stderr().lock().write_fmt(text);
}
