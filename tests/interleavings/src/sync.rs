//! Locks and atomics that let Shuttle choose which thread goes on. The library's `src/sync.rs` has the
//! standard library's and arc-swap's.

pub(crate) use shuttle::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64},
};
use std::sync::{Arc, PoisonError};

/// What arc-swap does, in steps between which other threads may run.
pub(crate) struct ArcSwap<T>(Mutex<Arc<T>>);

impl<T> ArcSwap<T> {
    pub(crate) fn load(&self) -> Arc<T> {
        self.load_full()
    }

    pub(crate) fn load_full(&self) -> Arc<T> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn swap(&self, new: Arc<T>) -> Arc<T> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, new)
    }
}

impl<T: Default> Default for ArcSwap<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
