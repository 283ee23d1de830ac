//! The coverage table for people and programs: lines enter; text, Markdown or JSON leaves.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::{Coverage, Line, PATHS, Status};
use crate::model::Family;

/// How the page begins, down to the table of what its words mean.
const PREFACE: &str = "\
# Coverage

Which detector can fire on which cloud: by the audit trail, and by configuration snapshots (`audit / snapshot`).
Computed from what the mappings write and the detectors read; printed by `driftline coverage --format markdown`.
`driftline explain DETECTOR` tells the same of one, with all it reads.

| word | paths | meaning |
| --- | --- | --- |
";

const fn meaning(status: Status) -> &'static str {
    match status {
        Status::Live => "every facet it reads is written",
        Status::Partial => "it rests on an assumption, or one of several ways to fire is missing",
        Status::Dead => "the cloud's mappings speak of what it judges and never give what it needs",
        Status::Absent => "the cloud's mappings do not speak of it",
    }
}

impl Coverage {
    fn detectors(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.lines.iter().map(|line| &*line.detector).collect();
        ids.dedup();
        ids
    }

    /// A detector's words by cloud: audit, then snapshot.
    fn row(&self, detector: &str) -> Vec<String> {
        self.providers
            .iter()
            .map(|provider| {
                let words: Vec<&str> = PATHS
                    .iter()
                    .filter_map(|(family, _)| {
                        self.of(detector)
                            .find(|line| (line.provider, line.family) == (*provider, *family))
                            .map(|line| line.status.as_str())
                    })
                    .collect();
                words.join(" / ")
            })
            .collect()
    }

    /// How many lines have each status, best first.
    #[must_use]
    pub fn counts(&self) -> [(Status, usize); 4] {
        [Status::Live, Status::Partial, Status::Dead, Status::Absent]
            .map(|status| (status, self.lines.iter().filter(|line| line.status == status).count()))
    }

    /// A table for a terminal, then what is missing.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let _ = write!(text, "{:<12}", "detector");
        for provider in &self.providers {
            let _ = write!(text, " {:<20}", format!("{provider} (audit / snap)"));
        }
        text.push('\n');
        for detector in self.detectors() {
            let _ = write!(text, "{detector:<12}");
            for cell in self.row(detector) {
                let _ = write!(text, " {cell:<20}");
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text.push('\n');
        for line in self.gaps() {
            let _ = writeln!(text, "{}", gap(line));
        }
        for (status, count) in self.counts() {
            let _ = writeln!(text, "{:<8} {count}", status.as_str());
        }
        text
    }

    /// A page of documentation; `docs/coverage.md` is the shipped pack's.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = String::from(PREFACE);
        for (status, count) in self.counts() {
            let _ = writeln!(text, "| {} | {count} | {} |", status.as_str(), meaning(status));
        }
        text.push_str("\n## Detectors\n\n| detector |");
        for provider in &self.providers {
            let _ = write!(text, " {provider} (audit / snapshot) |");
        }
        text.push_str("\n| --- |");
        text.push_str(&" --- |".repeat(self.providers.len()));
        text.push('\n');
        for detector in self.detectors() {
            let _ = writeln!(text, "| {detector} | {} |", self.row(detector).join(" | "));
        }
        let gaps: Vec<String> = self.gaps().map(|line| format!("* {}\n", gap(line))).collect();
        if !gaps.is_empty() {
            text.push_str(
                "\n## Gaps\n\nWhat is partial or dead, and what of it no mapping gives.\n\n",
            );
            text.extend(gaps);
        }
        text
    }

    /// One object per line of the table.
    #[must_use]
    pub fn to_json(&self) -> Json {
        self.lines
            .iter()
            .map(|line| {
                json!({
                    "detector": &*line.detector,
                    "provider": line.provider.as_str(),
                    "path": path(line.family),
                    "status": match line.status {
                        Status::Absent => "absent",
                        other => other.as_str(),
                    },
                    "missing": line.missing,
                    "assumed": line.assumed,
                })
            })
            .collect()
    }

    fn gaps(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| matches!(line.status, Status::Dead | Status::Partial))
    }
}

fn path(family: Family) -> &'static str {
    match family {
        Family::Activity => "audit",
        Family::State => "snapshot",
    }
}

fn gap(line: &Line) -> String {
    let mut text = format!(
        "{} on {} {}: {}",
        line.detector,
        line.provider,
        path(line.family),
        line.status.as_str()
    );
    if !line.missing.is_empty() {
        let _ = write!(text, "; missing {}", line.missing.join(", "));
    }
    if !line.assumed.is_empty() {
        let _ = write!(text, "; assumed {}", line.assumed.join(", "));
    }
    text
}
