//! The order in which keys are dropped when there are too many.

use std::collections::BTreeMap;

/// Keys in the order in which they came. A key whose fetch is under way is not among them.
#[derive(Debug)]
pub(super) struct Order<K> {
    most: usize,
    keys: BTreeMap<Place, K>,
    last: Place,
}

/// Where a key stands in an order.
pub(super) type Place = u64;

impl<K> Order<K> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            keys: BTreeMap::new(),
            last: 0,
        }
    }

    /// Puts a key last.
    pub(super) fn add(&mut self, key: K) -> Place {
        self.last += 1;
        self.keys.insert(self.last, key);
        self.last
    }

    pub(super) fn remove(&mut self, place: Place) {
        self.keys.remove(&place);
    }

    /// Takes out the first key if there are more than allowed.
    pub(super) fn next_too_many(&mut self) -> Option<K> {
        if self.keys.len() <= self.most {
            return None;
        }
        self.keys.pop_first().map(|(_, key)| key)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_dropped_first_and_only_if_there_are_too_many() {
        let mut order = Order::new(2);
        let places = [1, 2, 3, 4].map(|key| order.add(key));
        order.remove(places[1]);
        assert_eq!(order.next_too_many(), Some(1));
        assert_eq!(order.next_too_many(), None);
        assert_eq!(order.len(), 2);
    }
}
