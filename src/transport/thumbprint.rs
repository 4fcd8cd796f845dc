//! The SHA-1 thumbprint of a certificate.

/// Identifies the only certificate that is accepted. Service Fabric uses SHA-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thumbprint([u8; 20]);

impl Thumbprint {
    /// 40 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 40 {
            return None;
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
            *byte = u8::try_from(high? * 16 + low?).ok()?;
        }
        Some(Self(bytes))
    }

    #[cfg(feature = "rustls")]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_forty_hexadecimal_digits_in_either_case() {
        let lower = "a9993e364706816aba3e25717850c26c9cd0d89d";
        let parsed = Thumbprint::parse(lower).unwrap();
        assert_eq!(Thumbprint::parse(&lower.to_uppercase()), Some(parsed));
        for bad in [
            "",
            "a9993e",
            &lower[1..],
            &format!("{lower}0"),
            &lower.replace('a', "g"),
            &lower.replace("a9", "+9"),
            "a9:99:3e:36:47:06:81:6a:ba:3e:25:71:78:50",
            "äääääääääääääääääääö",
        ] {
            assert_eq!(Thumbprint::parse(bad), None, "{bad}");
        }
    }
}
