//! Requests that this crate stopped, or did not send, because of its own rules.

use super::{Actor, Diagnosis, guide::Section};

/// Code that is not part of this crate panicked during the request.
pub(crate) fn panicked() -> Diagnosis {
    stopped(
        Actor::Developer,
        "The request for a token panicked, in a transport, a policy or a source of assertions that the application brought.",
        "Fix what the panic's own message names. The next call tries again.",
    )
}

/// The deadlines of all steps together have passed.
pub(crate) fn took_too_long() -> Diagnosis {
    stopped(
        Actor::Operator,
        "The request for a token did not end within its deadlines.",
        "Wait: the next call tries again. If it lasts, check the network to the identity endpoint and to Microsoft Entra, and that the runtime is not blocked.",
    )
}

/// Entra could treat one more request as a loop.
pub(crate) fn too_many_requests() -> Diagnosis {
    stopped(
        Actor::Developer,
        "This token was asked for too often, and Microsoft Entra blocks an app that asks for the same token again and again (AADSTS50196).",
        "Find out why the token is not used for its whole life. Calls of invalidate at each answer, and tokens that a service refuses, are the usual reasons; the next request goes out by itself.",
    )
    .with_link("https://login.microsoftonline.com/error?code=50196")
}

/// The current token is in its last minutes, and the caller accepts only a new token.
pub(crate) fn not_renewed() -> Diagnosis {
    stopped(
        Actor::Nobody,
        "The current token expires within minutes, and there is no new one yet. It is not returned, because unchanged_due_token is Fail.",
        "Ask again: the renewal is tried again by itself.",
    )
}

/// The queue of requests has not moved for minutes.
pub(crate) fn queue_stood_still(queued: usize) -> Diagnosis {
    stopped(
        Actor::Operator,
        format!(
            "No request for any token has succeeded for 5 minutes, and {queued} more are queued behind this one."
        ),
        "Check that the identity endpoint and Microsoft Entra can be reached. If they are only slow, raise max_concurrent_requests, or ask for fewer tokens at a time.",
    )
}

/// No thread could be started to request tokens.
pub(crate) fn no_thread(why: std::io::ErrorKind) -> Diagnosis {
    stopped(
        Actor::Operator,
        format!("The operating system gave no thread to request tokens on: {why}."),
        "Check the limits on threads, open files and memory of this process.",
    )
}

/// The task that requests tokens has ended.
pub(crate) fn ended() -> Diagnosis {
    stopped(
        Actor::Developer,
        "The task that requests tokens ended before there was an answer.",
        "Look for a panic in a transport, a policy or a source of assertions that the application brought, also one in a Drop. The next call starts the task again.",
    )
}

/// A source of assertions that the application supplied failed, or returned an unusable value.
pub(crate) fn bad_source(happened: &str) -> Diagnosis {
    stopped(
        Actor::Developer,
        super::configuration::sentence(happened),
        "Fix the source that was given to with_assertion. It has to return a JWT that the app trusts.",
    )
}

/// With its section of the troubleshooting guide.
fn stopped(who: Actor, happened: impl Into<String>, to_do: impl Into<String>) -> Diagnosis {
    Diagnosis::new(who, happened, to_do).in_guide(Section::Stopped)
}
