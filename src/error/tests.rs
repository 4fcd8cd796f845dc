use super::*;
use crate::diagnosis::{ConnectionFailure, Peer};

#[test]
fn an_error_is_found_at_any_depth_and_keeps_the_kind_credential() {
    let ours: azure_core::Error = Error::configuration("no scope: give one").into();
    assert_eq!(*ours.kind(), ErrorKind::Credential);
    assert_eq!(ours.to_string(), Error::find(&ours).unwrap().to_string());
    let wrapped = ours.with_context("one").with_context("two");
    let found = Error::find(&wrapped).unwrap();
    assert_eq!(
        (found.stage(), found.to_string().as_str()),
        (
            Stage::Configuration,
            "No scope. Who has to act: the service's developer. Give one."
        )
    );
    assert!(Error::find(&std::io::Error::other("x")).is_none());
}

#[test]
fn a_printed_chain_of_sources_repeats_no_text() {
    let reset = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "it broke off");
    let failed = azure_core::Error::with_error(ErrorKind::Io, reset, "sending failed");
    let error = Error::unanswered(
        Stage::TokenEndpoint,
        "the token endpoint gave no answer".to_owned(),
        ConnectionFailure::of(&failed, Peer::TokenEndpoint("https://x.example")),
        failed,
    );
    let outer = azure_core::Error::from(error);
    let said: Vec<String> = chain(&outer).map(ToString::to_string).collect();
    assert!(said[0].contains("it broke off"), "{said:?}");
    assert_eq!(said.concat().matches("it broke off").count(), 1, "{said:?}");
    assert_eq!(
        said.concat().matches("gave no answer").count(),
        1,
        "{said:?}"
    );
}

#[test]
fn the_line_of_an_error_is_short_for_any_values() {
    let long = "word ".repeat(200);
    for error in [
        Error::configuration(format!("{long}: {long}")),
        Error::bad_scope(&long),
        Error::several_resources(&long, &long),
        Error::new(Stage::Assertion, long.clone()),
        Error::no_answer(
            Stage::Assertion,
            long.clone(),
            azure_core::Error::with_message(ErrorKind::Io, long.clone()),
        ),
    ] {
        let line = error.to_string();
        assert!(
            line.len() <= 460 && !line.contains('\n'),
            "{}: {line}",
            line.len()
        );
        assert!(error.diagnosis().is_some());
    }
}
