//! What is told at once: one notice, or the summary of many.

use std::sync::Arc;

use crate::model::{Digest, Severity, Step, Timestamp};

use super::notice::Notice;

/// What is told at once.
#[derive(Clone, Debug)]
pub enum Message {
    /// One notice.
    One(Arc<Notice>),
    /// Many in one.
    Many(Summary),
}

impl Message {
    /// The idempotency key: the alert's id, or one made of the ids of all alerts in it. Graphic
    /// ASCII.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::One(notice) => &notice.id,
            Self::Many(summary) => &summary.id,
        }
    }

    /// In one line: how bad, which step, what, where.
    #[must_use]
    pub fn headline(&self) -> String {
        match self {
            Self::One(notice) => headline(notice),
            Self::Many(summary) => summary.headline(),
        }
    }
}

/// A notice in one line.
#[must_use]
pub fn headline(notice: &Notice) -> String {
    let Notice { severity, step, title, tenant, .. } = notice;
    let (severity, step) = (severity.as_str(), step.as_str());
    if notice.findings > 1 {
        let count = notice.findings;
        return format!("[{severity}] {step}: {title}: {count} resources (tenant {tenant})");
    }
    format!("[{severity}] {step}: {title}: {} (tenant {tenant})", notice.subject())
}

/// How many notices a summary names.
pub const NAMED: usize = 10;

/// Many notices of one tenant in one message.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Made of the ids in it: the same notices give the same id.
    pub id: String,
    /// Whose.
    pub tenant: String,
    /// Whether nothing in it may page: all of it is experimental or discovered.
    pub quiet: bool,
    /// Findings in it; a notice may stand for several.
    pub findings: u64,
    /// Findings by severity, mildest first, ends left out.
    pub severities: [u64; Severity::ALL.len()],
    /// Ends in it.
    pub ends: u64,
    /// The worst of what may page; [`Severity::Informational`] where nothing may.
    pub severity: Severity,
    /// The newest notice's time.
    pub time: Timestamp,
    /// The first ten: the most severe, and of those the oldest.
    pub named: Vec<Arc<Notice>>,
    /// The id of every alert in it, in order.
    pub alerts: Vec<String>,
}

impl Summary {
    /// Of some notices of one tenant, each with whether it is one that never pages.
    #[must_use]
    pub fn of(notices: &[(Arc<Notice>, bool)]) -> Self {
        let ids: Vec<&str> = notices.iter().map(|(notice, _)| notice.id.as_str()).collect();
        let mut summary = Self {
            id: format!("summary-{}", Digest::of_texts(&ids)),
            tenant: notices.first().map(|(first, _)| first.tenant.clone()).unwrap_or_default(),
            quiet: notices.iter().all(|(_, quiet)| *quiet),
            findings: 0,
            severities: [0; Severity::ALL.len()],
            ends: 0,
            severity: Severity::Informational,
            time: Timestamp(i64::MIN),
            named: Vec::new(),
            alerts: ids.into_iter().map(ToOwned::to_owned).collect(),
        };
        for (notice, quiet) in notices {
            summary.findings += notice.findings;
            summary.time = summary.time.max(notice.time);
            if notice.is_end() {
                summary.ends += notice.findings;
                continue;
            }
            summary.severities[notice.severity as usize] += notice.findings;
            if !quiet {
                summary.severity = summary.severity.max(notice.severity);
            }
        }
        let mut order: Vec<&Arc<Notice>> = notices.iter().map(|(notice, _)| notice).collect();
        order.sort_by_key(|notice| (notice.is_end(), std::cmp::Reverse(notice.severity)));
        summary.named = order.into_iter().take(NAMED).cloned().collect();
        summary
    }

    /// In one line: how many of which severity.
    #[must_use]
    pub fn headline(&self) -> String {
        let Self { findings, tenant, .. } = self;
        format!("{findings} findings in one message: {} (tenant {tenant})", self.counts())
    }

    /// `2 critical, 1 high, 3 ended`.
    #[must_use]
    pub fn counts(&self) -> String {
        let mut parts: Vec<String> = Severity::ALL
            .into_iter()
            .rev()
            .map(|severity| (self.severities[severity as usize], severity.as_str()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        if self.ends > 0 {
            parts.push(format!("{} ended", self.ends));
        }
        parts.join(", ")
    }

    /// How many notices it does not name.
    #[must_use]
    pub fn unnamed(&self) -> usize {
        self.alerts.len() - self.named.len()
    }

    /// Its notices, one line each, and how many are not among them.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.named.iter().map(|notice| headline(notice)).collect();
        match self.unnamed() {
            0 => {}
            more => lines.push(format!("and {more} more")),
        }
        lines
    }
}

/// The word for a step in types of events.
#[must_use]
pub const fn event_of(step: Step) -> &'static str {
    match step {
        Step::Opened => "finding.opened",
        Step::Updated => "finding.updated",
        Step::Resolved | Step::Retracted => "finding.resolved",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::tests::lab::notice;

    #[test]
    fn a_summary_counts_by_severity_and_names_the_ten_most_severe() {
        let mut all: Vec<(Arc<Notice>, bool)> = Vec::new();
        for number in 0..23_usize {
            let severity = Severity::ALL[number % 5];
            let mut one = notice(&format!("a{number}"), &format!("f{number}"), Step::Opened);
            one.severity = severity;
            all.push((Arc::new(one), false));
        }
        let mut end = notice("a23", "f0", Step::Resolved);
        end.severity = Severity::Critical;
        all.push((Arc::new(end), false));
        let summary = Summary::of(&all);
        assert_eq!(summary.findings, 24);
        assert_eq!(
            summary.counts(),
            "4 critical, 4 high, 5 medium, 5 low, 5 informational, 1 ended"
        );
        assert_eq!((summary.severity, summary.quiet), (Severity::Critical, false));
        let named: Vec<&str> = summary.named.iter().map(|notice| notice.id.as_str()).collect();
        assert_eq!(named, ["a4", "a9", "a14", "a19", "a3", "a8", "a13", "a18", "a2", "a7"]);
        assert_eq!(summary.lines().last().map(String::as_str), Some("and 14 more"));
        assert_eq!(summary.alerts.len(), 24);
    }

    #[test]
    fn what_never_pages_makes_no_summary_worse() {
        let mut quiet = notice("a", "f", Step::Opened);
        quiet.severity = Severity::Critical;
        quiet.findings = 7;
        let mut loud = notice("b", "g", Step::Opened);
        loud.severity = Severity::Low;
        let (quiet, loud) = ((Arc::new(quiet), true), (Arc::new(loud), false));
        let alone = Summary::of(std::slice::from_ref(&quiet));
        assert_eq!((alone.severity, alone.quiet), (Severity::Informational, true));
        assert_eq!((alone.findings, alone.counts().as_str()), (7, "7 critical"));
        let both = Summary::of(&[quiet, loud]);
        assert_eq!((both.severity, both.quiet), (Severity::Low, false));
    }

    #[test]
    fn the_same_notices_have_the_same_id_and_others_another() {
        let of = |ids: &[&str]| {
            let all: Vec<_> =
                ids.iter().map(|id| (Arc::new(notice(id, "f", Step::Opened)), false)).collect();
            Summary::of(&all).id
        };
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["b", "a"]));
        assert_ne!(of(&["a", "b"]), of(&["ab"]));
    }
}
