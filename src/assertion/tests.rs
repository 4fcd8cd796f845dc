//! The sources of assertions, and which source learns that its assertion was refused.

use super::*;
use crate::{
    authority::AuthorityHost,
    environment::Environment,
    error::Error,
    time::tests::HeldClock,
    transport::scripted::{Scripted, Step},
};
use async_trait::async_trait;
use azure_core::{
    base64::encode_url_safe, credentials::AccessToken, http::ClientMethodOptions,
    time::OffsetDateTime,
};
use azure_identity::ClientAssertion;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A long-lived assertion that differs for each number.
fn jwt(number: usize) -> String {
    let claims = format!(r#"{{"exp":9999999999,"number":{number}}}"#);
    format!("e30.{}.c2ln", encode_url_safe(claims))
}

/// Returns another assertion each time.
#[derive(Debug, Default)]
struct Numbered(AtomicUsize);

#[async_trait]
impl ClientAssertion for Numbered {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(jwt(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

fn managed_identity(
    script: &Arc<Scripted>,
    audience: Option<&str>,
) -> Result<ManagedIdentityAssertion, Error> {
    let options = ManagedIdentityAssertionOptions {
        audience: audience.map(str::to_owned),
        client_options: script.client_options(),
        ..Default::default()
    };
    ManagedIdentityAssertion::for_authority(
        &AuthorityHost::choose(None, None).unwrap(),
        options,
        Environment::from([]),
        HeldClock::new(),
    )
}

/// An identity endpoint that returns another assertion each time. The crate finds a source by the
/// assertion that it returned, in the whole process. So tests that run at the same time need
/// different numbers.
fn imds(first: usize) -> Arc<Scripted> {
    Scripted::new((first..first + 4).map(|number| {
        let answer = serde_json::json!({ "access_token": jwt(number), "expires_on": "9999999999" });
        Step::answer(200, answer.to_string())
    }))
}

async fn secret_of(source: &AssertionSource) -> String {
    source.assertion().await.unwrap().token.secret().to_owned()
}

#[tokio::test]
async fn an_assertion_of_a_users_source_is_kept_until_it_is_refused_or_forgotten() {
    let numbered = Arc::new(Numbered::default());
    let source = AssertionSource::given(Arc::clone(&numbered) as _, HeldClock::new());
    let first = source.assertion().await.unwrap();
    assert_eq!(first.token.secret(), jwt(0));
    assert_eq!(secret_of(&source).await, jwt(0));
    // It is replaced for all callers, and only once even if several report the refusal.
    for _ in 0..3 {
        let second = source.replace(&first).await.unwrap();
        assert_eq!(second.token.secret(), jwt(1));
        assert_eq!(secret_of(&source).await, jwt(1));
    }
    source.forget();
    assert_eq!(secret_of(&source).await, jwt(2));
    assert_eq!(numbered.0.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_assertion_that_several_credentials_share_is_replaced_for_all_of_them() {
    let script = imds(100);
    let ours = managed_identity(&script, None).unwrap();
    let [one, other] =
        [(); 2].map(|()| AssertionSource::given(Arc::new(ours.clone()), HeldClock::new()));
    let refused = one.assertion().await.unwrap();
    assert_eq!(secret_of(&other).await, jwt(100));
    assert_eq!(script.count(), 1);
    for source in [&one, &other] {
        let replaced = source.replace(&refused).await.unwrap();
        assert_eq!(replaced.token.secret(), jwt(101));
    }
    assert_eq!(secret_of(&one).await, jwt(101));
    assert_eq!(secret_of(&other).await, jwt(101));
    assert_eq!(script.count(), 2);
}

/// A wrapper around one of our sources, for logs or metrics, need not know about refusals.
#[derive(Debug)]
struct Wrapped(ManagedIdentityAssertion);

#[async_trait]
impl ClientAssertion for Wrapped {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.0.secret(None).await
    }
}

#[tokio::test]
async fn an_assertion_that_a_users_source_wraps_is_replaced_and_forgotten_too() {
    let script = imds(200);
    let ours = managed_identity(&script, None).unwrap();
    let wrapped = AssertionSource::given(Arc::new(Wrapped(ours.clone())), HeldClock::new());
    let refused = wrapped.assertion().await.unwrap();
    let second = wrapped.replace(&refused).await.unwrap();
    assert_eq!(second.token.secret(), jwt(201));
    assert_eq!(ours.secret(None).await.unwrap(), jwt(201));
    wrapped.forget();
    assert_eq!(secret_of(&wrapped).await, jwt(202));
    assert_eq!(ours.secret(None).await.unwrap(), jwt(202));
    assert_eq!(script.count(), 3);
}

#[tokio::test]
async fn only_the_current_assertion_can_be_refused() {
    let numbered = Arc::new(Numbered::default());
    let source = AssertionSource::given(Arc::clone(&numbered) as _, HeldClock::new());
    for (refused, expected) in [(7, 0), (0, 1), (0, 1)] {
        let refused = AccessToken::new(jwt(refused), OffsetDateTime::UNIX_EPOCH);
        let token = source.replace(&refused).await.unwrap();
        assert_eq!(token.token.secret(), jwt(expected));
    }
    assert_eq!(numbered.0.load(Ordering::SeqCst), 2);
}

#[test]
fn an_audience_is_a_uri_and_a_scope_is_accepted_too() {
    let of = |given| managed_identity(&imds(0), Some(given)).map(|it| it.request().audience);
    assert_eq!(&*of("api://Own/.default").unwrap(), "api://Own");
    for bad in ["", "/.default", "api://a b", "api://\u{e4}", "api://a\n"] {
        let error = of(bad).unwrap_err();
        assert!(
            error.to_string().contains("managed_identity.audience"),
            "{bad:?}: {error}"
        );
    }
}
