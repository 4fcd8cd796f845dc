//! The fault matrix: what goes wrong on the way, on real sockets, times what a caller has in hand
//! when it does.
//!
//! For each cell: what the caller sees, how many requests go out, and how long it waits, with the tries
//! that a credential makes by default. Time is [`HeldClock`]'s: it stands still beside the sockets, so
//! no cell depends on how fast a machine is.

mod cells;
mod world;

use super::*;
use crate::time::tests::HeldClock;
use cells::{Cell, Fate};
use cross_tenant_identity_emulator::{Endpoint, Fault, Times};
use world::{Served, State, World};

/// The step in which time is let pass.
const TICK: Duration = Duration::from_secs(1);
/// The longest that one try may take.
const ONE_TRY: Duration = Duration::from_secs(10);
/// For the successor of a token that is due, and the longest pause between two tries, which a clock
/// that is held leaps over.
const PATIENCE: Duration = Duration::from_secs(3 + 10);

#[tokio::test]
async fn the_identity_leg() {
    over_all(Endpoint::Imds).await;
}

#[tokio::test]
async fn the_token_leg() {
    over_all(Endpoint::Token).await;
}

/// On both legs that have any: what is at hand is served, and nothing is sent in the clear.
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
        // It meets new connections only: the one from before ends with the next request.
        let once = Times::Count(1);
        world.azure.set_fault(Endpoint::Token, Fault::Reset, once);
        let sent = usize::from(state != State::Cold);
        for call in ["first", "next"] {
            let seen = world.call(Endpoint::Token, &cell).await;
            let (_, bound) = cell.tries_at(Endpoint::Token);
            assert!(seen.waited <= bound, "{name}, {call}: {:?}", seen.waited);
            match &seen.outcome {
                Ok(Served::AtHand) if state.has_token() => {}
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

/// An assertion that is out of its time by the one clock or the other is replaced once, at once.
#[tokio::test]
async fn a_clock_that_is_a_day_wrong() {
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
                Ok(Served::AtHand) if state.has_token() => {}
                Err(error) if !state.has_token() => is_told(&cell, Endpoint::Token, error),
                outcome => panic!("{name}: {outcome:?}"),
            }
            // An IMDS that hands out the refused bytes again leaves nothing to try.
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

/// The credential is asked once for each request of the SDK client's, whatever becomes of that,
/// and what it has in its cache stays there.
#[tokio::test]
async fn the_resource() {
    for cell in cells::all() {
        for state in State::ALL {
            let name = format!("resource, {}, {state:?}", cell.name);
            let world = World::in_state(state, Endpoint::ResourceManager, &cell).await;
            match cell.fate {
                // No bound of ours holds there: the resource is the SDK client's.
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
    // The last tick ends past the bound.
    let is_in_time = match bound {
        Duration::ZERO => seen.waited.is_zero(),
        bound => seen.waited < bound + TICK,
    };
    assert!(is_in_time, "{name}: waited {:?}", seen.waited);
    match (&seen.outcome, fate, state) {
        (Ok(Served::AtHand), _, State::Usable) => {}
        (Ok(Served::AtHand), Fate::Survives, _) => panic!("{name}: {seen:?}"),
        (Ok(Served::AtHand), _, State::Due) => {}
        (Ok(Served::Another), Fate::Survives, State::Cold | State::Due | State::Expired) => {}
        (Err(error), _, State::Cold | State::Expired) if fate != Fate::Survives => {
            is_told(cell, endpoint, error);
        }
        _ => panic!("{name}: {seen:?}"),
    }

    // Whoever comes next makes no further request: the successor is there, or the failure known.
    world.until_rest(endpoint, cell).await;
    let made = world.azure.requests_to(endpoint).len();
    assert!(requests.contains(&made), "{name}: {made} requests");
    let next = world.call(endpoint, cell).await;
    assert_eq!(next.waited, Duration::ZERO, "{name}");
    match (&next.outcome, fate) {
        (Ok(Served::Another), Fate::Survives) => {}
        (Ok(Served::AtHand), _) if fate != Fate::Survives && state.has_token() => {}
        (Err(_), _) if fate != Fate::Survives && !state.has_token() => {}
        _ => panic!("{name}: {next:?}"),
    }
    assert_eq!(next.requests, made, "{name}: {next:?}");
}

/// A reader knows what happened, and whose turn it is.
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
