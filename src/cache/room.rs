//! What goes when there are too many keys.

use super::{Slot, read};
use crate::time::Moment;
use std::{collections::HashMap, hash::Hash, sync::Arc};

/// Expired keys go first, then the earliest to expire; never one in flight.
pub(super) fn make_room<K: Clone + Eq + Hash, E>(
    slots: &mut HashMap<K, Arc<Slot<E>>>,
    most: usize,
    now: Moment,
) {
    // Some more than is needed, so that a flood of keys does not sort at each.
    let room = (most / 20).max(1);
    let mut idle: Vec<_> = slots
        .iter()
        .filter_map(|(key, slot)| {
            let state = read(&slot.state);
            let remaining = state.held.as_ref().map(|held| held.life.until_expired(now));
            state
                .flight
                .is_none()
                .then(|| (remaining.unwrap_or_default(), key.clone()))
        })
        .collect();
    let excess = (slots.len() + room).saturating_sub(most).min(idle.len());
    idle.sort_unstable_by_key(|(remaining, _)| *remaining);
    let expired = idle
        .iter()
        .take_while(|(remaining, _)| remaining.is_zero())
        .count();
    for (_, key) in idle.drain(..excess.max(expired)) {
        slots.remove(&key);
    }
}
