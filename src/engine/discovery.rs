//! Discovered findings told as one summary per tenant and detector.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::detect::Told;
use crate::model::finding::Summary;
use crate::model::{Digest, FindingChange, Step, Timestamp};

/// How long discoveries are gathered, in microseconds of event time.
const GATHER: i64 = 60 * 1_000_000;

/// Resources named in a summary.
const NAMED: usize = 20;

/// Discoveries not yet told, by tenant and detector.
#[derive(Debug, Default)]
pub struct Discoveries {
    gathered: BTreeMap<(Arc<str>, usize), Gathered>,
}

#[derive(Debug)]
struct Gathered {
    first: FindingChange,
    count: usize,
    resources: Vec<Arc<str>>,
    since: Timestamp,
}

impl Discoveries {
    /// Takes in a discovered finding's step; only openings count.
    pub fn add(&mut self, told: Told, now: Timestamp) {
        if told.change.step != Step::Opened {
            return;
        }
        let key = (Arc::clone(&told.change.finding.cell.tenant), told.detector);
        let resource = Arc::clone(&told.change.finding.resource);
        let gathered = self.gathered.entry(key).or_insert_with(|| Gathered {
            first: told.change,
            count: 0,
            resources: Vec::new(),
            since: now,
        });
        gathered.count += 1;
        if gathered.resources.len() < NAMED && !gathered.resources.contains(&resource) {
            gathered.resources.push(resource);
        }
    }

    /// The summaries that are due for a tenant at `now`, or all of everybody's without one.
    pub fn due(&mut self, of: Option<(&str, Timestamp)>) -> Vec<(FindingChange, usize)> {
        let is_due = |tenant: &str, gathered: &Gathered| match of {
            Some((name, now)) => tenant == name && now.since(gathered.since) >= GATHER,
            None => true,
        };
        let keys: Vec<(Arc<str>, usize)> = self
            .gathered
            .iter()
            .filter(|((tenant, _), gathered)| is_due(tenant, gathered))
            .map(|(key, _)| key.clone())
            .collect();
        keys.into_iter()
            .filter_map(|key| Some((summary(self.gathered.remove(&key)?), key.1)))
            .collect()
    }
}

fn summary(gathered: Gathered) -> FindingChange {
    let mut change = gathered.first;
    let detector = change.finding.reasons.first().map_or("", |reason| &*reason.detector);
    let tenant = Arc::clone(&change.finding.cell.tenant);
    change.finding.uid =
        Digest::of_texts(&[&tenant, "discovered", detector, &change.finding.episode]);
    change.finding.steps = 1;
    change.id = Digest::of_texts(&[&change.finding.uid.to_string(), &change.finding.episode, "1"]);
    change.summary = Some(Summary { count: gathered.count, resources: gathered.resources });
    change
}
