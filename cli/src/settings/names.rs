//! Keys that a file has and nobody knows.

/// Says of each unknown key which one is probably meant.
pub(super) fn unknown(keys: &[String], known: &[String]) -> String {
    let told = keys.iter().map(|key| match nearest(key, known) {
        Some(meant) => format!("the key {key:?} is unknown: use {meant} if that is meant"),
        None => format!("the key {key:?} is unknown: leave it out"),
    });
    let told: Vec<_> = told.collect();
    let mut text = told.join("; ");
    if keys.iter().any(|key| nearest(key, known).is_none()) {
        text.push_str(&format!("; the keys are {}", known.join(", ")));
    }
    text
}

fn nearest<'a>(unknown: &str, known: &'a [String]) -> Option<&'a str> {
    let unknown = in_words(unknown);
    // A word that is missing or too many: tenant_id, managed_identity_client_id.
    let is_part = |part: &str, whole: &str| format!("_{whole}_").contains(&format!("_{part}_"));
    let parts = known
        .iter()
        .filter(|name| is_part(&unknown, name) || is_part(name, &unknown));
    if let Some(longest) = parts.max_by_key(|name| name.len()) {
        return Some(longest);
    }
    // Words that are written together: targetTenantId.
    let together = |name: &str| name.replace('_', "");
    let (distance, name) = known
        .iter()
        .map(|name| {
            let distance = strsim::damerau_levenshtein(&together(&unknown), &together(name));
            (distance, name)
        })
        .min()?;
    (distance <= name.len() / 3).then_some(name)
}

/// In lower case with underscores: targetTenantId and target-tenant-id are target_tenant_id.
fn in_words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && words.ends_with(char::is_lowercase) {
            words.push('_');
        }
        match c {
            '-' | ' ' | '.' => words.push('_'),
            _ => words.extend(c.to_lowercase()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_is_meant_is_found() {
        let known = [
            "target_tenant_id",
            "client_id",
            "identity_client_id",
            "host",
        ];
        let known = known.map(str::to_owned);
        for (unknown, meant) in [
            ("target_tennant_id", Some("target_tenant_id")),
            ("target-tenant-id", Some("target_tenant_id")),
            ("targetTenantId", Some("target_tenant_id")),
            ("tenantId", Some("target_tenant_id")),
            ("tenant_id", Some("target_tenant_id")),
            ("managed_identity_client_id", Some("identity_client_id")),
            ("hots", Some("host")),
            ("client_secret_value", None),
            ("", None),
        ] {
            assert_eq!(nearest(unknown, &known), meant, "{unknown}");
        }
    }
}
