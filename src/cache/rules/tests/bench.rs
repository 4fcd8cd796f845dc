//! One state, its time, and the events of a test.

use super::*;
use std::ops::Deref;

#[derive(Clone, Debug, Default)]
pub(super) struct Failed {
    pub(super) is_refusal: bool,
    pub(super) recalled: bool,
}

impl Failure for Failed {
    fn is_transient(&self) -> bool {
        !self.is_refusal
    }
    fn is_refusal(&self) -> bool {
        self.is_refusal
    }
    fn retry_after(&self) -> Option<Duration> {
        None
    }
    fn silence(&self) -> Option<Duration> {
        None
    }
    fn recalled(&self, _: Duration, _: Duration) -> Self {
        Self {
            recalled: true,
            ..self.clone()
        }
    }
}

/// A decision, and whether it is to begin a fetch.
pub(super) struct Seen {
    pub(super) decision: Decision<Failed>,
    pub(super) begins: bool,
}

impl Deref for Seen {
    type Target = Decision<Failed>;

    fn deref(&self) -> &Self::Target {
        &self.decision
    }
}

/// A key's state, and the time.
pub(super) struct Bench {
    pub(super) state: State<Failed>,
    pub(super) now: Moment,
    pub(super) epoch: u64,
    pub(super) last_id: u64,
    /// Of the next tokens, if it is not the number of the fetch.
    pub(super) secret: Option<u64>,
    pub(super) limits: Limits<Failed>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            state: State::new(0),
            now: Moment {
                wall: Duration::from_secs(1_800_000_000),
                monotonic: HOUR,
            },
            epoch: 0,
            last_id: 0,
            secret: None,
            limits: Limits {
                tokens: 1,
                at_once: 1,
                requests: 10,
                fetch: MINUTE,
                remembers: |_| true,
                fails_unchanged: false,
            },
        }
    }

    /// With the token "1" of an hour, which is so old.
    pub(super) fn with_token_of(age: Duration) -> Self {
        let mut bench = Self::new();
        bench.on(Event::Asked);
        bench.ends(Ok(HOUR));
        bench.pass(age);
        bench
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now.wall += time;
        self.now.monotonic += time;
    }

    pub(super) fn on(&mut self, event: Event<Failed>) -> Seen {
        let context = Context {
            now: self.now,
            epoch: self.epoch,
            next_id: self.last_id + 1,
            limits: &self.limits,
        };
        let before = self.state.fetch().map(|fetch| fetch.id);
        let decision = self.state.on(event, &context);
        let fetch = self.state.fetch().map(|fetch| fetch.id);
        self.last_id = self.last_id.max(fetch.unwrap_or_default());
        Seen {
            decision,
            begins: fetch.is_some() && fetch != before,
        }
    }

    /// A token whose secret is the number of the fetch and which lives so long.
    pub(super) fn token(&self, life: Duration) -> Arc<CachedToken> {
        let expires_on = OffsetDateTime::UNIX_EPOCH + self.now.wall + life;
        let fetched = Fetched {
            token: AccessToken::new(self.secret.unwrap_or(self.last_id).to_string(), expires_on),
            refresh_on: None,
        };
        CachedToken::new("key".into(), fetched, self.now, 0.0, self.epoch)
    }

    pub(super) fn ends(&mut self, result: Result<Duration, Failed>) -> Seen {
        self.on(Event::Admitted);
        self.ends_now(result)
    }

    /// The same for a fetch that has begun.
    pub(super) fn ends_now(&mut self, result: Result<Duration, Failed>) -> Seen {
        let result = result.map(|life| self.token(life));
        self.on(Event::Ended {
            id: self.state.fetch().unwrap().id,
            result,
            answered: 1,
            was_waited_for: true,
            jitter: 0.0,
        })
    }

    pub(super) fn admitted(&mut self) -> Admitted {
        self.on(Event::Admitted).decision.admits.unwrap()
    }

    pub(super) fn is_given_up(&mut self) -> Seen {
        self.on(Event::GivenUp {
            id: self.state.fetch().unwrap().id,
            answered: 0,
            queued: 0,
        })
    }

    pub(super) fn rejects(&mut self, is_waited_for: bool) -> Seen {
        let token = self.state.held().unwrap().token.clone();
        self.on(Event::Rejected {
            token,
            is_waited_for,
        })
    }
}

/// The answer in a word, so that a table is read at a glance.
pub(super) fn told(decision: &Decision<Failed>) -> String {
    match &decision.answer {
        None => "nothing".to_owned(),
        Some(Answer::Token(token)) => format!("token {}", token.token.secret()),
        Some(Answer::Error(error)) if error.recalled => "remembered".to_owned(),
        Some(Answer::Error(_)) => "error".to_owned(),
        Some(Answer::GaveUp(why)) => format!("{why:?}"),
        Some(Answer::Wait) => "wait".to_owned(),
        Some(Answer::WaitBriefly) => "wait a while".to_owned(),
    }
}
