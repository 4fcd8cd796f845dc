//! The name that was probably meant.

/// The nearest of the known names, if one is near. Upper case.
pub(super) fn nearest<'a>(
    unknown: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    // A word that is missing or too many: TENANT_ID, MANAGED_IDENTITY_CLIENT_ID.
    let parts = known
        .clone()
        .filter(|name| is_part(unknown, name) || is_part(name, unknown));
    if let Some(longest) = parts.max_by_key(|name| name.len()) {
        return Some(longest);
    }
    let by_distance = known.map(|name| (distance(unknown, name), name));
    let (distance, name) = by_distance.min()?;
    (distance <= name.len().div_ceil(3)).then_some(name)
}

/// Whether the words of one name stand in the other, together.
fn is_part(part: &str, whole: &str) -> bool {
    format!("_{whole}_").contains(&format!("_{part}_"))
}

/// How many letters have to be inserted, dropped or changed (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_and_a_missing_word_find_the_name() {
        let known = [
            "TARGET_TENANT_ID",
            "CLIENT_ID",
            "IDENTITY_CLIENT_ID",
            "HOST",
        ];
        for (unknown, meant) in [
            ("TARGET_TENNANT_ID", Some("TARGET_TENANT_ID")),
            ("TENANT_ID", Some("TARGET_TENANT_ID")),
            ("CLIENTID", Some("CLIENT_ID")),
            ("MANAGED_IDENTITY_CLIENT_ID", Some("IDENTITY_CLIENT_ID")),
            ("HOSTS", Some("HOST")),
            ("PASSWORD", None),
            ("", None),
        ] {
            assert_eq!(nearest(unknown, known.into_iter()), meant, "{unknown}");
        }
    }

    #[test]
    fn a_distance_counts_letters() {
        for (from, to, expected) in [
            ("", "", 0),
            ("AB", "", 2),
            ("", "AB", 2),
            ("KITTEN", "SITTING", 3),
        ] {
            assert_eq!(distance(from, to), expected);
        }
    }
}
