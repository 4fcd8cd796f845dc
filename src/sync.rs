//! What the crate's hand-written synchronisation is made of. `tests/interleavings` compiles the same
//! code with another version of this module, which tries many orders of the threads' steps.

pub(crate) use arc_swap::ArcSwap;
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64},
};
