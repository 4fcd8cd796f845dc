//! The shape of an id.

/// Whether it is a GUID with hyphens (RFC 9562, section 4).
pub(crate) fn is_guid(text: &str) -> bool {
    let groups = [8, 4, 4, 4, 12];
    let mut parts = text.split('-');
    groups.iter().all(|length| {
        parts.next().is_some_and(|part| {
            part.len() == *length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_a_guid() {
        assert!(is_guid("5b5c7170-0000-4000-8000-00000000000A"));
        for other in [
            "",
            "5b5c71700000400080000000000000a0",
            "5b5c7170-0000-4000-8000-00000000000",
            "5b5c7170-0000-4000-8000-00000000000g",
            "5b5c7170-0000-4000-8000-00000000000a-",
        ] {
            assert!(!is_guid(other), "{other}");
        }
    }
}
