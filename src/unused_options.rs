//! Options that are given and have no effect. A warning names each, once per credential.

use azure_core::http::{ClientOptions, RetryOptions};
use std::{any::type_name, fmt::Debug};
use tracing::warn;

/// Warns of `client_options.retry` in options of the type `T`, which have a `retry` of their own.
pub(crate) fn warn_of_retry_in<T>(client_options: &ClientOptions) {
    if is_given::<RetryOptions>(&client_options.retry) {
        warn!(
            "{}: client_options.retry has no effect. Set the option retry beside client_options instead.",
            short_name::<T>()
        );
    }
}

/// Warns of the options of the managed identity, by their names, that a credential with an assertion of
/// another source was given.
pub(crate) fn warn_of_managed_identity<T>(given: &[&str]) {
    for option in given {
        warn!(
            "{}: managed_identity.{option} has no effect with with_assertion, because the given source brings the assertion. Leave the option out, or give it to the source.",
            short_name::<T>()
        );
    }
}

/// Whether it differs from its default. `azure_core`'s options cannot be compared, but `Debug` shows all
/// that they consist of. A default that was given cannot be told from none.
pub(crate) fn is_given<T: Debug + Default>(value: &T) -> bool {
    format!("{value:?}") != format!("{:?}", T::default())
}

fn short_name<T>() -> &'static str {
    let name = type_name::<T>();
    name.rsplit_once("::").map_or(name, |(_, short)| short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::{
        http::{ExponentialRetryOptions, FixedRetryOptions},
        time::Duration,
    };

    #[test]
    fn retry_options_that_differ_from_the_default_are_told() {
        let default = ExponentialRetryOptions::default();
        for given in [
            RetryOptions::none(),
            RetryOptions::fixed(FixedRetryOptions::default()),
            RetryOptions::exponential(ExponentialRetryOptions {
                max_retries: default.max_retries + 1,
                ..default.clone()
            }),
            RetryOptions::exponential(ExponentialRetryOptions {
                initial_delay: Duration::milliseconds(201),
                ..default.clone()
            }),
            RetryOptions::exponential(ExponentialRetryOptions {
                max_delay: Duration::seconds(31),
                ..default.clone()
            }),
            RetryOptions::exponential(ExponentialRetryOptions {
                max_total_elapsed: Duration::seconds(61),
                ..default.clone()
            }),
        ] {
            assert!(is_given(&given), "{given:?}");
        }
        for same in [
            RetryOptions::default(),
            RetryOptions::exponential(default),
            RetryOptions::default().clone(),
        ] {
            assert!(!is_given(&same), "{same:?}");
        }
        assert!(!is_given(&ClientOptions::default()));
    }
}
