//! Tables for people.

use comfy_table::{ContentArrangement, Table, presets};

/// A table with a line of headings and without borders.
pub(crate) fn of<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(headings);
    for row in rows {
        table.add_row(row.map(|cell| printable(&cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.to_string();
    let lines: Vec<_> = lines.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// What another party sent, without what a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| match is_safe(c) {
            true => vec![c],
            false => c.escape_unicode().collect(),
        })
        .collect()
}

/// Neither a control character nor one that changes the direction of the text.
fn is_safe(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_speak_to_the_terminal() {
        let table = of(["NAME"], [["a\u{1b}[31m\u{202e}b".to_owned()]]);
        assert_eq!(table, "NAME\na\\u{1b}[31m\\u{202e}b");
    }
}
