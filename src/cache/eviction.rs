//! What goes when there is too much, in the order in which it came.

use std::collections::VecDeque;

/// Keys at rest, oldest first. One whose fetch is under way is not among them.
///
/// A key that goes otherwise leaves its place behind, which is taken out sometime: so nothing here is
/// ever searched for.
#[derive(Debug)]
pub(super) struct Order<K> {
    most: usize,
    places: VecDeque<(K, Place)>,
    /// Of the places, those whose keys have gone.
    left: usize,
    last: Place,
}

/// Where a key stands in an order.
pub(super) type Place = u64;

impl<K> Order<K> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            places: VecDeque::new(),
            left: 0,
            last: 0,
        }
    }

    /// Puts a key last.
    pub(super) fn add(&mut self, key: K) -> Place {
        self.last += 1;
        self.places.push_back((key, self.last));
        self.last
    }

    /// A key leaves its place. `stands` tells of the others whether they still stand in theirs.
    pub(super) fn leave(&mut self, stands: impl Fn(&K, Place) -> bool) {
        self.left += 1;
        if self.left > self.places.len() / 2 + 16 {
            self.places.retain(|(key, place)| stands(key, *place));
            self.left = 0;
        }
    }

    /// Whether there are more than allowed.
    pub(super) fn is_too_long(&self) -> bool {
        self.places.len().saturating_sub(self.left) > self.most
    }

    /// How many looks a search for one that can go takes at most: each key twice.
    pub(super) fn most_looks(&self) -> usize {
        self.places.len() * 2
    }

    /// Takes out the first key that still stands in its place.
    pub(super) fn next(&mut self, stands: impl Fn(&K, Place) -> bool) -> Option<K> {
        loop {
            let (key, place) = self.places.pop_front()?;
            if stands(&key, place) {
                return Some(key);
            }
            self.left = self.left.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first_and_places_that_were_left_cost_nothing() {
        let mut order = Order::new(2);
        for key in [1, 2, 3] {
            order.add(key);
        }
        assert!(order.is_too_long());
        order.leave(|_, _| true);
        assert!(!order.is_too_long());
        assert_eq!(order.next(|key, _| *key != 1), Some(2));
        assert_eq!(order.next(|_, _| true), Some(3));
        assert_eq!(order.next(|_, _| true), None);
    }

    #[test]
    fn it_does_not_grow_with_keys_that_come_and_go() {
        let mut order = Order::new(10);
        for key in 0..10_000 {
            order.add(key);
            order.leave(|other, _| *other > key);
        }
        assert!(order.places.len() < 40, "{}", order.places.len());
    }
}
