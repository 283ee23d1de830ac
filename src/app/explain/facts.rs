//! What a record's way leaves behind for the verdict on it: what was asked, passed over, spoken
//! of, judged. Enters: each [`Trace`]; leaves: [`Facts`], event by event.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::trace::Counts;
use crate::model::{Edit, EventKey, Family, KindId, Operation, Provider, Severity, Trace};

/// Entries, needs and the like that are kept of one event; beyond that they say nothing new.
const KEPT: usize = 32;

/// Verdicts that are kept of one event.
const VERDICTS: usize = 500;

/// The steps of one event, as far as the verdict rests on them.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// What the index was asked.
    pub(super) key: Option<Key>,
    /// Entries passed over: place and why.
    pub(super) passed: Vec<(String, String)>,
    /// The entry that speaks.
    pub(super) entry: Option<String>,
    /// What the entry needed and did not find.
    pub(super) missing: Vec<String>,
    /// Guards within the entry that did not hold.
    pub(super) unmet: Vec<String>,
    /// Why what it says is blind.
    pub(super) blind: Vec<String>,
    /// The operation it starts or ends.
    pub(super) operation: Option<Operation>,
    /// Kinds it writes to.
    pub(super) kinds: Vec<KindId>,
    /// Deeds it tells of.
    pub(super) acts: Vec<u16>,
    /// Writes that wait for their resource.
    pub(super) orphaned: usize,
    /// Why resources were not judged, by kind's name.
    pub(super) unjudged: Vec<(String, String)>,
    /// Detectors not asked, with what they read.
    pub(super) skipped: BTreeMap<String, Vec<String>>,
    /// Detectors that had a word.
    pub(super) asked: BTreeSet<String>,
    /// Their verdicts, those that are insecure or unknown before the others; of many only some.
    pub(super) verdicts: Vec<Verdict>,
    /// Verdicts for which there was no room.
    pub(super) more: usize,
}

/// The question the index was asked.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) provider: Provider,
    pub(super) family: Family,
    pub(super) service: String,
    pub(super) resource_type: String,
    pub(super) name: String,
    pub(super) read: bool,
}

/// A detector's word on a resource or a deed.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) detector: String,
    /// `kind id`; empty for a deed.
    pub(super) on: String,
    pub(super) counts: Counts,
    /// Of the worst that holds.
    pub(super) severity: Option<Severity>,
    /// Whether it goes element by element.
    pub(super) each: bool,
}

impl Key {
    /// As the index is asked.
    pub(super) fn key(&self) -> EventKey<'_> {
        EventKey {
            provider: self.provider,
            family: self.family,
            service: &self.service,
            resource_type: &self.resource_type,
            name: &self.name,
        }
    }

    /// As a mapping writes it.
    pub(super) fn written(&self) -> String {
        if self.resource_type.is_empty() {
            return self.name.clone();
        }
        format!("{}/{}", self.resource_type, self.name)
    }
}

impl Verdict {
    /// In one word: what counts most.
    pub(super) const fn word(&self) -> &'static str {
        match self.counts {
            Counts { insecure: 1.., .. } => "insecure",
            Counts { unknown: 1.., .. } => "unknown",
            Counts { .. } => "secure",
        }
    }
}

impl Facts {
    /// Takes one step in.
    pub(super) fn note(&mut self, step: &Trace<'_>) {
        match *step {
            Trace::Key { key, read } => {
                self.key = Some(Key {
                    provider: key.provider,
                    family: key.family,
                    service: key.service.to_owned(),
                    resource_type: key.resource_type.to_owned(),
                    name: key.name.to_owned(),
                    read,
                });
            }
            Trace::Passed { file, line, why, .. } => {
                keep(&mut self.passed, (format!("{file}:{line}"), why.to_owned()));
            }
            Trace::Entry { file, line, .. } => self.entry = Some(format!("{file}:{line}")),
            Trace::Unmet { guard, .. } => keep(&mut self.unmet, guard.to_owned()),
            Trace::Missing { needs, .. } => keep(&mut self.missing, needs.to_owned()),
            Trace::Blind { why, facet } => {
                let facet = if facet.is_empty() { String::new() } else { format!("`{facet}`: ") };
                keep(&mut self.blind, format!("{facet}{why}"));
            }
            Trace::Change(change) => {
                self.operation = Some(change.operation.clone());
                // A write of nothing but what is unknown touches its kind all the same.
                for write in &change.writes {
                    let (Edit::Delete | Edit::Facets(_)) = &write.edit;
                    keep(&mut self.kinds, write.target.kind);
                }
                for act in &change.acts {
                    keep(&mut self.acts, act.act);
                }
            }
            Trace::Unplaced { orphaned, .. } => self.orphaned += orphaned,
            Trace::Resource { kind, unjudged, .. } if !unjudged.is_empty() => {
                keep(&mut self.unjudged, (kind.to_owned(), unjudged.to_owned()));
            }
            Trace::Skipped { detector, reads } => {
                let reads = || reads.iter().map(|facet| (*facet).to_owned()).collect();
                self.skipped.entry(detector.to_owned()).or_insert_with(reads);
            }
            Trace::Judged { .. } | Trace::Deed { .. } => self.verdict(step),
            // A window that hears has no word yet, but was reached.
            Trace::Heard { detector, .. } => {
                self.asked.insert(detector.to_owned());
            }
            Trace::Envelope { .. } | Trace::Tenant { .. } | Trace::Resource { .. } => {}
        }
    }

    fn verdict(&mut self, step: &Trace<'_>) {
        let verdict = match *step {
            Trace::Judged { detector, kind, id, each, rulings, counts, .. } => Verdict {
                detector: detector.to_owned(),
                on: format!("{kind} {id}"),
                counts,
                severity: rulings.first().filter(|r| r.holds == Some(true)).map(|r| r.severity),
                each: !each.is_empty(),
            },
            Trace::Deed { detector, holds, .. } => Verdict {
                detector: detector.to_owned(),
                on: String::new(),
                counts: Counts {
                    insecure: usize::from(holds == Some(true)),
                    unknown: usize::from(holds.is_none()),
                    secure: usize::from(holds == Some(false)),
                },
                severity: None,
                each: false,
            },
            _ => return,
        };
        self.asked.insert(verdict.detector.clone());
        if self.verdicts.len() < VERDICTS {
            self.verdicts.push(verdict);
            return;
        }
        self.more += 1;
        let dull = self.verdicts.iter().rposition(|other| other.word() == "secure");
        if let Some(place) = dull.filter(|_| verdict.word() != "secure") {
            self.verdicts[place] = verdict;
        }
    }
}

fn keep<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.len() < KEPT && !list.contains(&item) {
        list.push(item);
    }
}
