//! Entra itself: load, and temporary problems.

use super::row::{Retry, Row, WAIT, Who};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        &[50196],
        Retry::Never,
        Who::Developer,
        "Entra detected a loop: the same request came more than 15 times in 5 minutes.",
        "Keep one credential for all clients. Make those of further tenants with for_tenant, so \
         that they share one cache, and look for processes that restart in a loop. Wait 5 minutes.",
    ),
    Row::new(
        &[100_007],
        Retry::Never,
        Who::Developer,
        "A regional endpoint of Entra was asked, which serves Microsoft's own clients only.",
        "Take the region out of the authority host. It is {authority} now.",
    ),
    Row::new(
        &[50033],
        Retry::Later,
        Who::Nobody,
        "Entra had a transient error.",
        WAIT,
    ),
    Row::new(
        &[90006],
        Retry::Later,
        Who::Nobody,
        "A service that Entra calls had a transient error.",
        WAIT,
    ),
    Row::new(
        &[90012],
        Retry::Later,
        Who::Nobody,
        "The request timed out inside Entra.",
        WAIT,
    ),
    Row::new(
        &[90024],
        Retry::Later,
        Who::Nobody,
        "Entra's budget for the request was used up, or the tenant is throttled.",
        WAIT,
    ),
    Row::new(
        &[90033, 90091],
        Retry::Later,
        Who::Nobody,
        "Entra's directory is unavailable for the moment.",
        WAIT,
    ),
    Row::new(
        &[90055],
        Retry::Later,
        Who::Nobody,
        "Tenant {tenant} sends Entra too many requests and is throttled.",
        WAIT,
    ),
    Row::new(
        &[90090],
        Retry::Later,
        Who::Nobody,
        "Entra's directory had an error that clears by itself.",
        WAIT,
    ),
];
