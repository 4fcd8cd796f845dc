//! Values in the code or the environment that cannot be right.

use super::{Actor, Diagnosis, copied, shown};

/// A message of the form "what is wrong: what to give instead".
pub(crate) fn bad_value(message: &str) -> Diagnosis {
    let (happened, to_do) = split(message).unwrap_or((
        message,
        "Correct that value in the code or in the environment.",
    ));
    Diagnosis::new(Actor::Developer, sentence(happened), sentence(to_do))
}

/// Several values of one source that make no sense. Each message has the form that [`bad_value`] takes.
pub(crate) fn bad_values(messages: &[String]) -> Diagnosis {
    let halves = messages.iter().map(|message| {
        let whole = (message.as_str(), "correct that value");
        split(message).unwrap_or(whole)
    });
    let (happened, to_do): (Vec<_>, Vec<_>) = halves
        .zip(1..)
        .map(|((happened, to_do), at)| (format!("({at}) {happened}"), format!("({at}) {to_do}")))
        .unzip();
    let count = messages.len();
    Diagnosis::new(
        Actor::Developer,
        format!("{count} settings are wrong: {}.", happened.join("; ")),
        format!("{}.", to_do.join("; ")),
    )
}

/// A scope that client credentials cannot ask for, with the one that was probably meant (Microsoft
/// Learn, "Scopes and permissions in the Microsoft identity platform", "Client credentials grant
/// flow and .default").
pub(crate) fn of_scope(scope: &str) -> Diagnosis {
    let happened = format!(
        "The scope {} does not have the form {{resource}}/.default, the only one that a service without a user can ask for.",
        shown(scope)
    );
    let to_do = match meant(scope).as_deref().and_then(copied) {
        Some(meant) => format!("Set the scope to {meant}."),
        None => "Set the scope to the resource's application ID URI followed by /.default, such as \"https://storage.azure.com/.default\".".to_owned(),
    };
    Diagnosis::new(Actor::Developer, happened, to_do)
        .with_link("https://learn.microsoft.com/entra/identity-platform/scopes-oidc#client-credentials-grant-flow-and-default")
}

/// The scope with `/.default` in the place of a permission, a slash or nothing at its end.
fn meant(scope: &str) -> Option<String> {
    let scope = scope.trim().trim_end_matches('/');
    let scope = scope.strip_suffix("/.default").unwrap_or(scope);
    let (scheme, rest) = scope.split_once("://")?;
    let host = rest.split('/').next()?;
    let is_host = match scheme {
        "https" => host.contains('.'),
        "api" => true,
        _ => false,
    };
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/@".contains(&b);
    if !is_host || host.is_empty() || !rest.bytes().all(is_plain) {
        return None;
    }
    let resource = match rest.rsplit_once('/') {
        Some((resource, last)) if is_permission(host, last) => resource,
        _ => rest.trim_end_matches('/'),
    };
    Some(format!("{scheme}://{resource}/.default"))
}

/// Whether the last segment of a scope is what a user consents to, and no part of the resource's
/// name. Microsoft's own resources have no path in their names.
fn is_permission(host: &str, last: &str) -> bool {
    const MICROSOFT: [&str; 5] = [
        ".azure.com",
        ".azure.net",
        ".azure.cn",
        ".windows.net",
        ".microsoft.com",
    ];
    last.is_empty()
        || matches!(last, "user_impersonation" | "access_as_user")
        || MICROSOFT.iter().any(|domain| host.ends_with(domain))
}

/// The two halves of a message, at the first ": " behind more than one word, or else at the first
/// "; ". What stands inside a value does not count.
fn split(message: &str) -> Option<(&str, &str)> {
    split_at(message, ':').or_else(|| split_at(message, ';'))
}

fn split_at(message: &str, sign: char) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, c) in message.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            c if c == sign && !is_quoted => {
                let (before, after) = (&message[..at], &message[at + 1..]);
                if before.contains(' ') && after.starts_with(' ') {
                    return Some((before, &after[1..]));
                }
            }
            _ => {}
        }
    }
    None
}

/// With a capital letter, unless it begins with the name of an option or a variable, and a full
/// stop.
pub(super) fn sentence(text: &str) -> String {
    let first_word = text.split(' ').next().unwrap_or_default();
    let is_name = first_word.contains(['_', '.', '"', ':']);
    let mut chars = text.chars();
    let mut sentence = match chars.next() {
        Some(first) if !is_name => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    };
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_that_is_refused_comes_with_the_one_that_was_meant() {
        for (scope, right) in [
            (
                "https://management.azure.com/",
                "https://management.azure.com/.default",
            ),
            (
                "https://management.azure.com",
                "https://management.azure.com/.default",
            ),
            (
                "https://management.azure.com/.default/",
                "https://management.azure.com/.default",
            ),
            (
                "https://storage.azure.com/user_impersonation",
                "https://storage.azure.com/.default",
            ),
            (
                "https://graph.microsoft.com/User.Read",
                "https://graph.microsoft.com/.default",
            ),
            (
                "api://33333333-3333-4333-8333-333333333333",
                "api://33333333-3333-4333-8333-333333333333/.default",
            ),
            ("api://name/access_as_user", "api://name/.default"),
            (
                "https://litware.onmicrosoft.com/orders",
                "https://litware.onmicrosoft.com/orders/.default",
            ),
            (
                " https://vault.azure.net ",
                "https://vault.azure.net/.default",
            ),
        ] {
            let to_do = of_scope(scope).what_to_do().to_owned();
            assert_eq!(to_do, format!("Set the scope to {right:?}."), "{scope}");
        }
        for odd in [
            "",
            "openid",
            "/.default",
            "https://",
            "https:///x",
            "a b",
            "https://x\u{1b}[31m.example/",
        ] {
            let told = of_scope(odd);
            assert!(told.what_to_do().contains("application ID URI"), "{told}");
            assert!(!told.to_string().contains('\u{1b}'));
        }
    }

    #[test]
    fn a_message_is_split_where_it_says_what_to_give() {
        let told = bad_value("tenant_id is \"a: b\", which names no tenant: give the tenant's id");
        assert_eq!(
            told.what_happened(),
            "tenant_id is \"a: b\", which names no tenant."
        );
        assert_eq!(told.what_to_do(), "Give the tenant's id.");
        assert_eq!(told.who(), Actor::Developer);
        let option =
            bad_value("user_assigned_id: the id \"x\" is not a GUID; `az identity show` prints it");
        assert_eq!(option.what_to_do(), "`az identity show` prints it.");
        let plain = bad_value("the value is odd");
        assert_eq!(plain.what_happened(), "The value is odd.");
        assert!(plain.what_to_do().starts_with("Correct"));
    }
}
