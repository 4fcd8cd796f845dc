//! The rules, as one pure function: from the state of a key and an event to the answer for its callers
//! and the things to do.

use super::{
    CachedToken, Failure, GaveUp, Report,
    event::{Admitted, Answer, Context, Decision, Event},
    life::Stage,
    outage::Outage,
    pace::{Need, Pace},
};
use crate::time::Moment;
use azure_core::credentials::AccessToken;
use std::{sync::Arc, time::Duration};

/// How long callers wait for a new token while the current one is still valid, counted from the request
/// for the fetch. Some callers wrap the whole call in a limit of 5 s.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// Everything that the cache knows about one key.
pub(super) struct State<E> {
    held: Option<Arc<CachedToken>>,
    fetch: Option<Fetch>,
    /// The token that the next fetch replaces, because a service has rejected it.
    rejected: Option<Box<AccessToken>>,
    pace: Pace<E>,
    /// Boxed, as few keys have one.
    outage: Option<Box<Outage>>,
    epoch: u64,
}

/// A fetch that is queued or under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch {
    pub(super) id: u64,
    pub(super) need: Need,
    /// When it was requested.
    since: Duration,
    is_admitted: bool,
    /// Whether its request names the rejected token.
    is_naming: bool,
}

impl<E: Failure> State<E> {
    pub(super) fn new(epoch: u64) -> Self {
        Self {
            held: None,
            fetch: None,
            rejected: None,
            pace: Pace::new(),
            outage: None,
            epoch,
        }
    }

    pub(super) fn held(&self) -> Option<&Arc<CachedToken>> {
        self.held.as_ref()
    }

    pub(super) fn fetch(&self) -> Option<Fetch> {
        self.fetch
    }

    /// The key is not dropped before this time, however many keys there are: the service demands that no
    /// request is sent until then.
    pub(super) fn stays_until(&self) -> Duration {
        match self.held {
            Some(_) => Duration::ZERO,
            None => self.pace.silent_until(),
        }
    }

    /// How long the current token can still be used.
    fn time_left(&self, now: Moment) -> Option<Duration> {
        let held = self.servable(now)?;
        Some(held.life.until_expired(now))
    }

    fn until_next_try(&self, context: &Context<'_, E>) -> Duration {
        let need = match self.servable(context.now) {
            Some(_) => Need::Renewal,
            None => Need::Token,
        };
        self.next(need, context)
            .saturating_sub(context.now.monotonic)
    }

    /// The rules.
    pub(super) fn on(&mut self, event: Event<E>, context: &Context<'_, E>) -> Decision<E> {
        self.enter_epoch(context);
        let (mut report, mut admits) = (None, None);
        let answer = match event {
            Event::Asked => Some(self.asked(context)),
            Event::Rejected {
                token,
                is_waited_for,
            } => self.rejected(token, is_waited_for, context),
            Event::Admitted => {
                admits = self.admitted(context);
                None
            }
            Event::GivenUp {
                id,
                answered,
                queued,
            } => {
                if self.counted(id, answered, context) {
                    self.ended();
                }
                Some(match self.servable(context.now) {
                    Some(held) => self.unrenewed(&held, context),
                    None => Answer::GaveUp(GaveUp::QueueStoodStill { queued }),
                })
            }
            Event::Ended {
                id,
                result,
                answered,
                was_waited_for,
                jitter,
            } => match self.counted(id, answered, context) {
                true => {
                    let error = result.as_ref().err().cloned();
                    let answer = match result {
                        Ok(new) => self.brought(new, was_waited_for, context),
                        Err(error) => self.failed(error, jitter, context),
                    };
                    report = self.report(error, context);
                    Some(answer)
                }
                false => Some(self.ended_earlier(result, context)),
            },
            Event::Woken => {
                self.woken(context);
                None
            }
            Event::Crowded => {
                report = self.crowded(context);
                None
            }
        };
        let wake_at = self.wake_at(context);
        Decision {
            answer,
            admits,
            report,
            is_over: wake_at.is_none() && self.fetch.is_none(),
            wake_at,
        }
    }

    /// After `clear`, only the pace of the requests is kept.
    fn enter_epoch(&mut self, context: &Context<'_, E>) {
        if self.epoch != context.epoch {
            self.epoch = context.epoch;
            self.held = None;
            self.rejected = None;
            self.pace.clear(context.now.monotonic);
            // A fetch that has not begun yet brings a new token, too.
            if self.fetch.take_if(|fetch| fetch.is_admitted).is_some() {
                self.pace.mark_earlier();
            }
        }
    }

    /// Counts the requests of a fetch. True if it is the fetch of this state, and not one from before
    /// `clear` or before the key was dropped.
    fn counted(&mut self, id: u64, answered: u32, context: &Context<'_, E>) -> bool {
        let is_own = self.fetch.is_some_and(|fetch| fetch.id == id);
        match is_own {
            true => self.pace.count(answered, context.now.monotonic),
            false => self.pace.count_earlier(answered, context.now.monotonic),
        }
        is_own
    }

    /// The result of a fetch from before `clear`, which is only for its callers, and is not cached.
    fn ended_earlier(
        &mut self,
        result: Result<Arc<CachedToken>, E>,
        context: &Context<'_, E>,
    ) -> Answer<E> {
        let remembered = |error: &&E| (context.limits.remembers)(error);
        if let Some(error) = result.as_ref().err().filter(remembered) {
            self.pace.heed(error, context.now.monotonic);
        }
        match (self.servable(context.now), result) {
            // A later fetch was faster.
            (Some(held), _) => Answer::Token(held.token.clone()),
            (None, Ok(token)) => Answer::Token(token.token.clone()),
            (None, Err(error)) => Answer::Error(error),
        }
    }

    /// The fetch has ended, and the current token stays.
    fn ended(&mut self) {
        self.fetch = None;
        self.rejected = None;
        if let Some(held) = &self.held {
            held.accept();
        }
    }

    fn asked(&mut self, context: &Context<'_, E>) -> Answer<E> {
        let now = context.now;
        if let Some(held) = self.servable(now) {
            held.ask();
            let need = match held.is_rejected() {
                true => Need::Replacement,
                false => Need::Renewal,
            };
            match (held.life.stage(now), need) {
                (Stage::Fresh, Need::Renewal) => {}
                (Stage::Usable, Need::Renewal) => self.want(need, context),
                _ => {
                    self.want(need, context);
                    return match self.patience_ends(now) {
                        Some(_) => Answer::WaitBriefly,
                        None => self.unrenewed(&held, context),
                    };
                }
            }
            return Answer::Token(held.token.clone());
        }
        self.want(Need::Token, context);
        if self.fetch.is_some() {
            return Answer::Wait;
        }
        let next = self.next(Need::Token, context);
        // The last error says more than that there were too many requests.
        match self.pace.remembered(now.monotonic, next) {
            Some(error) => Answer::Error(error),
            None => {
                let wait = next.saturating_sub(now.monotonic);
                Answer::GaveUp(GaveUp::TooManyRequests(wait))
            }
        }
    }

    fn rejected(
        &mut self,
        token: AccessToken,
        is_waited_for: bool,
        context: &Context<'_, E>,
    ) -> Option<Answer<E>> {
        let Some(held) = self.servable(context.now) else {
            // A late caller may have rejected an older one.
            let is_older = self.held.as_ref().is_some_and(|held| !held.is(&token));
            if !is_older && self.rejected.is_none() {
                self.rejected = Some(Box::new(token));
            }
            return is_waited_for.then(|| self.asked(context));
        };
        if !held.is(&token) {
            return Some(Answer::Token(held.token.clone()));
        }
        // At most once a minute: the service may return the same token all day, and other services may
        // accept it.
        held.reject();
        self.want(Need::Replacement, context);
        if self.fetch.is_some() {
            self.rejected = Some(Box::new(token));
            return Some(Answer::Wait);
        }
        held.accept();
        Some(Answer::Token(held.token.clone()))
    }

    fn admitted(&mut self, context: &Context<'_, E>) -> Option<Admitted> {
        let fetch = self.fetch.as_mut()?;
        fetch.is_admitted = true;
        let now = context.now.monotonic;
        self.pace.begun(fetch.need, now);
        // A call may have seen the mark of the rejected token before the owner heard of it.
        let held = self
            .held
            .as_ref()
            .filter(|_| fetch.need == Need::Replacement);
        let rejected = self.rejected.take().map(|rejected| *rejected);
        let rejected = rejected.or_else(|| held.map(|held| held.token.clone()));
        fetch.is_naming = rejected.is_some();
        Some(Admitted {
            requests: self.pace.budget(context.limits.requests, now),
            rejected,
        })
    }

    fn brought(
        &mut self,
        new: Arc<CachedToken>,
        was_waited_for: bool,
        context: &Context<'_, E>,
    ) -> Answer<E> {
        let now = context.now;
        let fetch = self.fetch.take();
        let (need, since) = fetch.map_or((Need::Token, now.monotonic), |it| (it.need, it.since));
        let is_naming = fetch.is_some_and(|fetch| fetch.is_naming);
        if was_waited_for {
            new.was_waited_for();
        }
        let had_token = self.servable(now).is_some();
        // A service has rejected this token after the request for it.
        let is_rejected = |rejected: &AccessToken| new.is(rejected);
        if !had_token && self.rejected.as_deref().is_some_and(is_rejected) {
            new.reject();
            self.held = Some(Arc::clone(&new));
        }
        if let Some(held) = self.servable(now) {
            // The remaining lifetimes are compared, not the times of expiry: the wall clock may have been
            // wrong when one of the tokens was received.
            let is_later = new.life.remaining(now) > held.life.remaining(now);
            let replaces = need == Need::Replacement && new.life.stage(now) != Stage::Expired;
            if held.is(&new.token) || !(is_later || replaces) {
                // A service has rejected it after the request, which did not name it.
                if self.rejected.is_some() && !is_naming {
                    self.want(Need::Replacement, context);
                    match &mut self.fetch {
                        // Some of these callers had no token, and have rejected none.
                        Some(_) if !had_token => return Answer::WaitBriefly,
                        Some(next) => {
                            // Callers who wait briefly count their time from the first request.
                            next.since = since;
                            return Answer::Wait;
                        }
                        None => {}
                    }
                }
                // The mark of a rejected token is taken away only if the token stays. A call that has just
                // looked up a replaced token must still see the mark.
                self.ended();
                self.pace.unchanged(held.life.remaining(now), now.monotonic);
                return self.unrenewed(&held, context);
            }
            new.replaces(&held);
        }
        self.pace.succeeded();
        self.rejected = None;
        self.held = Some(Arc::clone(&new));
        Answer::Token(new.token.clone())
    }

    fn failed(&mut self, error: E, jitter: f64, context: &Context<'_, E>) -> Answer<E> {
        self.ended();
        let servable = self.servable(context.now);
        let now = context.now.monotonic;
        match servable.is_some() || (context.limits.remembers)(&error) {
            true => self
                .pace
                .failed(error.clone(), servable.is_some(), now, jitter),
            false => self.pace.succeeded(),
        }
        match servable {
            Some(held) => self.unrenewed(&held, context),
            None => Answer::Error(error),
        }
    }

    /// What the operator should know of a fetch that has ended. A failure that another cache remembers is
    /// reported by that cache.
    fn report(&mut self, error: Option<E>, context: &Context<'_, E>) -> Option<Report<E>> {
        let now = context.now;
        let Some(error) = error else {
            let after = self.outage.take()?.lasted(now.monotonic);
            return Some(Report::Recovered { after });
        };
        if !(context.limits.remembers)(&error) {
            return None;
        }
        let new = || Box::new(Outage::new(now.monotonic));
        let is_news = self.outage.get_or_insert_with(new).failed(now.monotonic);
        is_news.then(|| Report::Fails {
            left: self.time_left(now),
            next: self.until_next_try(context),
            error,
        })
    }

    /// Drops the token, or without one the memory of its requests. A token that was used since the last
    /// look at it is passed over once (second chance). So a token in use stays, however many tokens are
    /// used only once.
    fn crowded(&mut self, context: &Context<'_, E>) -> Option<Report<E>> {
        let Some(held) = &self.held else {
            // `clear` may have taken the token just now.
            if self.stays_until() <= context.now.monotonic {
                self.pace.forget();
            }
            return None;
        };
        if held.take_used() {
            return None;
        }
        let left = self.time_left(context.now);
        self.held = None;
        left.map(|left| Report::Evicted { left })
    }

    fn woken(&mut self, context: &Context<'_, E>) {
        let Some(held) = self.servable(context.now) else {
            self.held = None;
            return;
        };
        if held.is_asked_for() && held.life.until_renewal(context.now).is_zero() {
            self.want(Need::Renewal, context);
        }
    }

    /// Until when callers who have a token wait for the fetch, if they still do.
    fn patience_ends(&self, now: Moment) -> Option<Duration> {
        let ends = self.fetch?.since + PATIENCE;
        (now.monotonic < ends).then_some(ends)
    }

    /// The answer for a caller who gets no new token now.
    fn unrenewed(&self, held: &CachedToken, context: &Context<'_, E>) -> Answer<E> {
        let is_due = held.life.stage(context.now) == Stage::Due;
        if !is_due || !context.limits.fails_unchanged {
            return Answer::Token(held.token.clone());
        }
        let now = context.now.monotonic;
        let next = self.next(Need::Renewal, context);
        match self.pace.remembered(now, next) {
            Some(error) => Answer::Error(error),
            None => Answer::GaveUp(GaveUp::NotRenewed(next.saturating_sub(now))),
        }
    }

    /// Requests a fetch if the pace allows it. A fetch that is there takes over the more urgent need.
    fn want(&mut self, need: Need, context: &Context<'_, E>) {
        let may_begin = self.next(need, context) <= context.now.monotonic;
        match &mut self.fetch {
            Some(fetch) => fetch.need = fetch.need.max(need),
            none if may_begin => {
                *none = Some(Fetch {
                    id: context.next_id,
                    need,
                    since: context.now.monotonic,
                    is_admitted: false,
                    is_naming: false,
                });
            }
            None => {}
        }
    }

    fn next(&self, need: Need, context: &Context<'_, E>) -> Duration {
        self.pace
            .next(need, context.limits.requests, context.now.monotonic)
    }

    /// The current token, unless it has expired.
    fn servable(&self, now: Moment) -> Option<Arc<CachedToken>> {
        let held = self.held.as_ref()?;
        (held.life.stage(now) != Stage::Expired).then(|| Arc::clone(held))
    }

    fn wake_at(&self, context: &Context<'_, E>) -> Option<Duration> {
        let now = context.now;
        let expired = |held: &CachedToken| now.monotonic + held.life.until_expired(now);
        if self.fetch.is_some() {
            let held = self.servable(now)?;
            return Some(self.patience_ends(now)?.min(expired(&held)));
        }
        let Some(held) = &self.held else {
            return Some(self.pace.idle_from(now.monotonic)).filter(|idle| *idle > now.monotonic);
        };
        let expired = expired(held);
        let renewal = now.monotonic + held.life.until_renewal(now);
        // The next call for it begins the renewal.
        Some(match renewal <= now.monotonic && !held.is_asked_for() {
            true => expired,
            false => renewal.max(self.next(Need::Renewal, context)).min(expired),
        })
    }
}

#[cfg(test)]
mod tests;
