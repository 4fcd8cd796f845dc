//! The key with which the emulator's Entra signs every token.

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    jwk::{AlgorithmParameters, Jwk, ThumbprintHash},
};
use serde_json::{Value, json};
use std::{io, sync::OnceLock};

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
};

/// An RSA key of 2,048 bits for RS256 (RFC 7518 section 3.3), as Entra uses.
pub(crate) struct SigningKey {
    kid: String,
    modulus: String,
    exponent: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl SigningKey {
    /// The process's key: making one costs a noticeable part of a test's time.
    pub(crate) fn of_process() -> io::Result<&'static SigningKey> {
        static KEY: OnceLock<Result<SigningKey, String>> = OnceLock::new();
        KEY.get_or_init(SigningKey::generate)
            .as_ref()
            .map_err(|message| io::Error::other(message.as_str()))
    }

    fn generate() -> Result<SigningKey, String> {
        let pair = KeyPair::generate(KeySize::Rsa2048)
            .map_err(|error| format!("no RSA key could be made: {error}"))?;
        let pkcs8 = pair
            .as_der()
            .map_err(|error| format!("the RSA key could not be encoded: {error}"))?;
        let encoding = EncodingKey::from_rsa_der(pkcs1(pkcs8.as_ref())?);
        let jwk = Jwk::from_encoding_key(&encoding, Algorithm::RS256)
            .map_err(|error| format!("the RSA key has no public part: {error}"))?;
        let AlgorithmParameters::RSA(public) = &jwk.algorithm else {
            return Err("the RSA key's public part is not one of RSA".to_owned());
        };
        Ok(SigningKey {
            kid: jwk
                .thumbprint(ThumbprintHash::SHA256)
                .map_err(|error| format!("the RSA key has no thumbprint: {error}"))?,
            modulus: public.n.clone(),
            exponent: public.e.clone(),
            decoding: DecodingKey::from_rsa_components(&public.n, &public.e)
                .map_err(|error| format!("the RSA key cannot verify: {error}"))?,
            encoding,
        })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The claims as a signed JWT.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        // The key was made here and signing needs nothing from outside, so it cannot fail; were
        // it to, an empty token is one that nobody accepts.
        jsonwebtoken::encode(&header, claims, &self.encoding).unwrap_or_default()
    }

    /// Whether the signature of `token` is this key's. Looks at nothing else in it.
    pub(crate) fn signed(&self, token: &str) -> bool {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Value>(token, &self.decoding, &validation).is_ok()
    }

    /// The public key as a JWK Set (RFC 7517 section 5).
    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": [{
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": self.modulus,
            "e": self.exponent,
        }]})
    }
}

/// The `RSAPrivateKey` (RFC 8017 appendix A.1.2) inside a PKCS #8 `PrivateKeyInfo` (RFC 5208):
/// the crate that makes keys writes only the latter, the one that signs reads only the former.
fn pkcs1(pkcs8: &[u8]) -> Result<&[u8], String> {
    // SEQUENCE, INTEGER 0, AlgorithmIdentifier {rsaEncryption, NULL}: of fixed length for a key
    // whose lengths take two bytes, which all of 2,048 bits do.
    const BEFORE_OCTET_STRING: usize = 4 + 3 + 15;
    match pkcs8.get(BEFORE_OCTET_STRING..) {
        Some([0x04, 0x82, high, low, key @ ..])
            if key.len() == usize::from(u16::from_be_bytes([*high, *low])) =>
        {
            Ok(key)
        }
        _ => Err("the RSA key's encoding is not the PKCS #8 that was expected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_verifies_until_one_letter_of_it_changes() {
        let key = SigningKey::of_process().expect("a key");
        let token = key.sign(&json!({"sub": "somebody"}));
        assert!(key.signed(&token));
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let first = if signature.starts_with('A') { "B" } else { "A" };
        assert!(!key.signed(&format!("{signed}.{first}{}", &signature[1..])));
    }
}
