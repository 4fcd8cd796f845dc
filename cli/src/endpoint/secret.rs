//! What a client proves with that it is the one.

use crate::{outcome::Failure, own_endpoint::SECRET_PREFIX};
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{Digest, SHA256, digest},
    rand,
};
use std::{fmt, io};

/// Only its hash is kept. Hashes are all of one length, so a comparison tells nothing of the secret's.
#[derive(Clone)]
pub(crate) struct Secret(Digest);

impl Secret {
    pub(crate) fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        Self(digest(&SHA256, bytes))
    }

    /// A new secret of 256 random bits, and its text, which tells that it is one of `exec`.
    pub(crate) fn generate() -> Result<(Self, String), Failure> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes)
            .map_err(|_| Failure::Io(io::Error::other("the system gave no random bytes")))?;
        let random: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("{SECRET_PREFIX}{random}");
        Ok((Self::of(&text), text))
    }

    /// In a time that does not depend on where they differ.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        self.is_same(&Self::of_bytes(given))
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_ref(), other.0.as_ref()).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_is_the_secret() {
        let secret = Secret::of("correct");
        assert!(secret.is(b"correct"));
        for other in ["", "correc", "correct ", "Correct"] {
            assert!(!secret.is(other.as_bytes()), "{other:?}");
        }
    }

    #[test]
    fn two_new_secrets_differ_and_are_not_shown() {
        let (one, text) = Secret::generate().unwrap();
        let (other, _) = Secret::generate().unwrap();
        assert!(one.is(text.as_bytes()) && !other.is(text.as_bytes()));
        assert_eq!(text.len(), SECRET_PREFIX.len() + 64);
        assert!(!format!("{one:?}").contains(&text));
    }
}
