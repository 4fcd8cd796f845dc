//! Random numbers that spread load. They are not for secrets.

use std::hash::{BuildHasher, RandomState};

/// A number in [0, 1).
pub(crate) fn fraction() -> f64 {
    // Each RandomState has keys of its own, seeded by the operating system.
    let bits = RandomState::new().hash_one(0u8) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_differs_from_call_to_call_and_stays_below_one() {
        let some: Vec<_> = (0..100).map(|_| fraction()).collect();
        assert!(some.iter().all(|fraction| (0.0..1.0).contains(fraction)));
        assert!(some.windows(2).any(|two| two[0] != two[1]));
    }
}
