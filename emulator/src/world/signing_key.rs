//! The key that signs every token of the emulator.

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

/// An RSA key of 2,048 bits for RS256 (RFC 7518 section 3.3), as Entra uses it.
pub(crate) struct SigningKey {
    kid: String,
    modulus: String,
    exponent: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl SigningKey {
    /// The key of this process. All emulators share it, because it takes long to generate.
    pub(crate) fn of_process() -> io::Result<&'static SigningKey> {
        static KEY: OnceLock<Result<SigningKey, String>> = OnceLock::new();
        KEY.get_or_init(SigningKey::generate)
            .as_ref()
            .map_err(|message| io::Error::other(message.as_str()))
    }

    fn generate() -> Result<SigningKey, String> {
        let pair = KeyPair::generate(KeySize::Rsa2048)
            .map_err(|error| format!("cannot generate an RSA key: {error}"))?;
        let pkcs8 = pair
            .as_der()
            .map_err(|error| format!("cannot encode the RSA key: {error}"))?;
        let encoding = EncodingKey::from_rsa_der(pkcs1(pkcs8.as_ref())?);
        let jwk = Jwk::from_encoding_key(&encoding, Algorithm::RS256)
            .map_err(|error| format!("cannot read the public key: {error}"))?;
        let AlgorithmParameters::RSA(public) = &jwk.algorithm else {
            return Err("the public key is not an RSA key".to_owned());
        };
        Ok(SigningKey {
            kid: jwk
                .thumbprint(ThumbprintHash::SHA256)
                .map_err(|error| format!("cannot compute the thumbprint of the key: {error}"))?,
            modulus: public.n.clone(),
            exponent: public.e.clone(),
            decoding: DecodingKey::from_rsa_components(&public.n, &public.e)
                .map_err(|error| format!("cannot use the public key: {error}"))?,
            encoding,
        })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// A signed JWT with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        // Signing does not fail with a key that was generated here. If it does, every check refuses
        // the empty token.
        jsonwebtoken::encode(&header, claims, &self.encoding).unwrap_or_default()
    }

    /// Whether this key signed `token`. Checks nothing else.
    pub(crate) fn has_signed(&self, token: &str) -> bool {
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
/// `aws-lc-rs` writes only the latter, `jsonwebtoken` reads only the former.
fn pkcs1(pkcs8: &[u8]) -> Result<&[u8], String> {
    // SEQUENCE, INTEGER 0, AlgorithmIdentifier {rsaEncryption, NULL}. Their length is fixed for a
    // key of 2,048 bits, because its lengths take two bytes.
    const BEFORE_OCTET_STRING: usize = 4 + 3 + 15;
    match pkcs8.get(BEFORE_OCTET_STRING..) {
        Some([0x04, 0x82, high, low, key @ ..])
            if key.len() == usize::from(u16::from_be_bytes([*high, *low])) =>
        {
            Ok(key)
        }
        _ => Err("the RSA key has an unknown PKCS #8 encoding".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_with_a_changed_signature_does_not_verify() {
        let key = SigningKey::of_process().expect("a key");
        let token = key.sign(&json!({"sub": "a subject"}));
        assert!(key.has_signed(&token));
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let first = if signature.starts_with('A') { "B" } else { "A" };
        assert!(!key.has_signed(&format!("{signed}.{first}{}", &signature[1..])));
    }
}
