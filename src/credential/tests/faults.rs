//! The fault matrix, with real sockets: each fault, combined with each token that a caller can have
//! when the fault begins.
//!
//! Each cell checks what the caller gets, how many requests are sent, and how long the caller
//! waits, with the default retry rules of a credential. The time comes from [`HeldClock`] and does
//! not depend on the sockets, so no cell depends on the speed of the machine.

mod cells;
mod world;

use super::*;
use crate::time::tests::HeldClock;
use cells::{Cell, Fate};
use cross_tenant_identity_emulator::{Endpoint, Fault, Times};
use world::{Served, State, World};

/// The step by which the time advances.
const TICK: Duration = Duration::from_secs(1);
/// The longest duration of one try.
const ONE_TRY: Duration = Duration::from_secs(10);
/// The longest wait for the successor of a due token, and the longest pause between two tries. A
/// held clock jumps over both.
const PATIENCE: Duration = Duration::from_secs(3 + 10);

#[tokio::test]
async fn the_identity_leg() {
    over_all(Endpoint::Imds).await;
}

#[tokio::test]
async fn the_token_leg() {
    over_all(Endpoint::Token).await;
}

/// On both legs that can use TLS: the current token is served, and nothing is sent without
/// encryption.
#[tokio::test]
async fn tls_that_is_refused() {
    let cell = Cell {
        name: "TLS refused",
        fault: Fault::Reset,
        fate: Fate::Transient,
        says: "no answer",
        status: None,
    };
    for state in State::ALL {
        let name = format!("{}, {state:?}", cell.name);
        let world = World::in_state(state, Endpoint::TlsHandshake, &cell).await;
        // The fault affects only new connections: the current one is closed after the next request.
        let once = Times::Count(1);
        world.azure.set_fault(Endpoint::Token, Fault::Reset, once);
        let sent = usize::from(state != State::Cold);
        for call in ["first", "next"] {
            let seen = world.call(Endpoint::Token, &cell).await;
            let (_, bound) = cell.tries_at(Endpoint::Token);
            assert!(seen.waited <= bound, "{name}, {call}: {:?}", seen.waited);
            match &seen.outcome {
                Ok(Served::Current) if state.has_token() => {}
                Err(error) if !state.has_token() => is_told(&cell, Endpoint::Token, error),
                outcome => panic!("{name}, {call}: {outcome:?}"),
            }
            world.until_rest(Endpoint::Token, &cell).await;
        }
        assert_eq!(world.ask_resource().await, None, "{name}");
        let mut reached = world.azure.requests();
        reached.retain(|request| request.endpoint != Endpoint::Imds);
        assert_eq!(reached.len(), sent, "{name}: {reached:?}");
    }
}

/// An assertion that is not valid by one of the two clocks is replaced once, immediately.
#[tokio::test]
async fn a_clock_that_is_wrong_by_a_day() {
    const DAY: i64 = 25 * 3600;
    for (endpoint, seconds) in [(Endpoint::Imds, -DAY), (Endpoint::Token, DAY)] {
        let cell = Cell {
            name: "a clock a day wrong",
            fault: Fault::WrongClock { seconds },
            fate: Fate::Refused,
            says: "AADSTS700024",
            status: Some(401),
        };
        for state in State::ALL {
            let name = format!("{endpoint:?}, {}, {state:?}", cell.name);
            let world = World::in_state(state, endpoint, &cell).await;
            let seen = world.call(endpoint, &cell).await;
            assert_eq!(seen.waited, Duration::ZERO, "{name}");
            match &seen.outcome {
                Ok(Served::Current) if state.has_token() => {}
                Err(error) if !state.has_token() => is_told(&cell, Endpoint::Token, error),
                outcome => panic!("{name}: {outcome:?}"),
            }
            // If IMDS returns the refused assertion again, there is no further try.
            let requests = match (endpoint, state) {
                (Endpoint::Token, State::Cold) => 1,
                _ => 2,
            };
            world.until_rest(Endpoint::Token, &cell).await;
            let next = world.call(endpoint, &cell).await;
            assert_eq!(next.outcome.is_ok(), state.has_token(), "{name}");
            let made = world.azure.requests_to(Endpoint::Token).len();
            assert_eq!(made, requests, "{name}");
        }
    }
}

/// The credential gets one call for each request of the SDK client, whatever the resource responds,
/// and its cached token stays.
#[tokio::test]
async fn the_resource() {
    for cell in cells::all() {
        for state in State::ALL {
            let name = format!("resource, {}, {state:?}", cell.name);
            let world = World::in_state(state, Endpoint::ResourceManager, &cell).await;
            match cell.fate {
                // This crate has no limit there: the SDK client makes the request to the resource.
                Fate::Hangs => world.ask_resource_in_vain().await,
                _ => assert_eq!(
                    world.ask_resource().await,
                    cell.status_at_resource(),
                    "{name}"
                ),
            }
            world.until_rest(Endpoint::Token, &cell).await;
            let renewed = world.call(Endpoint::Token, &cell).await;
            assert_eq!(
                (renewed.waited, renewed.requests),
                (Duration::ZERO, 1),
                "{name}"
            );
            assert!(renewed.outcome.is_ok(), "{name}: {renewed:?}");
        }
    }
}

async fn over_all(endpoint: Endpoint) {
    for cell in cells::all() {
        for state in State::ALL {
            look_at(endpoint, &cell, state).await;
        }
    }
}

async fn look_at(endpoint: Endpoint, cell: &Cell, state: State) {
    let name = format!("{endpoint:?}, {}, {state:?}", cell.name);
    let fate = cell.fate_at(endpoint);
    let (requests, bound) = cell.tries_at(endpoint);
    let world = World::in_state(state, endpoint, cell).await;
    let seen = world.call(endpoint, cell).await;

    let bound = match state {
        State::Usable => Duration::ZERO,
        State::Due => bound.min(PATIENCE),
        State::Cold | State::Expired => bound,
    };
    // The last step can end after the bound.
    let is_in_time = match bound {
        Duration::ZERO => seen.waited.is_zero(),
        bound => seen.waited < bound + TICK,
    };
    assert!(is_in_time, "{name}: waited {:?}", seen.waited);
    match (&seen.outcome, fate, state) {
        (Ok(Served::Current), _, State::Usable) => {}
        (Ok(Served::Current), Fate::Survives, _) => panic!("{name}: {seen:?}"),
        (Ok(Served::Current), _, State::Due) => {}
        (Ok(Served::Another), Fate::Survives, State::Cold | State::Due | State::Expired) => {}
        (Err(error), _, State::Cold | State::Expired) if fate != Fate::Survives => {
            is_told(cell, endpoint, error);
        }
        _ => panic!("{name}: {seen:?}"),
    }

    // A later caller makes no further request: the successor is cached, or the failure is.
    world.until_rest(endpoint, cell).await;
    let made = world.azure.requests_to(endpoint).len();
    assert!(requests.contains(&made), "{name}: {made} requests");
    let next = world.call(endpoint, cell).await;
    assert_eq!(next.waited, Duration::ZERO, "{name}");
    match (&next.outcome, fate) {
        (Ok(Served::Another), Fate::Survives) => {}
        (Ok(Served::Current), _) if fate != Fate::Survives && state.has_token() => {}
        (Err(_), _) if fate != Fate::Survives && !state.has_token() => {}
        _ => panic!("{name}: {next:?}"),
    }
    assert_eq!(next.requests, made, "{name}: {next:?}");
}

/// The error says what happened, and who has to act.
fn is_told(cell: &Cell, endpoint: Endpoint, error: &Error) {
    let (stage, leg) = match endpoint {
        Endpoint::Imds => (Stage::Assertion, "http://127.0.0.1"),
        _ => (Stage::TokenEndpoint, "the token endpoint of tenant"),
    };
    let told = error.to_string();
    assert_eq!(error.stage(), stage, "{}: {told}", cell.name);
    assert_eq!(
        error.status().map(u16::from),
        cell.status,
        "{}: {told}",
        cell.name
    );
    assert_eq!(
        error.is_transient(),
        cell.fate_at(endpoint).is_transient(),
        "{}: {told}",
        cell.name
    );
    assert!(
        told.contains(leg) && told.contains(cell.says),
        "{}: {told}",
        cell.name
    );
    assert!(!told.contains(char::is_control), "{}: {told:?}", cell.name);
    assert!(told.len() < 2_000, "{}: {} bytes", cell.name, told.len());
}
