//! What must hold in every order of the threads' steps.

mod caches;
mod maps;
mod upstream;

/// Each check by its name.
pub(crate) const ALL: &[(&str, fn())] = &[
    ("map", maps::writers_lose_nothing_and_readers_see_what_stays),
    ("tenants", maps::a_tenant_is_there_once_for_all_who_hold_it),
    ("single-flight", caches::callers_share_one_fetch),
    ("cancelled", caches::cancelled_callers_leave_no_fetch_behind),
    ("owner-ends", caches::no_caller_hangs_when_the_owner_ends),
    (
        "clear",
        caches::no_call_after_clear_gets_a_token_from_before,
    ),
    ("reject", caches::who_rejects_a_token_does_not_get_it_again),
    ("drop", caches::nothing_is_left_when_the_cache_is_dropped),
    (
        "time",
        caches::nobody_waits_for_ever_or_gets_an_expired_token,
    ),
    ("crowded", caches::more_keys_than_places_are_all_served),
];
