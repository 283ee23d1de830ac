//! Alerts to people: what stands in the alerts topic enters, and leaves at destinations, at least
//! once, with the alert's id as idempotency key.
//!
//! A [`Destination`] turns a [`Message`] into a [`Request`] and an answer into a [`Verdict`]; both
//! are pure. A [`Lane`] keeps what one destination has still to take. [`Notify`] is the worker:
//! it reads the topic, has [`Routes`] say where a notice goes, hands requests to a [`Transport`],
//! and commits.
//!
//! **Invariant:** an offset is committed only once everything before it was delivered, or stands
//! in the dead-letter topic. A destination that fails holds back none of the others, and no more
//! than a bounded queue in memory. A secret is in a request and nowhere else.
//!
//! A restart repeats deliveries and loses none. Each destination goes on behind the last alert up
//! to which it had taken everything, which is kept beside the committed offset; what it took out
//! of turn behind that place, and in the second before the end, is delivered again under the same
//! id.

pub mod address;
mod alertmanager;
pub mod clip;
mod endpoint;
mod http;
mod lane;
mod message;
mod notice;
mod pace;
mod pagerduty;
mod place;
mod request;
mod routes;
mod secret;
mod settings;
mod slack;
#[cfg(test)]
mod tests;
mod webhook;
mod worker;

use std::time::Duration;

pub use alertmanager::Alertmanager;
pub use endpoint::{Allow, Endpoint};
pub use http::{Http, HttpError, Reach};
pub use lane::{Lane, Spec};
pub use message::{Message, Summary};
pub use notice::{Notice, NoticeError, Reason};
pub use pace::Rate;
pub use pagerduty::PagerDuty;
pub use request::{Answer, Failure, Reply, Request, Unfit, Verdict, retry_after, told};
pub use routes::{Glob, Matcher, Route, Routes, Tag};
pub use secret::Secret;
pub use settings::{Mutant, Settings};
pub use slack::Slack;
pub use webhook::{SecretFault, Webhook};
pub use worker::Notify;

use crate::model::Timestamp;

/// What a destination makes of the steps of a finding's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It keeps alerts that fire until they are ended, and groups them itself.
    Alerts,
    /// It opens something for a finding, which only the finding's own end closes.
    Incidents,
    /// It shows each message, and knows no ends.
    Messages,
}

impl Manner {
    /// Whether an end must reach it wherever an opening may have.
    #[must_use]
    pub const fn closes(self) -> bool {
        matches!(self, Self::Alerts | Self::Incidents)
    }

    /// Whether a notice may be told in a summary in the place of a message of its own.
    #[must_use]
    pub const fn gathers(self, notice: &Notice) -> bool {
        match self {
            Self::Alerts => false,
            Self::Incidents => !notice.is_end(),
            Self::Messages => true,
        }
    }
}

/// An alert that fires, as a destination that must be told of it again and again knows it: JSON
/// texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What identifies it there.
    pub labels: Box<str>,
    /// What else is told of it.
    pub rest: Box<str>,
}

/// Where alerts go: a message into a request, an answer into a verdict. Both are pure.
pub trait Destination: Send {
    /// The name of its sort in the configuration.
    fn kind(&self) -> &'static str;

    /// What it makes of the steps of a finding's life.
    fn manner(&self) -> Manner {
        Manner::Messages
    }

    /// The request that tells a message; `before` is what stands there of the same finding.
    ///
    /// # Errors
    /// Where this message can never be told.
    fn request(
        &self,
        message: &Message,
        before: Option<&Standing>,
        now: Timestamp,
    ) -> Result<Request, Unfit>;

    /// What follows from an answer.
    fn judge(&self, reply: &Reply, now: Timestamp) -> Verdict {
        Verdict::by_status(reply, now)
    }

    /// What must not be shown of what it answers.
    fn secrets(&self) -> Vec<&Secret>;

    /// How often it must be told of what stands; `None` where it remembers.
    fn resend(&self) -> Option<Duration> {
        None
    }

    /// What stands there once a notice was delivered; `None` where nothing is to be told again.
    fn standing(&self, _notice: &Notice) -> Option<Standing> {
        None
    }

    /// The request that tells again of what stands.
    fn repeat(&self, _standing: &[&Standing], _now: Timestamp) -> Option<Request> {
        None
    }
}

/// Named by a request that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Carries requests. Each ends in exactly one answer, in a bounded time.
pub trait Transport {
    /// Sends a request to an endpoint of the lane of that number, and does not wait.
    fn send(&mut self, ticket: Ticket, lane: usize, endpoint: &Endpoint, request: Request);

    /// Waits until an answer is there, no longer than `wait`, and adds all there are.
    fn wait(&mut self, wait: Duration, answers: &mut Vec<(Ticket, Answer)>);
}
