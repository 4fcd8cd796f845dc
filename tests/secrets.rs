//! No token, assertion or identity header in any log or Debug output.

mod support;

use azure_core::credentials::TokenCredential;
use azure_identity::ClientAssertion;
use cross_tenant_identity::ManagedIdentityAssertion;
use cross_tenant_identity_emulator::{Endpoint, Fault, Times};
use std::{
    io,
    sync::{Arc, Mutex},
};
use support::{ARM, STORAGE, World, at_once, refused};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

#[tokio::test]
async fn a_log_at_trace_tells_the_legs_and_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let world = World::new();
    let mut options = world.options();
    options.retry = Some(at_once(1));
    let credential = world.credential_with(options);
    world
        .azure
        .set_fault(Endpoint::Token, Fault::ResetInBody, Times::Count(1));
    let token = credential.get_token(&[ARM], None).await.unwrap();
    let assertion = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    let jwt = assertion.secret(None).await.unwrap();
    let echo = Fault::json(
        400,
        &format!(r#"{{"error":"invalid_request","error_description":"{jwt}"}}"#),
    );
    world
        .azure
        .set_fault(Endpoint::Token, echo, Times::UntilLifted);
    let error = refused(&credential, STORAGE).await;

    let text = log.text();
    for told in [
        "new client assertion",
        "new access token",
        "token endpoint answered",
        "duration_ms",
    ] {
        assert!(text.contains(told), "{told} is missing in:\n{text}");
    }
    let options = world.options();
    let everything = format!(
        "{text}{credential:?}{assertion:?}{options:?}{error}{error:?}{:?}{:?}",
        azure_core::Error::from(error.clone()),
        world.azure.requests(),
    );
    for secret in [token.token.secret(), &jwt] {
        for part in secret.split('.') {
            assert!(!everything.contains(part), "a secret is shown");
        }
    }
}
