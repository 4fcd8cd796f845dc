//! A map for many readers and few writers: readers see a snapshot and take no lock.

use crate::sync::{ArcSwap, Mutex, MutexGuard};
use std::{
    cmp::Ordering,
    fmt,
    sync::{Arc, PoisonError},
};

/// An entry of a [`SnapshotMap`], which is found by its name.
pub(crate) trait Named {
    fn name(&self) -> &str;
}

/// Entries by name, sorted, in pages: a look-up compares names and hashes nothing, and a change
/// copies one page and the list of pages.
pub(crate) struct SnapshotMap<V> {
    pages: ArcSwap<Vec<Page<V>>>,
    /// Held only while the next snapshot is made from the current one.
    writing: Mutex<()>,
}

/// Never empty.
type Page<V> = Arc<[Arc<V>]>;

/// The most entries of a page. With it, a change among 100,000 entries copies some 1,700 pointers.
const PAGE: usize = 128;

impl<V> Default for SnapshotMap<V> {
    fn default() -> Self {
        Self {
            pages: ArcSwap::default(),
            writing: Mutex::default(),
        }
    }
}

impl<V: Named> SnapshotMap<V> {
    /// The result of `look` for the entry of this name.
    pub(crate) fn with<R>(&self, name: &str, look: impl FnOnce(&V) -> R) -> Option<R> {
        let pages = self.pages.load();
        let page = pages.get(page_of(&pages, name)?)?;
        let at = search(page, name).ok()?;
        Some(look(page.get(at)?))
    }

    /// Sets the entry of this name to the result of `make`, which gets the current entry. `None` changes
    /// nothing. No other change happens in between.
    pub(crate) fn update(&self, name: &str, make: impl FnOnce(Option<&V>) -> Option<Arc<V>>) {
        let writing = self.lock();
        let pages = self.pages.load_full();
        let Some(number) = page_of(&pages, name) else {
            let Some(new) = make(None) else { return };
            let mut next = Vec::clone(&pages);
            // It comes before all others.
            let first = next.first().filter(|page| page.len() < PAGE).cloned();
            match first {
                Some(page) => next[0] = inserted(&page, 0, new).into(),
                None => next.insert(0, [new].into()),
            }
            return self.store(next, writing);
        };
        let page = &pages[number];
        let at = search(page, name);
        let current = at.ok().map(|at| &*page[at]);
        let Some(new) = make(current) else { return };
        let mut next = Vec::clone(&pages);
        match at {
            Ok(at) => {
                let mut entries = page.to_vec();
                entries[at] = new;
                next[number] = entries.into();
            }
            Err(at) => {
                let mut entries = inserted(page, at, new);
                if entries.len() > PAGE {
                    next.insert(number + 1, entries.split_off(PAGE / 2).into());
                }
                next[number] = entries.into();
            }
        }
        self.store(next, writing);
    }

    /// Takes out the entry of this name, if `is_right` says so.
    pub(crate) fn remove_if(&self, name: &str, is_right: impl FnOnce(&V) -> bool) {
        let writing = self.lock();
        let pages = self.pages.load_full();
        let Some(number) = page_of(&pages, name) else {
            return;
        };
        let page = &pages[number];
        let Some(at) = search(page, name).ok().filter(|at| is_right(&page[*at])) else {
            return;
        };
        let mut next = Vec::clone(&pages);
        let mut entries = page.to_vec();
        entries.remove(at);
        // Two small pages become one, so that few entries have few pages.
        let behind = next.get(number + 1);
        if let Some(behind) = behind.filter(|behind| entries.len() + behind.len() <= PAGE / 2) {
            entries.extend_from_slice(behind);
            next.remove(number + 1);
        }
        match entries.is_empty() {
            true => drop(next.remove(number)),
            false => next[number] = entries.into(),
        }
        self.store(next, writing);
    }

    /// All entries, as they are now.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<Arc<V>> {
        let pages = self.pages.load();
        pages.iter().flat_map(|page| page.iter().cloned()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The old snapshot is dropped after the lock is released.
    fn store(&self, next: Vec<Page<V>>, writing: MutexGuard<'_, ()>) {
        let before = self.pages.swap(Arc::new(next));
        drop(writing);
        drop(before);
    }
}

impl<V> fmt::Debug for SnapshotMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: usize = self.pages.load().iter().map(|page| page.len()).sum();
        f.debug_struct("SnapshotMap")
            .field("entries", &entries)
            .finish_non_exhaustive()
    }
}

/// By length first: most names differ in length, and lengths are compared fastest.
fn order(one: &str, other: &str) -> Ordering {
    let by_length = one.len().cmp(&other.len());
    by_length.then_with(|| one.cmp(other))
}

fn search<V: Named>(page: &[Arc<V>], name: &str) -> Result<usize, usize> {
    page.binary_search_by(|entry| order(entry.name(), name))
}

/// The page that has, or would have, this name; `None` before the first.
fn page_of<V: Named>(pages: &[Page<V>], name: &str) -> Option<usize> {
    if let [_] = pages {
        return Some(0);
    }
    let begins_before = |page: &Page<V>| {
        page.first()
            .is_some_and(|first| order(first.name(), name).is_le())
    };
    pages.partition_point(begins_before).checked_sub(1)
}

fn inserted<V>(page: &[Arc<V>], at: usize, new: Arc<V>) -> Vec<Arc<V>> {
    let (before, behind) = page.split_at(at);
    [before, &[new], behind].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{collections::BTreeMap, thread};

    struct Entry(String, u32);

    impl Named for Entry {
        fn name(&self) -> &str {
            &self.0
        }
    }

    fn put(map: &SnapshotMap<Entry>, name: &str, value: u32) {
        map.update(name, |_| Some(Arc::new(Entry(name.to_owned(), value))));
    }

    proptest! {
        #[test]
        fn it_holds_what_a_plain_map_holds(
            changes in proptest::collection::vec((0..600u32, any::<bool>()), 0..2000)
        ) {
            let (map, mut plain) = (SnapshotMap::default(), BTreeMap::new());
            for (value, (number, is_put)) in changes.into_iter().enumerate() {
                let name = number.to_string();
                match is_put {
                    true => {
                        put(&map, &name, value as u32);
                        plain.insert(name, value as u32);
                    }
                    false => {
                        map.remove_if(&name, |entry| entry.1 % 3 != 0);
                        if plain.get(&name).is_some_and(|value| value % 3 != 0) {
                            plain.remove(&name);
                        }
                    }
                }
            }
            for number in 0..600u32 {
                let name = number.to_string();
                prop_assert_eq!(map.with(&name, |entry| entry.1), plain.get(&name).copied());
            }
            prop_assert_eq!(map.all().len(), plain.len());
            let pages = map.pages.load();
            prop_assert!(pages.iter().all(|page| (1..=PAGE).contains(&page.len())));
        }
    }

    fn page_lengths(map: &SnapshotMap<Entry>) -> Vec<usize> {
        map.pages.load().iter().map(|page| page.len()).collect()
    }

    #[test]
    fn a_full_page_is_split_in_half() {
        let map = SnapshotMap::default();
        for number in 0..PAGE {
            put(&map, &format!("{number:04}"), 0);
        }
        assert_eq!(page_lengths(&map), [PAGE]);
        put(&map, "9999", 0);
        assert_eq!(page_lengths(&map), [PAGE / 2, PAGE / 2 + 1]);
    }

    #[test]
    fn an_entry_before_all_others_goes_into_the_first_page_while_that_has_room() {
        let map = SnapshotMap::default();
        for number in 0..=PAGE {
            put(&map, &format!("{number:04}"), 0);
        }
        // The name is shorter, so it comes before the others.
        put(&map, "0", 0);
        assert_eq!(page_lengths(&map), [PAGE / 2 + 1, PAGE / 2 + 1]);
        for number in 0..PAGE / 2 - 1 {
            put(&map, &format!("{:03}", 999 - number), 0);
        }
        assert_eq!(page_lengths(&map), [PAGE, PAGE / 2 + 1]);
        map.update("", |_| Some(Arc::new(Entry(String::new(), 0))));
        assert_eq!(page_lengths(&map), [1, PAGE, PAGE / 2 + 1]);
    }

    #[test]
    fn small_neighbours_become_one_page_again() {
        let map = SnapshotMap::default();
        for number in 0..=PAGE {
            put(&map, &format!("{number:04}"), 0);
        }
        // Together they are small only when they have half a page.
        for number in 0..PAGE / 2 - 1 {
            map.remove_if(&format!("{number:04}"), |_| true);
        }
        assert_eq!(page_lengths(&map), [1, PAGE / 2 + 1]);
        map.remove_if(&format!("{PAGE:04}"), |_| true);
        map.remove_if(&format!("{:04}", PAGE - 1), |_| true);
        assert_eq!(page_lengths(&map), [1, PAGE / 2 - 1]);
        put(&map, "0000", 0);
        map.remove_if("0000", |_| true);
        assert_eq!(page_lengths(&map), [PAGE / 2]);
    }

    #[test]
    fn an_update_sees_what_is_there_and_may_leave_it() {
        let map = SnapshotMap::default();
        put(&map, "a", 1);
        map.update("a", |current| {
            assert_eq!(current.map(|entry| entry.1), Some(1));
            None
        });
        map.update("b", |current| {
            assert!(current.is_none());
            None
        });
        assert_eq!(map.with("a", |entry| entry.1), Some(1));
        assert_eq!(map.all().len(), 1);
    }

    #[test]
    fn readers_and_writers_on_many_threads_lose_nothing() {
        let map = SnapshotMap::default();
        put(&map, "always", 7);
        thread::scope(|scope| {
            for writer in 0..4 {
                let map = &map;
                scope.spawn(move || {
                    for number in 0..500 {
                        let name = format!("{writer} {number}");
                        put(map, &name, number);
                        assert_eq!(map.with("always", |entry| entry.1), Some(7));
                        if number % 2 == 0 {
                            map.remove_if(&name, |_| true);
                        }
                    }
                });
            }
        });
        assert_eq!(map.all().len(), 1 + 4 * 250);
    }
}
